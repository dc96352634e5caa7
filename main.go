// Command usher is a gateway between web chat and an XMPP server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"usher/gateway"
)

const usage = `usage:
  usher [serve] -config FILE   run
  usher check -config FILE [-json]
                               try the links and a support room, say what to change
  usher archive -config FILE COMMAND
                               search, show, export, erase, report, backup
  usher version                print the version
`

// Exit status.
const (
	exitOK     = 0
	exitFailed = 1 // it ran, or tried to, and failed
	exitUsage  = 2 // the command line or the config is wrong
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	command := "serve"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		command, args = args[0], args[1:]
	}
	switch command {
	case "serve":
		return serve(args, stderr)
	case "version":
		fmt.Fprintln(stdout, "usher", gateway.Version())
		return exitOK
	case "help":
		fmt.Fprint(stdout, usage)
		return exitOK
	case "archive":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
		defer stop()
		return gateway.ArchiveCommand(ctx, args, os.Stdin, stdout, stderr)
	case "check":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
		defer stop()
		return gateway.CheckCommand(ctx, args, stdout, stderr)
	default:
		fmt.Fprintf(stderr, "usher: no command %q\n%s", command, usage)
	}
	return exitUsage
}

func serve(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("usher serve", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	path := flags.String("config", "", "config `file`")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case *path == "" || flags.NArg() > 0:
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	cfg, warnings, err := gateway.Load(*path)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	log := newLog(cfg.Log, stderr)
	for _, w := range warnings {
		log.Warn("config: " + w)
	}
	g, err := gateway.New(cfg, log)
	if err != nil {
		log.Error("cannot start", "err", err)
		return exitFailed
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	go reload(ctx, hangup, g, log) // ends with ctx
	go tidy(ctx, log)              // ends with ctx
	log.Info("starting", "version", gateway.Version(), "node", cfg.Node, "sites", len(cfg.Sites))
	err = g.Run(ctx)
	stop()
	if err != nil {
		log.Error("stopped", "err", err)
		return exitFailed
	}
	log.Info("stopped")
	return exitOK
}

// reload reads the TLS certificate again at each SIGHUP; the rest of the config needs a restart.
func reload(ctx context.Context, hangup <-chan os.Signal, g *gateway.Gateway, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		if err := g.ReloadCertificate(); err != nil {
			log.Error("SIGHUP: the old TLS certificate stays", "err", err)
			continue
		}
		log.Info("SIGHUP: TLS certificate read again; changes of the config file need a restart in this version")
	}
}

func newLog(cfg gateway.LogConfig, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		level = slog.LevelInfo // Load lets only known levels through
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
