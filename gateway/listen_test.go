package gateway

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.sock")
	open := func() ([]net.Listener, error) { return openListeners([]Listen{{"unix", path}}, discard()) }
	first, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v, want 0660", info.Mode(), err)
	}
	if _, err := open(); err == nil || !strings.Contains(err.Error(), "somebody else listens at "+path) {
		t.Errorf("a socket in use was taken: %v", err)
	}
	// What a crash leaves behind: the socket without its listener.
	first[0].(*patientListener).Listener.(*net.UnixListener).SetUnlinkOnClose(false)
	first[0].Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatalf("the stale socket is not there: %v", err)
	}
	second, err := open()
	if err != nil {
		t.Fatalf("a stale socket was not replaced: %v", err)
	}
	second[0].Close()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(); err == nil || !strings.Contains(err.Error(), "is there and is no socket") {
		t.Errorf("a file was taken for a socket: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Error("the file is gone")
	}
}

// If one of several can't be opened, none stays open.
func TestListenAllOrNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path := filepath.Join(t.TempDir(), "s")
	_, err = openListeners([]Listen{{"unix", path}, {"tcp", taken.Addr().String()}}, discard())
	if err == nil || !strings.HasPrefix(err.Error(), "cannot listen at "+taken.Addr().String()+": ") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the first stayed open: %v", err)
	}
}

// handedOver puts listeners on descriptors in a row, as systemd does, and returns the first.
func handedOver(t *testing.T, lns ...net.Listener) int {
	t.Helper()
	const first = 200
	for i, ln := range lns {
		f, err := ln.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Dup3(int(f.Fd()), first+i, 0); err != nil {
			t.Fatal(err)
		}
		f.Close()
		t.Cleanup(func() { syscall.Close(first + i) }) // those that nobody has taken
	}
	return first
}

func TestListenSystemd(t *testing.T) {
	env := func(pid int, n, names string) func(string) string {
		return func(k string) string {
			return map[string]string{"LISTEN_PID": strconv.Itoa(pid), "LISTEN_FDS": n, "LISTEN_FDNAMES": names}[k]
		}
	}
	var lns []net.Listener
	for range 3 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		lns = append(lns, ln)
	}
	me := os.Getpid()
	first := handedOver(t, lns...)
	got, err := inherited(env(me, "3", "web:admin:web"), first, "web")
	if err != nil {
		t.Fatal(err)
	}
	defer closeListeners(got)
	if len(got) != 2 || got[0].Addr().String() != lns[0].Addr().String() || got[1].Addr().String() != lns[2].Addr().String() {
		t.Errorf("got %v, want the first and the third", got)
	}
	for _, tt := range []struct {
		name string
		env  func(string) string
		want string
	}{
		{"not for this process", env(me+1, "1", "web"), "handed over no sockets to this process"},
		{"not at all", func(string) string { return "" }, "handed over no sockets to this process"},
		{"other names", env(me, "2", "a:b"), "no socket of this name, only a, b"},
		{"numbers that don't fit", env(me, "3", "web"), "don't fit together"},
		{"no number", env(me, "x", "web"), "don't fit together"},
	} {
		if _, err := inherited(tt.env, first, "web"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// failing fails a few times, then gives a connection, then is closed.
type failing struct {
	net.Listener
	errs []error
}

func (f *failing) Accept() (net.Conn, error) {
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		if err != nil {
			return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", err)}
		}
		a, b := net.Pipe()
		b.Close()
		return a, nil
	}
	return nil, net.ErrClosed
}

func (*failing) Addr() net.Addr { return &net.TCPAddr{} }

// A shortage of descriptors ends no listener, and is told once.
func TestListenPatient(t *testing.T) {
	var out bytes.Buffer
	ln := &patientListener{log: slog.New(slog.NewTextHandler(&out, nil)),
		Listener: &failing{errs: []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, nil, syscall.EBADF}}}
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if n := strings.Count(out.String(), "cannot accept connections"); n != 1 || !strings.Contains(out.String(), "accepting connections again") {
		t.Errorf("told %d times:\n%s", n, out.String())
	}
	for _, want := range []error{syscall.EBADF, net.ErrClosed} {
		if _, err := ln.Accept(); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// The certificate can be replaced while connections come in; a broken file changes nothing.
func TestListenTLSReload(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "tls", "one.example")
	cfg := &Config{Listen: []Listen{{"tcp", "127.0.0.1:0"}}, TLS: &TLSConfig{Cert: dir + "/tls.crt", Key: dir + "/tls.key"}}
	cert, err := loadCertificate(cfg.TLS)
	if err != nil {
		t.Fatal(err)
	}
	lns, err := openPublic(cfg, cert, discard())
	if err != nil {
		t.Fatal(err)
	}
	defer closeListeners(lns)
	served := make(chan struct{})
	go func() { // ends when the listener is closed
		defer close(served)
		for {
			c, err := lns[0].Accept()
			if err != nil {
				return
			}
			c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	name := func() string {
		t.Helper()
		c, err := tls.Dial("tcp", lns[0].Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].DNSNames[0]
	}
	if got := name(); got != "one.example" {
		t.Errorf("certificate of %s", got)
	}
	g := &Gateway{doors: &doors{cert: cert}}
	writeCertificate(t, dir, "tls", "two.example")
	if err := g.ReloadCertificate(); err != nil {
		t.Error(err)
	}
	if got := name(); got != "two.example" {
		t.Errorf("certificate of %s after the reload", got)
	}
	if err := os.WriteFile(dir+"/tls.crt", []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.ReloadCertificate(); err == nil {
		t.Error("a broken certificate was taken")
	}
	if got := name(); got != "two.example" {
		t.Errorf("certificate of %s after a broken one", got)
	}
	if _, err := tls.Dial("tcp", lns[0].Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is taken")
	}
	closeListeners(lns)
	<-served
	if err := (&Gateway{doors: &doors{}}).ReloadCertificate(); err != nil {
		t.Errorf("without TLS: %v", err)
	}
}

// Whoever connects has no more of the kernel's memory than he is given: the listener hands it down, behind whatever is around it.
func TestListenSendBuffer(t *testing.T) {
	lns, err := openPublic(&Config{Listen: []Listen{{"tcp", "127.0.0.1:0"}}}, nil, discard())
	if err != nil {
		t.Fatal(err)
	}
	defer closeListeners(lns)
	client, err := net.Dial("tcp", lns[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := lns[0].Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	buffer := 0
	if failed := raw.Control(func(fd uintptr) { buffer, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF) }); failed != nil || err != nil {
		t.Fatal(failed, err)
	}
	if buffer < sendBuffer || buffer > 2*sendBuffer {
		t.Errorf("%d bytes, want %d, or twice that on Linux", buffer, sendBuffer)
	}
}
