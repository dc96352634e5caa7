package xmpptest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// ServerOptions says what a real XMPP server is started with. The zero value
// is a server for localhost with the accounts alice, bob and carol, the MUC
// service conference.localhost, no component and everything in memory.
type ServerOptions struct {
	// Components may connect by XEP-0114. ejabberd takes any domain that shares the
	// first one's secret, and the listed domains only if their secrets differ.
	Components []Component
	Rooms      string    // the MUC service; default conference.localhost
	Accounts   []Account // at localhost; default: alice, bob, carol, each with the password "pw-" + name

	// Front is the domain of a host with anonymous login that the server itself serves
	// over BOSH and WebSocket; "" = none. With FrontTLS, a file in PEM with a certificate and its key, over TLS.
	Front, FrontTLS string

	Disk    bool // keep rooms and archives across a restart
	Archive bool // the MUC service keeps an archive and stamps stanza-ids (XEP-0313, XEP-0359)

	Quiet bool // only warnings and errors are logged once it is up

	Extra      string // more configuration: top level (Lua or YAML)
	ExtraRooms string // more configuration of the MUC service (Lua lines or YAML lines, unindented)

	Dir string // data folder; default: a temporary one that Close removes
}

// Component is what a component link logs in with.
type Component struct{ Domain, Secret string }

// Account is an ordinary user of the host localhost.
type Account struct{ User, Password string }

// startTimeout bounds a start; a loaded machine takes a few seconds.
const startTimeout = 60 * time.Second

// errPortTaken makes the first start try again with other ports.
var errPortTaken = errors.New("a port was taken meanwhile")

// dialect is what the two servers do differently.
type dialect struct {
	name    string
	write   func(s *Server) error     // writes config and accounts into s.dir
	command func(s *Server) *exec.Cmd // in the foreground, logging to stdout
	ready   func(s *Server) []string  // log lines contain each of these once the server is usable
	taken   string                    // log text of a port that could not be opened
}

// Server is a real XMPP server as a child process with its own config, data
// and ports on 127.0.0.1. Its methods may be called from one goroutine at a
// time; the accessors from any.
type Server struct {
	opts  ServerOptions
	kind  dialect
	dir   string
	ours  bool // dir is ours to remove
	ports struct{ c2s, component, http int }

	proc *process // nil while it is down
}

// process is one life of the server.
type process struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when the process is gone
	err  error         // set before done is closed

	mu     sync.Mutex
	missed map[string]bool // log texts not seen yet
	ready  chan struct{}   // closed when missed is empty
	bad    chan struct{}   // closed when a port was taken
}

func startServer(kind dialect, opts ServerOptions) (*Server, error) {
	s := &Server{opts: withDefaults(opts), kind: kind, dir: opts.Dir}
	if s.dir == "" {
		d, err := os.MkdirTemp("", "xmpptest-"+kind.name+"-")
		if err != nil {
			return nil, err
		}
		s.dir, s.ours = d, true
	}
	var err error
	for range 5 { // another process may take a port between the choice and its use
		if err = s.pickPorts(); err != nil {
			break
		}
		if err = s.kind.write(s); err != nil {
			break
		}
		if err = s.Start(); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("xmpptest: start %s: %w", kind.name, err)
	}
	return s, nil
}

func withDefaults(o ServerOptions) ServerOptions {
	if o.Rooms == "" {
		o.Rooms = "conference.localhost"
	}
	if o.Accounts == nil {
		for _, u := range []string{"alice", "bob", "carol"} {
			o.Accounts = append(o.Accounts, Account{User: u, Password: "pw-" + u})
		}
	}
	return o
}

// RunProsody starts Prosody for the test and stops it at its end.
func RunProsody(t testing.TB, opts ServerOptions) *Server {
	t.Helper()
	return run(t, StartProsody, opts)
}

// RunEjabberd starts ejabberd for the test and stops it at its end.
func RunEjabberd(t testing.TB, opts ServerOptions) *Server {
	t.Helper()
	return run(t, StartEjabberd, opts)
}

func run(t testing.TB, start func(ServerOptions) (*Server, error), opts ServerOptions) *Server {
	t.Helper()
	s, err := start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("%s's last log lines:\n%s", s.kind.name, s.LogTail(40))
		}
		s.Close()
	})
	return s
}

// Start starts the server again, on the same ports with the same data, after
// Kill or Stop. It returns when the server takes connections.
func (s *Server) Start() error {
	if s.proc != nil {
		return errors.New("already running")
	}
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	p := &process{
		cmd: s.kind.command(s), log: log, missed: map[string]bool{},
		done: make(chan struct{}), ready: make(chan struct{}), bad: make(chan struct{}),
	}
	for _, text := range s.kind.ready(s) {
		p.missed[text] = true
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		log.Close()
		return err
	}
	p.cmd.Stderr = p.cmd.Stdout
	p.cmd.SysProcAttr = processAttr()
	started := make(chan error)
	// Ends when the process does, which Kill, Stop or the death of this process brings about.
	// The goroutine keeps its thread, since Linux ties the child's life to the thread that forked it.
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.follow(out, s.kind.taken)
		}
		log.Close()
	}()
	if err := <-started; err != nil {
		return err
	}
	s.proc = p
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case <-p.ready:
		return s.probe()
	case <-p.bad:
		err = errPortTaken
	case <-p.done:
		err = fmt.Errorf("it ended: %v\n%s", p.err, s.LogTail(20))
	case <-timeout.C:
		err = fmt.Errorf("not ready after %v\n%s", startTimeout, s.LogTail(20))
	}
	s.Kill()
	return err
}

// follow copies the log until the process ends, watching for what Start waits for.
func (p *process) follow(out io.Reader, taken string) {
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			p.log.WriteString(line)
			p.note(line, taken)
		}
		if err != nil {
			break
		}
	}
	p.err = p.cmd.Wait()
	close(p.done)
}

func (p *process) note(line, taken string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.missed) == 0 {
		return // ready, or given up
	}
	if strings.Contains(line, taken) {
		clear(p.missed)
		close(p.bad)
		return
	}
	for text := range p.missed {
		if strings.Contains(line, text) {
			delete(p.missed, text)
		}
	}
	if len(p.missed) == 0 {
		close(p.ready)
	}
}

// probe makes sure that each port accepts.
func (s *Server) probe() error {
	for _, addr := range []string{s.C2SAddr(), s.ComponentAddr(), s.HTTPAddr()} {
		if addr == "" {
			continue
		}
		c, err := net.DialTimeout("tcp", addr, 10*time.Second)
		if err != nil {
			s.Kill()
			return err
		}
		c.Close()
	}
	return nil
}

// Kill ends the server at once, as kill -9 does; nothing is flushed or said.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Stop asks the server to shut down and waits; after 20 seconds it is killed.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

func (s *Server) end(sig syscall.Signal) {
	p := s.proc
	if p == nil {
		return
	}
	s.proc = nil
	signalGroup(p.cmd.Process, sig)
	timeout := time.NewTimer(20 * time.Second)
	defer timeout.Stop()
	select {
	case <-p.done:
	case <-timeout.C:
	}
	signalGroup(p.cmd.Process, syscall.SIGKILL) // helpers of the server that outlive it
	<-p.done
}

// Close stops the server and removes its data if the folder is our own.
func (s *Server) Close() error {
	s.Stop()
	if s.ours {
		return os.RemoveAll(s.dir)
	}
	return nil
}

// Done is closed when the running process is gone; nil while the server is down.
func (s *Server) Done() <-chan struct{} {
	if s.proc == nil {
		return nil
	}
	return s.proc.done
}

// Name is "prosody" or "ejabberd", as INTERFACE A `upstream.server` has it.
func (s *Server) Name() string { return s.kind.name }

// Pid is the process id of the running server, 0 while it is down.
func (s *Server) Pid() int {
	if s.proc == nil {
		return 0
	}
	return s.proc.cmd.Process.Pid
}

// Rooms is the domain of the MUC service.
func (s *Server) Rooms() string { return s.opts.Rooms }

// Password returns the password of a user at localhost.
func (s *Server) Password(user string) string {
	for _, a := range s.opts.Accounts {
		if a.User == user {
			return a.Password
		}
	}
	return ""
}

// C2SAddr is where ordinary clients connect: no TLS, SASL PLAIN allowed.
func (s *Server) C2SAddr() string { return local(s.ports.c2s) }

// ComponentAddr is the XEP-0114 listener; "" without components.
func (s *Server) ComponentAddr() string { return local(s.ports.component) }

// HTTPAddr is the server's own web front; "" without one.
func (s *Server) HTTPAddr() string { return local(s.ports.http) }

// BOSHURL and WebSocketURL are the server's own web front.
func (s *Server) BOSHURL() string { return "http" + s.secure() + "://" + s.HTTPAddr() + "/http-bind" }
func (s *Server) WebSocketURL() string {
	return "ws" + s.secure() + "://" + s.HTTPAddr() + "/xmpp-websocket"
}

// secure is what a scheme of the front ends with.
func (s *Server) secure() string {
	if s.opts.FrontTLS == "" {
		return ""
	}
	return "s"
}

// LogFile is what the server wrote over all its lives.
func (s *Server) LogFile() string { return filepath.Join(s.dir, "server.log") }

// LogTail returns the last n lines of the log.
func (s *Server) LogTail(n int) string {
	b, err := os.ReadFile(s.LogFile())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func local(port int) string {
	if port == 0 {
		return ""
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func (s *Server) pickPorts() error {
	var err error
	if s.ports.c2s, err = FreePort(); err != nil {
		return err
	}
	if len(s.opts.Components) > 0 {
		if s.ports.component, err = FreePort(); err != nil {
			return err
		}
	}
	if s.opts.Front != "" {
		s.ports.http, err = FreePort()
	}
	return err
}

// FreePort returns a TCP port on 127.0.0.1 that nothing listens on, outside
// the range that outgoing connections take theirs from: a server that starts
// again on it will not find it in use by a client, and a client that dials it
// while nothing listens can't be connected to itself.
func FreePort() (int, error) {
	const low, high = 10240, 32768 // Linux takes 32768-60999 for outgoing connections
	for range 200 {
		port := low + rand.IntN(high-low)
		l, err := net.Listen("tcp", local(port))
		if err != nil {
			continue
		}
		l.Close()
		return port, nil
	}
	return 0, errors.New("no free port found")
}
