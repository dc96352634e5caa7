package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"usher/bench/measure"
	"usher/xmpp/xmpptest"
)

// Build makes Usher's binary as `make build` does and returns its path in dir.
func Build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "usher")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "usher")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build (run it in the module, or give the binary): %w\n%s", err, out)
	}
	return path, nil
}

// Usher is one process of it. An attached one belongs to another process: it can be asked, but not ended.
type Usher struct {
	Public, Admin string // host:port
	Pid           int

	bin, file string
	http      *http.Client // of the admin listener
	log       tail
	cmd       *exec.Cmd     // nil while it is down
	gone      chan struct{} // closed when the process has ended
	err       error         // of its end, once gone is closed
}

func newUsher() *Usher {
	// To ask costs the server as little as can be: no compressor, no connection that stays.
	return &Usher{http: &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}}
}

// startUsher starts number i in front of what s has.
func (s *Stage) startUsher(ctx context.Context, o Options, dir string, i int) error {
	u := newUsher()
	for _, at := range []*string{&u.Public, &u.Admin} {
		port, err := xmpptest.FreePort()
		if err != nil {
			return err
		}
		*at = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	dir = filepath.Join(dir, fmt.Sprintf("usher-%d", i+1))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	var authority []byte
	var err error
	scheme := ""
	if o.TLS {
		scheme = "s"
		if authority, err = selfSigned(dir); err != nil {
			return err
		}
	}
	server, address := "auto", ""
	if s.Upstream != nil {
		address = s.Upstream.Addr()
	} else {
		server, address = s.Server.Name(), s.Server.ComponentAddr()
	}
	u.file = filepath.Join(dir, "usher.yaml")
	if err := os.WriteFile(u.file, []byte(usherConfig(o, i, u.Public, u.Admin, server, address, o.TLS)), 0o600); err != nil {
		return err
	}
	if u.bin, err = filepath.Abs(o.Bin); err != nil {
		return err
	}
	if err := u.Start(ctx); err != nil {
		return err
	}
	s.ends = append(s.ends, u.Stop)
	s.Ushers = append(s.Ushers, u)
	name := "usher"
	if o.Ushers > 1 {
		name = fmt.Sprintf("usher %d", i+1)
	}
	s.Processes = append(s.Processes, measure.Process{Name: name, Pid: u.Pid})
	d := door{Domain: domains(o, i)[0], Authority: authority}
	if s.Server != nil {
		d.Rooms = rooms
	}
	for transport, url := range map[string]string{
		WebSocket: "ws" + scheme + "://" + u.Public + "/xmpp-websocket", BOSH: "http" + scheme + "://" + u.Public + "/http-bind",
	} {
		d.URL = url
		s.open[way{transport, i}] = d
	}
	return nil
}

// Start starts the process, for the first time or again after Kill or Stop, on the same ports, and waits until it is ready.
func (u *Usher) Start(ctx context.Context) error {
	cmd := exec.Command(u.bin, "-config", u.file)
	cmd.Dir = filepath.Dir(u.file)
	cmd.Stdout, cmd.Stderr = &u.log, &u.log
	// In a group of its own, so that a terminal's Ctrl-C ends the run and not what is measured; and it dies with us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	gone, started := make(chan struct{}), make(chan error)
	go func() { // ends with the process, which Stop brings about
		// Linux ties the child's life to the thread that forked it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			u.err = cmd.Wait()
			close(gone)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("usher: %w", err)
	}
	u.cmd, u.gone, u.Pid = cmd, gone, cmd.Process.Pid
	err := u.Until(ctx, "usher is ready", func() (bool, error) {
		res, err := u.http.Get("http://" + u.Admin + "/readyz")
		if err != nil {
			return false, nil // not listening yet
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK, nil
	})
	if err != nil {
		u.Kill()
	}
	return err
}

// patience is how long Until waits.
const patience = time.Minute

// Until asks again and again, for a minute at most. The end of the process ends it too, with what that said.
func (u *Usher) Until(ctx context.Context, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-u.gone: // nil where the process isn't ours
			return u.Ended()
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s: %w\n%s", what, ctx.Err(), u.log.String())
		}
	}
}

// Ended says why the process has ended, with its last words; nil while it runs.
func (u *Usher) Ended() error {
	select {
	case <-u.gone:
		return fmt.Errorf("usher has ended (%w):\n%s", cmpErr(u.err), u.log.String())
	default:
		return nil
	}
}

// errPolite is the end of a process without an error.
var errPolite = errors.New("without an error")

func cmpErr(err error) error {
	if err == nil {
		return errPolite
	}
	return err
}

// Stop ends the process politely.
func (u *Usher) Stop() {
	if u.cmd == nil {
		return
	}
	u.cmd.Process.Signal(syscall.SIGTERM)
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	select {
	case <-u.gone:
		u.cmd = nil
	case <-timeout.C:
		u.Kill()
	}
}

// Kill ends it at once, as a crash does.
func (u *Usher) Kill() {
	if u.cmd == nil {
		return
	}
	u.cmd.Process.Kill()
	<-u.gone
	u.cmd = nil
}

// Get fetches a page of the admin listener.
func (u *Usher) Get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+u.Admin+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := u.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, res.Status)
	}
	return b, err
}

// Metric sums a metric of an Usher that was started over all series that have the labels given in Prometheus' text form:
// `usher_sessions`, `usher_closes_total{reason="slow"}`.
func (u *Usher) Metric(ctx context.Context, name string) (float64, error) {
	page, err := u.Get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	return metric(string(page), name)
}

func metric(page, name string) (float64, error) {
	family, labels, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
	sum, found := 0.0, false
	for line := range strings.Lines(page) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), family)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		end := strings.LastIndexByte(rest, ' ')
		has := rest[:end]
		for label := range strings.SplitSeq(labels, ",") {
			// A label stands behind the brace or a comma, so that reason= is not also the end of another's name.
			ok = ok && (label == "" || strings.Contains(has, "{"+label) || strings.Contains(has, ","+label))
		}
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(rest[end+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", name, err)
		}
		sum, found = sum+v, true
	}
	if !found {
		return 0, fmt.Errorf("no metric %s", name)
	}
	return sum, nil
}

// Memory is what a process's Go runtime says of itself after a collection, in bytes.
type Memory struct {
	Heap   int64 // live
	Stacks int64 // in use
}

// Collect makes the process collect its garbage twice, so that what only caches hold goes too. One that has been
// idle does so by itself every two minutes.
func (u *Usher) Collect(ctx context.Context) (m Memory, err error) {
	if _, err := u.Get(ctx, "/debug/pprof/heap?gc=1&debug=1"); err != nil {
		return m, err
	}
	page, err := u.Get(ctx, "/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return m, err
	}
	// The text form of a heap profile ends with the runtime's statistics.
	for line := range bytes.Lines(page) {
		name, value, ok := strings.Cut(strings.TrimSpace(string(line)), " = ")
		if !ok {
			continue
		}
		value, _, _ = strings.Cut(value, " / ")
		switch name {
		case "# HeapAlloc":
			m.Heap, err = strconv.ParseInt(value, 10, 64)
		case "# Stack":
			m.Stacks, err = strconv.ParseInt(value, 10, 64)
		}
		if err != nil {
			return m, fmt.Errorf("heap profile: %w", err)
		}
	}
	if m.Heap == 0 || m.Stacks == 0 {
		return m, errors.New("heap profile: no statistics in it")
	}
	return m, nil
}

// tail keeps the last lines of a log.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > 16<<10 {
		t.b = append(t.b[:0], t.b[len(t.b)-8<<10:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
