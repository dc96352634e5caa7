package conn

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/valyala/fasthttp"
)

// way is a listener and the client's way to it.
type way struct {
	name string
	ln   net.Listener
	dial func() (net.Conn, error)
}

// ways returns each stack of layers that a client can come through.
func ways(t testing.TB) []way {
	t.Helper()
	listen := func(network, addr string) net.Listener {
		ln, err := net.Listen(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		return ln
	}
	plain := func(ln net.Listener) func() (net.Conn, error) {
		return func() (net.Conn, error) { return net.Dial(ln.Addr().Network(), ln.Addr().String()) }
	}
	proxied := func(ln net.Listener) func() (net.Conn, error) {
		return func() (net.Conn, error) {
			c, err := plain(ln)()
			if err != nil {
				return nil, err
			}
			_, err = io.WriteString(c, "PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n")
			return c, err
		}
	}
	server, client := tlsConfigs(t)
	encrypted := func(dial func() (net.Conn, error)) func() (net.Conn, error) {
		return func() (net.Conn, error) {
			c, err := dial()
			if err != nil {
				return nil, err
			}
			return tls.Client(c, client), nil
		}
	}
	tcp, viaTLS := listen("tcp", "127.0.0.1:0"), listen("tcp", "127.0.0.1:0")
	unix := listen("unix", filepath.Join(t.TempDir(), "s"))
	proxy := &proxyproto.Listener{Listener: listen("tcp", "127.0.0.1:0")}
	both := &proxyproto.Listener{Listener: listen("tcp", "127.0.0.1:0")}
	return []way{
		{"tcp", tcp, plain(tcp)},
		{"unix", unix, plain(unix)},
		{"proxy", proxy, proxied(proxy)},
		{"tls", tls.NewListener(viaTLS, server), encrypted(plain(viaTLS))},
		{"tls+proxy", tls.NewListener(both, server), encrypted(proxied(both))},
	}
}

func tlsConfigs(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, ServerName: "localhost"}
}

// pair returns a client and what the server accepted for it, its handshakes done.
func (w way) pair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	dialled := make(chan net.Conn, 1)
	go func() { // ends when the client has shaken hands
		c, err := w.dial()
		if err == nil {
			_, err = io.WriteString(c, "!")
		}
		if err != nil {
			t.Errorf("dial: %v", err)
		}
		dialled <- c
	}()
	server, err := w.ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(server, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	client = <-dialled
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func taken(t testing.TB, w way) (client net.Conn, c *Conn) {
	t.Helper()
	client, server := w.pair(t)
	c, err := Take(server)
	if err != nil {
		t.Fatal(err)
	}
	return client, c
}

func eachWay(t *testing.T, f func(t *testing.T, w way)) {
	for _, w := range ways(t) {
		t.Run(w.name, func(t *testing.T) { f(t, w) })
	}
}

func TestFillReadsWhatIsThere(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		client, c := taken(t, w)
		pool := NewBuffers(64)
		var got, want []byte
		for i := range 20 { // more than one buffer's worth, and records longer than a buffer
			part := bytes.Repeat([]byte{byte('a' + i)}, 1+i*10)
			want = append(want, part...)
			if _, err := client.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		for len(got) < len(want) {
			b, err := c.Fill(pool)
			if err != nil {
				t.Fatalf("after %d bytes: %v", len(got), err)
			}
			if len(b.B) == 0 || len(b.B) > 64 {
				t.Fatalf("Fill gave %d bytes", len(b.B))
			}
			got = append(got, b.B...)
			pool.Put(b)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("got %q", got)
		}
		client.Close()
		if b, err := c.Fill(pool); err != io.EOF {
			t.Fatalf("Fill at the end = %v, %v", b, err)
		}
	})
}

func TestWaitThenRead(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		client, c := taken(t, w)
		c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if err := c.Wait(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Wait with nothing there = %v", err)
		}
		c.SetReadDeadline(time.Time{})
		for _, word := range []string{"one", "two"} {
			result := make(chan error)
			go func() { result <- c.Wait() }() // ends when the client writes
			if _, err := io.WriteString(client, word); err != nil {
				t.Fatal(err)
			}
			if err := <-result; err != nil {
				t.Fatalf("Wait = %v", err)
			}
			if err := c.Wait(); err != nil {
				t.Fatalf("second Wait = %v", err)
			}
			got := make([]byte, len(word))
			if _, err := io.ReadFull(readerFunc(c.Read), got); err != nil || string(got) != word {
				t.Fatalf("Read = %q, %v", got, err)
			}
			if c.Buffered() {
				t.Fatal("still buffered")
			}
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// The waiting goroutine is the only one that can notice that a client has gone.
func TestPeerCloseWakesWait(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		client, c := taken(t, w)
		result := make(chan error)
		go func() { result <- c.Wait() }() // ends when the client closes
		client.Close()
		if err := <-result; err != io.EOF {
			t.Fatalf("Wait = %v, want io.EOF", err)
		}
	})
}

func TestBytesComeBeforeTheEnd(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		client, c := taken(t, w)
		io.WriteString(client, "last")
		client.Close()
		if err := c.Wait(); err != nil {
			t.Fatalf("Wait = %v", err)
		}
		all, err := io.ReadAll(readerFunc(c.Read))
		if string(all) != "last" || err != nil {
			t.Fatalf("got %q, %v", all, err)
		}
	})
}

func TestCloseWakesEveryWait(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		waits := map[string]func(*Conn) error{
			"Wait": (*Conn).Wait,
			"Fill": func(c *Conn) error { _, err := c.Fill(NewBuffers(8)); return err },
			"Read": func(c *Conn) error { _, err := c.Read(make([]byte, 8)); return err },
		}
		for name, wait := range waits {
			_, c := taken(t, w)
			result := make(chan error)
			go func() { result <- wait(c) }() // ends with Close
			c.Close()
			if err := <-result; !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s = %v, want net.ErrClosed", name, err)
			}
		}
	})
}

func TestTryWriteNeverBlocks(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		client, c := taken(t, w)
		chunk := bytes.Repeat([]byte("0123456789abcdef"), 1<<12)
		var sent []byte
		if c.TLS() {
			if n, err := c.TryWrite(chunk); n != 0 || err != nil {
				t.Fatalf("over TLS: %d, %v", n, err)
			}
		} else {
			for { // until the kernel is full
				n, err := c.TryWrite(chunk)
				if err != nil {
					t.Fatal(err)
				}
				sent = append(sent, chunk[:n]...)
				if n < len(chunk) {
					break
				}
			}
			if len(sent) == 0 {
				t.Fatal("the kernel took nothing at all")
			}
		}
		sent = append(sent, chunk...)
		written := make(chan error)
		go func() { // ends when the client has read all
			_, err := c.Write(chunk)
			written <- err
		}()
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(client, got); err != nil {
			t.Fatal(err)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, sent) {
			t.Fatal("bytes lost or out of order")
		}
	})
}

func TestWriteDeadline(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		_, c := taken(t, w)
		c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		chunk := make([]byte, 1<<20)
		var err error
		for err == nil { // the client reads nothing
			_, err = c.Write(chunk)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write = %v", err)
		}
	})
}

func TestTryWriteAfterTheClientHasGone(t *testing.T) {
	w := ways(t)[0]
	client, c := taken(t, w)
	client.(*net.TCPConn).SetLinger(0) // so that the socket is reset
	client.Close()
	if err := c.Wait(); err == nil {
		t.Fatal("Wait = nil")
	}
	if n, err := c.TryWrite([]byte("x")); n != 0 || err == nil {
		t.Fatalf("TryWrite = %d, %v", n, err)
	}
}

func TestCloseWriteLetsReadingGoOn(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		client, c := taken(t, w)
		c.Write([]byte("bye"))
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if all, err := io.ReadAll(client); string(all) != "bye" || err != nil {
			t.Fatalf("client got %q, %v", all, err)
		}
		io.WriteString(client, "late")
		b, err := c.Fill(NewBuffers(16))
		if err != nil || string(b.B) != "late" {
			t.Fatalf("Fill = %v", err)
		}
	})
}

func TestTakeRefusesWhatHasNoSocket(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	server, _ := tlsConfigs(t)
	for name, nc := range map[string]net.Conn{"pipe": a, "tls over pipe": tls.Server(b, server)} {
		if _, err := Take(nc); !errors.Is(err, ErrNoSocket) {
			t.Errorf("%s: Take = %v", name, err)
		}
	}
}

// cutConn gives the first n bytes in one read and the rest after it, as a network may.
type cutConn struct {
	net.Conn
	n int
}

func (c *cutConn) Raw() net.Conn { return c.Conn }

func (c *cutConn) Read(p []byte) (int, error) {
	if c.n > 0 && len(p) > c.n {
		p = p[:c.n]
	}
	n, err := c.Conn.Read(p)
	c.n -= n
	return n, err
}

// A client may send its first bytes right behind the upgrade request. Wherever a packet ends, each arrives once and in order.
func TestPipelinedBytesAtEachSplit(t *testing.T) {
	const request, behind = "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "<first/><second/>"
	server, client := tlsConfigs(t)
	for _, reduce := range []bool{false, true} {
		for _, encrypted := range []bool{false, true} {
			t.Run(fmt.Sprintf("reduce=%v,tls=%v", reduce, encrypted), func(t *testing.T) {
				for cut := 1; cut <= len(request)+len(behind); cut++ {
					got := hijack(t, reduce, cut, request+behind, len(behind), server, client, encrypted)
					if got != behind {
						t.Fatalf("cut at %d: got %q", cut, got)
					}
				}
			})
		}
	}
}

// hijack sends all in one piece to a fasthttp server which reads it cut in two, takes the connection over in the handler and reads n bytes after the handler has returned.
func hijack(t *testing.T, reduce bool, cut int, all string, n int, server, client *tls.Config, encrypted bool) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	out := make(chan *Conn, 1)
	srv := &fasthttp.Server{KeepHijackedConns: true, ReduceMemoryUsage: reduce, Handler: func(ctx *fasthttp.RequestCtx) {
		ctx.HijackSetNoResponse(true)
		ctx.Hijack(func(nc net.Conn) {
			c, err := Take(nc)
			if err != nil {
				t.Error(err)
			}
			out <- c
		})
	}}
	go func() { // ends when the connection is hijacked
		nc, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		nc = &cutConn{Conn: nc, n: cut}
		if encrypted {
			// TLS reads whole records, so the cut is between two of them.
			nc = tls.Server(nc.(*cutConn).Conn, server)
		}
		if err := srv.ServeConn(nc); err != nil {
			t.Error(err)
		}
	}()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if encrypted {
		nc = tls.Client(nc, client)
		io.WriteString(nc, all[:cut])
		all = all[cut:]
	}
	io.WriteString(nc, all)
	c := <-out
	defer c.Close()
	got := make([]byte, n)
	if _, err := io.ReadFull(readerFunc(c.Read), got); err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// BOSH holds a request, then hands the connection back for the next one; a client may have sent that already.
func TestHandBack(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		client, c := taken(t, w)
		held := make(chan *Conn)
		srv := &fasthttp.Server{KeepHijackedConns: true, ReduceMemoryUsage: true, Handler: func(ctx *fasthttp.RequestCtx) {
			if got := ctx.IsTLS(); got != c.TLS() {
				t.Errorf("IsTLS = %v", got)
			}
			ctx.HijackSetNoResponse(true)
			body := string(ctx.Request.Body())
			ctx.Hijack(func(nc net.Conn) {
				again, err := Take(nc)
				if err != nil {
					t.Error(err)
				}
				again.Write([]byte(body))
				held <- again
			})
		}}
		request := func(body string) string {
			return fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
		io.WriteString(client, request("one")+request("two")+request("three")[:20])
		for i, want := range []string{"one", "two", "three"} {
			if i == 2 {
				io.WriteString(client, request("three")[20:])
			}
			if err := c.Wait(); err != nil {
				t.Fatal(err)
			}
			go srv.ServeConn(c.NetConn()) // ends when the request is hijacked
			if again := <-held; again != c {
				t.Fatal("taken again, it is another Conn")
			}
			got := make([]byte, len(want))
			if _, err := io.ReadFull(client, got); err != nil || string(got) != want {
				t.Fatalf("got %q, %v", got, err)
			}
		}
		client.Close()
		if err := c.Wait(); err != io.EOF {
			t.Fatalf("Wait = %v", err)
		}
	})
}

func TestRemoteAddrIsTheProxysWord(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		client, c := taken(t, w)
		want := client.LocalAddr().String()
		if w.name == "proxy" {
			want = "192.0.2.7:4711"
		}
		if w.name == "tls+proxy" {
			want = "192.0.2.7:4711"
		}
		if got := c.NetConn().RemoteAddr().String(); w.name != "unix" && got != want {
			t.Fatalf("RemoteAddr = %s, want %s", got, want)
		}
	})
}

// raceDetector is set where sync.Pool forgets at random, so that allocations can't be counted.
var raceDetector bool

// A message costs no allocation, also when the reader has to be parked for it.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget")
	}
	for _, w := range ways(t)[:3] {
		t.Run(w.name, func(t *testing.T) {
			client, c := taken(t, w)
			pool := NewBuffers(4096)
			done := make(chan error)
			go func() { // ends when the client closes
				for {
					b, err := c.Fill(pool)
					if err != nil {
						done <- err
						return
					}
					c.TryWrite(b.B)
					pool.Put(b)
				}
			}()
			msg := make([]byte, 300)
			round := func() {
				client.Write(msg)
				if _, err := io.ReadFull(client, msg); err != nil {
					t.Fatal(err)
				}
			}
			if n := testing.AllocsPerRun(200, round); n != 0 {
				t.Errorf("%v allocations a message", n)
			}
			client.Close()
			if err := <-done; err != io.EOF {
				t.Error(err)
			}
		})
	}
}
