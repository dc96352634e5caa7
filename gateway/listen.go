package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// openListeners opens every place of the list, or none.
func openListeners(at []Listen, log *slog.Logger) ([]net.Listener, error) {
	var all []net.Listener
	for _, l := range at {
		lns, err := l.open()
		if err != nil {
			closeListeners(all)
			return nil, fmt.Errorf("cannot listen at %s: %w", l, err)
		}
		for _, ln := range lns {
			all = append(all, &patientListener{Listener: ln, log: log})
		}
	}
	return all, nil
}

// openPublic opens the public listeners with what the config puts around them:
// the PROXY protocol first, TLS inside it.
func openPublic(cfg *Config, cert *certificate, log *slog.Logger) ([]net.Listener, error) {
	all, err := openListeners(cfg.Listen, log)
	if err != nil {
		return nil, err
	}
	for i, ln := range all {
		if err := boundSendBuffer(ln.(*patientListener).Listener); err != nil {
			closeListeners(all)
			return nil, fmt.Errorf("cannot listen at %s: %w", ln.Addr(), err)
		}
		if cfg.ProxyProtocol {
			ln = proxyProtocol(ln, cfg.TrustedProxies)
		}
		if cert != nil {
			ln = tls.NewListener(ln, cert.config())
		}
		all[i] = ln
	}
	return all, nil
}

// sendBuffer is what the kernel is asked to keep for a client, who inherits it from the listener (socket(7) SO_SNDBUF; Linux takes twice as much).
// Left to itself it takes 4 MB for each who reads nothing: no limit of ours sees that, the outbox, which has one, fills only behind it, and
// some hundred such readers bring the kernel's memory for all connections (tcp_mem) under pressure, which everybody notices.
const sendBuffer = 64 << 10

func boundSendBuffer(ln net.Listener) error {
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return nil // the kernel doesn't let a Unix socket's buffer grow
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	if failed := raw.Control(func(fd uintptr) {
		err = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, sendBuffer))
	}); failed != nil {
		return failed
	}
	return err
}

func closeListeners(all []net.Listener) {
	for _, ln := range all {
		ln.Close()
	}
}

func (l Listen) open() ([]net.Listener, error) {
	switch l.Network {
	case "unix":
		ln, err := listenUnix(l.Address)
		return []net.Listener{ln}, err
	case "systemd":
		return inherited(os.Getenv, 3, l.Address) // sd_listen_fds(3): they begin at 3
	}
	ln, err := listenTCP(l.Network, l.Address)
	return []net.Listener{ln}, err
}

// listenUnix takes the place of a socket that nobody listens at any more. Its mode lets owner and group connect.
func listenUnix(path string) (net.Listener, error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("%s is there and is no socket", path)
	default:
		c, err := net.DialTimeout("unix", path, time.Second)
		if err == nil {
			c.Close()
			return nil, fmt.Errorf("somebody else listens at %s", path)
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, err
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

// inherited returns the sockets that systemd hands over under this name
// (sd_listen_fds_with_names(3)); first is the descriptor of the first of all.
func inherited(getenv func(string) string, first int, name string) ([]net.Listener, error) {
	if getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, errors.New("systemd has handed over no sockets to this process (LISTEN_PID)")
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	names := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	if err != nil || n < 0 || n != len(names) {
		return nil, fmt.Errorf("LISTEN_FDS (%q) and LISTEN_FDNAMES (%q) don't fit together", getenv("LISTEN_FDS"), getenv("LISTEN_FDNAMES"))
	}
	var all []net.Listener
	for i := range n {
		if names[i] != name {
			continue
		}
		syscall.CloseOnExec(first + i)
		f := os.NewFile(uintptr(first+i), name)
		ln, err := net.FileListener(f) // a duplicate
		f.Close()
		if err != nil {
			closeListeners(all)
			return nil, err
		}
		all = append(all, ln)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("systemd has handed over no socket of this name, only %s", strings.Join(names, ", "))
	}
	return all, nil
}

// patientListener outlives what passes: without descriptors or memory Accept
// fails for a while, and the HTTP server would give up at the first failure.
type patientListener struct {
	net.Listener
	log     *slog.Logger
	failing atomic.Bool
}

// acceptRetry is how long it waits before it tries again.
const acceptRetry = 100 * time.Millisecond

func (l *patientListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			if l.failing.Swap(false) {
				l.log.Info("accepting connections again", "listener", l.Addr().String())
			}
			return c, nil
		}
		if !passing(err) {
			return nil, err
		}
		if !l.failing.Swap(true) {
			l.log.Error("cannot accept connections, trying on", "listener", l.Addr().String(), "err", err)
		}
		time.Sleep(acceptRetry)
	}
}

// passing tells what accept(2) says of this connection, or of a shortage, from the end of the listener.
func passing(err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPERM, syscall.EPROTO:
		return true
	}
	return false
}

// certificate is the public listeners' TLS certificate; it can be read again while it is in use.
type certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// loadCertificate reads what `tls` names; nil means plain.
func loadCertificate(cfg *TLSConfig) (*certificate, error) {
	if cfg == nil {
		return nil, nil
	}
	c := &certificate{certFile: cfg.Cert, keyFile: cfg.Key}
	return c, c.reload()
}

// reload reads both files again. After an error the one in use stays.
func (c *certificate) reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("TLS certificate: %w", err)
	}
	c.current.Store(&pair)
	return nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
}

// ReloadCertificate reads the files of `tls` again, for connections from now on. After an
// error the old certificate stays. It may be called at any time; without TLS it does nothing.
func (g *Gateway) ReloadCertificate() error {
	if g.doors.cert == nil {
		return nil
	}
	return g.doors.cert.reload()
}
