package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// The addresses of the fake upstream.
const (
	domain = "visitors.localhost" // the component's and the site's
	secret = "bench"
	echo   = "echo@echo.localhost" // sends every message back to its sender
	token  = "bench"               // of the admin listener
)

// server is the real Usher in a process of its own.
type server struct {
	up     *xmpptest.Upstream // the fake upstream in ours; nil if there is another
	cmd    *exec.Cmd
	public string
	admin  string
	roots  *x509.CertPool // nil = plain
	http   *http.Client   // of the admin listener
	log    tail
	ended  chan struct{} // closed when the process has ended
	err    error         // of its end
}

// build makes the binary as `make build` does and returns its path in dir.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "usher")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "usher")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// startServer starts bin with a config of its own in dir and waits until its link is up.
func startServer(ctx context.Context, bin, dir string, secure bool) (*server, error) {
	s := newServer()
	var err error
	s.up, err = xmpptest.NewUpstream(xmpptest.UpstreamConfig{
		Components: []xmpptest.Component{{Domain: domain, Secret: secret}}, Hook: echoHook,
	})
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx, bin, dir, secure); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func newServer() *server {
	// To ask costs the server as little as can be: no compressor, no connection that stays.
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	return &server{ended: make(chan struct{}), http: client}
}

func echoHook(c *xmpptest.Peer, e *xmpp.Element) bool {
	if string(e.To) != echo {
		return false
	}
	c.Append(e, &xmpp.Header{To: e.From, From: e.To, Type: e.Type, ID: e.ID}) // an error: the link has ended
	return true
}

// config is the server's. Pings and waits are so long that an idle session stays idle; who
// measures isn't limited by address.
const config = `
listen: %[1]s
admin: %[2]s
admin_token: ` + token + `
node: bench
upstream:
  address: %[3]s
  components: [{domain: ` + domain + `, secret: ` + secret + `}]
ws: {ping: 1h, pong: 1h}
bosh: {wait: 1h, inactivity: 1h}
drain: {timeout: 2s}
limits:
  sessions: 19000
  prelogin: {sessions: 19000}
  login_time: 2m
  address: {sessions: 0, new: 0}
  visitor: {stanzas: 0, bytes: 0, messages: 0, joins: 0}
sites:
  - {name: bench, domain: ` + domain + `, allow: [` + echo + `]}
`

func (s *server) start(ctx context.Context, bin, dir string, secure bool) error {
	if err := s.pickPorts(); err != nil {
		return err
	}
	text := fmt.Sprintf(config, s.public, s.admin, s.up.Addr())
	if secure {
		var err error
		if s.roots, err = selfSigned(dir); err != nil {
			return err
		}
		text += "tls: {cert: tls.crt, key: tls.key}\n"
	}
	file := filepath.Join(dir, "usher.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	return s.launch(ctx, bin, file)
}

// pickPorts chooses where the server will listen.
func (s *server) pickPorts() error {
	for _, at := range []*string{&s.public, &s.admin} {
		port, err := xmpptest.FreePort()
		if err != nil {
			return err
		}
		*at = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return nil
}

// launch starts the program with a config file and waits until it is ready.
func (s *server) launch(ctx context.Context, bin, file string) error {
	s.cmd = exec.Command(bin, "-config", file)
	s.cmd.Dir = filepath.Dir(file)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return err
	}
	go func() { // ends with the process, which stop brings about
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	return s.until(ctx, "usher is ready", func() (bool, error) {
		res, err := s.http.Get("http://" + s.admin + "/readyz")
		if err != nil {
			return false, nil // not listening yet
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK, nil
	})
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// until asks again and again; the end of the process ends it too.
func (s *server) until(ctx context.Context, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-s.ended:
			return fmt.Errorf("usher has ended (%w):\n%s", s.err, s.log.String())
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s: %w\n%s", what, ctx.Err(), s.log.String())
		}
	}
}

// stop ends the process, politely if it listens, and the upstream.
func (s *server) stop() {
	if s.cmd != nil {
		s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.ended:
		case <-time.After(10 * time.Second):
			s.cmd.Process.Kill()
			<-s.ended
		}
	}
	if s.up != nil {
		s.up.Close()
	}
}

// get fetches a page of the admin listener.
func (s *server) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := s.http.Do(req)
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

// gauge sums up a metric over its labels.
func (s *server) gauge(ctx context.Context, name string) (float64, error) {
	page, err := s.get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	sum, found := 0.0, false
	for line := range strings.Lines(string(page)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' '):]), 64)
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

// goMemory is what the server's Go runtime says of itself after a collection.
type goMemory struct {
	Heap   int64 `json:"heap"`   // live, bytes
	Stacks int64 `json:"stacks"` // in use, bytes
}

// collect makes the server collect its garbage twice, so that what only caches hold goes too. A server that has been
// idle does so by itself every two minutes.
func (s *server) collect(ctx context.Context) (m goMemory, err error) {
	if _, err := s.get(ctx, "/debug/pprof/heap?gc=1&debug=1"); err != nil {
		return m, err
	}
	page, err := s.get(ctx, "/debug/pprof/heap?gc=1&debug=1")
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

// selfSigned writes tls.crt and tls.key into dir.
func selfSigned(dir string) (*x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	secretKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: secretKey},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return roots, nil
}

// tlsConfig is the clients'; nil = plain.
func (s *server) tlsConfig() *tls.Config {
	if s.roots == nil {
		return nil
	}
	return &tls.Config{RootCAs: s.roots, ServerName: "127.0.0.1"}
}

// tail keeps the last lines of the server's log.
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
