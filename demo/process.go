package main

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var (
	//go:embed prosody.cfg.lua
	prosodyConfig string
	//go:embed ejabberd.yml
	ejabberdConfig string
	//go:embed usher.yaml
	usherConfig string
)

// accounts of the demo's server; the password is the name. Each has the workgroup as a contact already, which a person would have to accept once.
var accounts = []string{"alice", "bob", "carol"}

const workgroup = "support@visitors.localhost"

// process is a program that the demo has started.
type process struct {
	cmd  *exec.Cmd
	log  string // its log file, or "" if it logs to the terminal
	done chan struct{}
}

// launch starts cmd in a process group of its own, so that a Ctrl-C in the
// terminal reaches the demo alone and the order of stopping is the demo's.
func launch(cmd *exec.Cmd, log string) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if log != "" {
		f, err := os.Create(log)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		cmd.Stdout, cmd.Stderr = f, f
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	// Ends with the process.
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop asks the process to end and waits; one that does not within 30 s is killed.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
	}
}

// tail returns the last lines of the log.
func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// wait calls test until it is true, the process ends, or half a minute has passed.
func (p *process) wait(ctx context.Context, what string, test func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, fmt.Errorf("%s did not come within 30 s", what))
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !test() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.done:
			if p.log == "" {
				return fmt.Errorf("%s ended at once", p.cmd.Path)
			}
			return fmt.Errorf("%s ended at once; its log:\n%s", p.cmd.Path, p.tail())
		}
	}
	return nil
}

// answers waits until something listens on each port.
func (p *process) answers(ctx context.Context, ports ...int) error {
	for _, port := range ports {
		err := p.wait(ctx, "an answer on port "+strconv.Itoa(port), func() bool {
			c, err := net.Dial("tcp", local(port))
			if err == nil {
				c.Close()
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ready waits for Usher's own word that its links are up.
func (p *process) ready(ctx context.Context, admin int) error {
	return p.wait(ctx, "Usher's link to the server", func() bool {
		answer, err := http.Get("http://" + local(admin) + "/readyz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// fill writes a server's config with the demo's values in it.
func fill(path, config, dir string, p ports) error {
	config = strings.NewReplacer("@DIR@", dir, "@C2S@", strconv.Itoa(p.c2s), "@COMPONENT@", strconv.Itoa(p.component)).Replace(config)
	return os.WriteFile(path, []byte(config), 0o600)
}

func prosody(dir string, p ports) (*process, error) {
	for _, name := range accounts {
		for kind, text := range map[string]string{
			"accounts": fmt.Sprintf("return { [\"password\"] = %q };\n", name),
			"roster":   fmt.Sprintf("return { [false] = { version = 1 }; [%q] = { subscription = \"both\", name = \"Support\", groups = {} } };\n", workgroup),
		} {
			file := filepath.Join(dir, "data", "localhost", kind, name+".dat")
			if _, err := os.Stat(file); err == nil {
				continue // Prosody has written it anew, with a hash in the place of the password
			}
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				return nil, err
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				return nil, err
			}
		}
	}
	config := filepath.Join(dir, "prosody.cfg.lua")
	if err := fill(config, prosodyConfig, dir, p); err != nil {
		return nil, err
	}
	return launch(exec.Command("prosody", "-F", "--config", config), filepath.Join(dir, "prosody.log"))
}

// ejabberd runs as an Erlang node without a name: no epmd, no cookie, nothing
// shared with an ejabberd of the machine's.
func ejabberd(dir string, p ports) (*process, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "ejabberd.yml")
	if err := fill(config, ejabberdConfig, dir, p); err != nil {
		return nil, err
	}
	app, err := filepath.Glob("/usr/lib/*/ejabberd-*/ebin/ejabberd.app")
	if err != nil || len(app) == 0 {
		return nil, fmt.Errorf("ejabberd is not where Debian puts it: /usr/lib/*/ejabberd-*/")
	}
	var names []string
	for _, name := range accounts {
		names = append(names, fmt.Sprintf("<<%q>>", name))
	}
	local, domain, _ := strings.Cut(workgroup, "@")
	register := fmt.Sprintf("[begin ejabberd_auth:try_register(U, <<\"localhost\">>, U), "+
		"mod_admin_extra:add_rosteritem(U, <<\"localhost\">>, <<%q>>, <<%q>>, <<\"Support\">>, <<>>, <<\"both\">>) end || U <- [%s]].",
		local, domain, strings.Join(names, ", "))
	cmd := exec.Command("erl", "-noinput", "-mnesia", "dir", fmt.Sprintf("%q", filepath.Join(dir, "data")), "-s", "ejabberd", "-eval", register)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"HOME="+dir,
		"ERL_LIBS="+filepath.Join(app[len(app)-1], "..", "..", ".."),
		"ERL_CRASH_DUMP_BYTES=0",
		"EJABBERD_CONFIG_PATH="+config,
		"EJABBERD_LOG_PATH="+filepath.Join(dir, "ejabberd.log"),
	)
	return launch(cmd, filepath.Join(dir, "console.log"))
}

// usher starts the binary with demo/usher.yaml, in which the ports are
// replaced by those of the command line.
func usher(dir string, p ports) (*process, error) {
	var pairs []string
	for port, chosen := range map[int]int{8080: p.http, 9091: p.admin, 5347: p.component, 5222: p.c2s, 8090: p.site} {
		pairs = append(pairs, fmt.Sprintf(":%d", port), fmt.Sprintf(":%d", chosen))
	}
	config := filepath.Join(dir, "usher.yaml")
	if err := os.WriteFile(config, []byte(strings.NewReplacer(pairs...).Replace(usherConfig)), 0o600); err != nil {
		return nil, err
	}
	binary, err := filepath.Abs("usher")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "serve", "-config", config)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return launch(cmd, "")
}
