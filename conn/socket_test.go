package conn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// ends returns both ends of a connection of this network.
func ends(t testing.TB, network string) (a, b net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if a, err = net.Dial(network, ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestSocketOfNone(t *testing.T) {
	a, _ := net.Pipe()
	if NewSocket(a) != nil {
		t.Error("a pipe has a socket")
	}
	tcp, _ := ends(t, "tcp")
	_, config := tlsConfigs(t)
	if NewSocket(tls.Client(tcp, config)) != nil {
		t.Error("what is above a socket was taken for it: its bytes would go out unencrypted")
	}
}

// More than the kernel takes and more than one call reads arrives whole, and then the end.
func TestSocketWritesAndReadsAll(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			a, b := ends(t, network)
			from, to := NewSocket(a), NewSocket(b)
			sent := bytes.Repeat([]byte("0123456789abcde\n"), 1<<19) // 8 MiB
			written := make(chan error, 1)
			go func() { // ends when all is written
				n, err := from.Write(sent)
				if err == nil && n != len(sent) {
					err = io.ErrShortWrite
				}
				a.Close()
				written <- err
			}()
			got, err := io.ReadAll(to)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("read %d of %d bytes, or others: %v", len(got), len(sent), err)
			}
			if err := <-written; err != nil {
				t.Error(err)
			}
		})
	}
}

// What the kernel doesn't take is left to the caller, who may write it with Write.
func TestSocketTryWriteNeverWaits(t *testing.T) {
	a, b := ends(t, "tcp")
	s := NewSocket(a)
	sent := bytes.Repeat([]byte("0123456789abcde\n"), 1<<21) // 32 MiB, which no kernel's buffers take
	n, err := s.TryWrite(sent)
	if err != nil || n == 0 || n == len(sent) {
		t.Fatalf("wrote %d of %d: %v", n, len(sent), err)
	}
	if m, err := s.TryWrite(sent[n:]); err != nil || n+m == len(sent) {
		t.Fatalf("wrote %d more: %v", m, err)
	} else {
		n += m
	}
	a.SetWriteDeadline(time.Now().Add(time.Millisecond))
	if m, err := s.Write(sent[n:]); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a client that reads nothing: %v", err)
	} else {
		n += m
	}
	a.SetWriteDeadline(time.Time{})
	go func() { s.Write(sent[n:]); a.Close() }() // ends when the test has read all
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("read %d of %d bytes, or others: %v", len(got), len(sent), err)
	}
}

func TestSocketErrors(t *testing.T) {
	a, b := ends(t, "tcp")
	s := NewSocket(a)
	read := make(chan error, 1)
	go func() { // ended by Close
		_, err := s.Read(make([]byte, 1))
		read <- err
	}()
	b.(*net.TCPConn).SetLinger(0)
	b.Close() // resets
	if err := <-read; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read from a connection that was reset: %v", err)
	}
	if _, err := s.TryWrite([]byte("x")); err == nil {
		t.Error("wrote to a connection that was reset")
	}
	a.Close()
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after Close: %v", err)
	}
}

func TestSocketAllocatesNothing(t *testing.T) {
	a, b := ends(t, "tcp")
	from, to := NewSocket(a), NewSocket(b)
	p := make([]byte, 400)
	if n := testing.AllocsPerRun(1000, func() {
		from.TryWrite(p)
		io.ReadFull(to, p)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
