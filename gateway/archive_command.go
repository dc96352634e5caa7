package gateway

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"usher/archive"
	"usher/files"
)

// archiveUsage is what `usher archive` says of itself.
const archiveUsage = `usage: usher archive -config FILE COMMAND
  list   [-site S] [-workgroup W] [-agent J] [-visitor V] [-from D] [-to D] [-limit N] [-json]
  search [the same] WORDS     all of the words; "words in a row"; beginnings with a star*
  show   [-json] ID
  export [the same] [-format json|text] [-o FILE]
  erase  -visitor V [-yes]
  report [-from D] [-to D] -by day|agent|workgroup [-json]
  backup FILE
V is a JID, a customer id (sub) or a mail address; D is a date, or a time like 2026-11-22T12:00:00Z. Days are those of UTC.
`

// Exit status of `usher archive`.
const (
	archiveOK       = 0
	archiveFailed   = 1
	archiveUsed     = 2 // the command line or the config is wrong
	archiveNotFound = 3
)

// ArchiveCommand is `usher archive`: it works on the archive that the config names, also beside a running server. It returns the
// exit status: 0, 1 if it failed, 2 for a wrong command line or config, 3 if what it was to show or erase isn't there.
func ArchiveCommand(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("usher archive", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, archiveUsage) }
	path := flags.String("config", "", "config `file`")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return archiveOK
	case err != nil:
		return archiveUsed
	case *path == "" || flags.NArg() == 0:
		flags.Usage()
		return archiveUsed
	}
	c := &archiveCommand{ctx: ctx, stdin: stdin, stdout: stdout}
	err := c.parse(flags.Arg(0), flags.Args()[1:])
	if errors.Is(err, flag.ErrHelp) {
		flags.Usage()
		return archiveOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "usher archive: %v\n%s", err, archiveUsage)
		return archiveUsed
	}
	cfg, _, err := Load(*path)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return archiveUsed
	}
	c.files = cfg.Files.Path
	if c.archive, err = archive.Open(cfg.Archive.Path, archive.Options{Existing: true}); err == nil {
		err = c.run(c)
		if e := c.archive.Close(); err == nil {
			err = e
		}
	}
	if err == nil {
		return archiveOK
	}
	fmt.Fprintln(stderr, "usher:", err)
	var bad *badRequest
	switch {
	case errors.Is(err, archive.ErrNotFound):
		return archiveNotFound
	case errors.As(err, &bad) || errors.Is(err, archive.ErrFilter):
		return archiveUsed
	}
	return archiveFailed
}

// archiveCommand is one call of `usher archive`.
type archiveCommand struct {
	ctx     context.Context
	stdin   io.Reader
	stdout  io.Writer
	archive *archive.Archive
	files   string // files.path
	run     func(c *archiveCommand) error

	filter  archive.Filter
	json    bool
	text    bool
	yes     bool
	by      archive.By
	file    string // -o
	operand string // ID, FILE
}

// parse reads a command, its flags and its operands.
func (c *archiveCommand) parse(name string, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller says what is wrong
	var from, to, format, by string
	asJSON := func() { flags.BoolVar(&c.json, "json", false, "") }
	times := func() {
		flags.StringVar(&from, "from", "", "")
		flags.StringVar(&to, "to", "", "")
	}
	filter := func() {
		flags.StringVar(&c.filter.Site, "site", "", "")
		flags.StringVar(&c.filter.Workgroup, "workgroup", "", "")
		flags.StringVar(&c.filter.Agent, "agent", "", "")
		flags.StringVar(&c.filter.Visitor, "visitor", "", "")
		flags.IntVar(&c.filter.Limit, "limit", 0, "")
		times()
	}
	operands, most := 0, 0
	switch name {
	case "list":
		filter()
		asJSON()
		c.run = (*archiveCommand).list
	case "search":
		filter()
		asJSON()
		operands, most = 1, 1000
		c.run = (*archiveCommand).list
	case "show":
		asJSON()
		operands, most = 1, 1
		c.run = (*archiveCommand).show
	case "export":
		filter()
		flags.StringVar(&format, "format", "json", "")
		flags.StringVar(&c.file, "o", "", "")
		c.run = (*archiveCommand).export
	case "erase":
		flags.StringVar(&c.filter.Visitor, "visitor", "", "")
		flags.BoolVar(&c.yes, "yes", false, "")
		c.run = (*archiveCommand).erase
	case "report":
		times()
		asJSON()
		flags.StringVar(&by, "by", "", "")
		c.run = (*archiveCommand).report
	case "backup":
		operands, most = 1, 1
		c.run = (*archiveCommand).backup
	default:
		return fmt.Errorf("no command %q", name)
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch n := flags.NArg(); {
	case n < operands:
		return fmt.Errorf("%s: something is missing", name)
	case n > most:
		return fmt.Errorf("%s: what is %q? Flags stand before arguments", name, flags.Arg(most))
	}
	set := func(name string) (is bool) {
		flags.Visit(func(f *flag.Flag) { is = is || f.Name == name })
		return is
	}
	var err error
	if c.filter.From, err = parseDate(from, false); err != nil {
		return fmt.Errorf("-from: %w", err)
	}
	if c.filter.To, err = parseDate(to, true); err != nil {
		return fmt.Errorf("-to: %w", err)
	}
	switch c.by = archive.By(by); {
	case set("limit") && c.filter.Limit < 1:
		return errors.New("-limit: must be more than 0")
	case name == "erase" && c.filter.Visitor == "":
		return errors.New("erase: -visitor is missing")
	case name == "export" && format != "json" && format != "text":
		return errors.New("-format: must be json or text")
	case name == "report" && !slices.Contains([]archive.By{archive.ByDay, archive.ByAgent, archive.ByWorkgroup}, c.by):
		return errors.New("-by: must be day, agent or workgroup")
	case name == "search":
		c.filter.Words = strings.Join(flags.Args(), " ")
	}
	c.text = format == "text"
	c.operand = flags.Arg(0)
	return nil
}

// list shows conversations, the newest first, with words or without.
func (c *archiveCommand) list() error {
	most := c.filter.Limit
	var all []archive.Conversation
	for {
		if most > 0 {
			c.filter.Limit = min(most-len(all), 1000)
		}
		found, next, err := c.archive.Query(c.ctx, c.filter)
		if err != nil {
			return err
		}
		all = append(all, found...)
		if c.filter.After = next; next == "" || most == 0 || len(all) >= most {
			break
		}
	}
	if c.json {
		return writeJSON(c.stdout, listOf(all, c.filter.After))
	}
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNO\tASKED\tWORKGROUP\tSTATE\tVISITOR\tAGENTS\tQUESTION")
	for i := range all {
		k := &all[i]
		state := k.State
		if k.Reason != "" {
			state += " (" + k.Reason + ")"
		}
		visitor := k.Visitor.JID
		if k.Visitor.Name != "" {
			visitor = k.Visitor.Name
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s/%s\t%s\t%s\t%s\t%s\n", k.ID, k.Number, k.Asked.UTC().Format("2006-01-02 15:04"), k.Site, k.Workgroup,
			state, cell(visitor, 30), cell(strings.Join(k.Agents, " "), 40), cell(k.Question, 50))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if c.filter.After != "" {
		fmt.Fprintf(c.stdout, "There are more: -limit shows them.\n")
	}
	return nil
}

// cell makes text fit for a table: one line, nothing that a terminal obeys, not too long.
func cell(text string, most int) string {
	text = strings.Join(strings.Fields(archive.Printable(text)), " ")
	if text == "" {
		return "-"
	}
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return text
}

func (c *archiveCommand) show() error {
	k, events, err := c.archive.Get(c.operand)
	switch {
	case err != nil:
		return err
	case c.json:
		return writeJSON(c.stdout, archive.NewDocument(k, events))
	}
	return archive.WriteText(c.stdout, k, events)
}

// export writes to standard output, or into a new file, which is removed again if it can't be finished.
func (c *archiveCommand) export() (err error) {
	var to io.Writer = c.stdout
	if c.file != "" {
		f, err := os.OpenFile(c.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", c.file, archive.ErrExists)
		}
		if err != nil {
			return err
		}
		defer func() {
			if e := f.Close(); err == nil {
				err = e
			}
			if err != nil {
				os.Remove(c.file)
			}
		}()
		to = f
	}
	w := bufio.NewWriter(to)
	out := &exporter{w: w, text: c.text}
	if err := c.archive.Export(c.ctx, c.filter, out.add); err != nil {
		return err
	}
	if err := out.close(); err != nil {
		return err
	}
	return w.Flush()
}

func (c *archiveCommand) erase() error {
	will, err := c.archive.Erasable(c.ctx, c.filter.Visitor)
	if err != nil && !errors.Is(err, archive.ErrNotFound) {
		return err
	}
	if err == nil && !c.yes {
		fmt.Fprintf(c.stdout, "This erases %s of %s, for ever. Go on? [y/N] ", amount(will), cell(c.filter.Visitor, 200))
		answer, _ := bufio.NewReader(c.stdin).ReadString('\n') // no answer is no
		if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
			return errors.New("nothing was erased")
		}
	}
	ctx, cancel := context.WithTimeout(c.ctx, eraseTime)
	defer cancel()
	removed := 0
	if c.files != "" {
		jids, err := c.archive.JIDs(ctx, c.filter.Visitor) // before the archive forgets them
		if err != nil {
			return err
		}
		if removed, err = files.Erase(c.files, jids); err != nil {
			return err
		}
	}
	done, err := c.archive.Erase(ctx, c.filter.Visitor) // with nothing to erase it finishes what an earlier one had to leave
	if err != nil && (removed == 0 || !errors.Is(err, archive.ErrNotFound)) {
		return err
	}
	if removed > 0 {
		fmt.Fprintf(c.stdout, "Erased: %s and %d files.\n", amount(done), removed)
		return nil
	}
	fmt.Fprintf(c.stdout, "Erased: %s.\n", amount(done))
	return nil
}

func amount(e archive.Erased) string {
	return fmt.Sprintf("%d conversations with %d messages", e.Conversations, e.Messages)
}

// archiveReport is the JSON of a report.
type archiveReport struct {
	By   archive.By    `json:"by"`
	From archive.Stamp `json:"from"` // none: open
	To   archive.Stamp `json:"to"`
	Rows []archive.Row `json:"rows"`
}

func (c *archiveCommand) report() error {
	rows, err := c.archive.Report(c.ctx, c.filter.From, c.filter.To, c.by)
	if err != nil {
		return err
	}
	if c.json {
		return writeJSON(c.stdout, archiveReport{c.by, rfc3339(c.filter.From), rfc3339(c.filter.To), rows})
	}
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "%s\tasked\taccepted\tabandoned\toffline\twait\twait p90\tduration\trating\t\n", c.by)
	for _, r := range rows {
		rating := "-"
		if r.Rated > 0 {
			rating = fmt.Sprintf("%.1f of %d", r.Rating, r.Rated)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t\n", cell(r.Key, 60), r.Volume, r.Accepted, r.Abandoned, r.Offline,
			seconds(r.WaitMean), seconds(r.WaitP90), seconds(r.Duration), rating)
	}
	return table.Flush()
}

func rfc3339(t time.Time) archive.Stamp {
	if t.IsZero() {
		return ""
	}
	return archive.Stamp(t.UTC().Format(time.RFC3339))
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

func (c *archiveCommand) backup() error {
	if err := c.archive.Backup(c.ctx, c.operand); err != nil {
		return err
	}
	info, err := os.Stat(c.operand)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%s: %d bytes\n", c.operand, info.Size())
	return nil
}
