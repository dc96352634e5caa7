package ws

import (
	"context"
	"strings"
	"testing"

	"usher/c2s"
	"usher/xmpp"
)

// outcome is what a client's bytes have led to.
type outcome struct {
	deaf    bool
	code    uint16
	reason  c2s.Reason
	stanzas string
	pong    string
}

// recorder is a site that notes the stanzas.
type recorder struct {
	site
	seen strings.Builder
}

func (r *recorder) Stanza(_ *c2s.Stream, e *xmpp.Element) { r.seen.Write(e.Raw) }

// feed gives in to a bound connection without a socket, in pieces of these sizes in turn, and checks that it keeps no more than it may.
func feed(t *testing.T, in []byte, pieces []byte) outcome {
	t.Helper()
	cfg := testConfig()
	h := &recorder{site: site{bound: make(map[string]*c2s.Stream), closed: make(chan c2s.Ending, 1)}}
	cfg.Streams.Handler = h
	cfg.Wheel = c2s.NewWheel(1 << 30)
	s := New(cfg)
	c := &Conn{server: s}
	c.stream = c2s.New(cfg.Streams, c, c2s.Info{})
	give := func(b []byte) {
		buf := s.buffers.Get()
		buf.B = append(buf.B, b...)
		c.take(buf)
		if n := len(c.rest) + len(c.msg); n > cfg.Limits.Bytes+14+len(b) {
			t.Fatalf("%d bytes kept", n)
		}
	}
	give(join(text(openShop), text(auth), text(openShop), text(bind)))
	if c.stream.Bound() == "" {
		t.Fatal("not bound")
	}
	for i := 0; len(in) > 0; i++ {
		n := min(len(in), readSize)
		if len(pieces) > 0 {
			n = min(n, 1+int(pieces[i%len(pieces)]))
		}
		give(in[:n])
		in = in[n:]
	}
	o := outcome{deaf: c.deaf, code: c.code, stanzas: h.seen.String()}
	if c.pongDue {
		o.pong = string(c.pong)
	}
	if e := c.stream.Ended(); e != nil {
		o.reason = e.Reason
	}
	return o
}

// breach reads frames as RFC 6455 has them, one after the other, without any care for speed, and tells whether the reader
// has to stop: for a violation or a Close frame. What depends on the messages' text is left out.
func breach(in []byte, limit, fragments int) bool {
	var message, parts int
	for {
		if len(in) < 1 {
			return false
		}
		fin, rsv, op := in[0]>>7 == 1, in[0]>>4&7, in[0]&15
		control := op >= 8
		if rsv != 0 || op > 2 && op < 8 || op > 10 || control && !fin {
			return true
		}
		if len(in) < 2 {
			return false
		}
		n, size := uint64(in[1]&127), 2
		if in[1] < 128 || control && n > 125 {
			return true
		}
		if n > 125 {
			wide := map[uint64]int{126: 2, 127: 8}[n]
			least := map[int]uint64{2: 126, 8: 65536}[wide]
			if size += wide; len(in) < size {
				return false
			}
			n = 0
			for _, b := range in[2:size] {
				n = n<<8 | uint64(b)
			}
			if n < least || n>>63 == 1 {
				return true
			}
		}
		if !control {
			if op == 2 || (op == 0) != (parts > 0) || parts >= fragments || n > uint64(limit-message) {
				return true
			}
		}
		if uint64(len(in)) < uint64(size)+4+n {
			return false
		}
		in = in[size+4+int(n):]
		switch {
		case op == 8:
			return true
		case control:
		case fin:
			message, parts = 0, 0
		default:
			message, parts = message+int(n), parts+1
		}
	}
}

// Wherever packets end, the same comes out; and frames are refused exactly where a plain reading of the RFC does.
func FuzzFrames(f *testing.F) {
	for _, in := range [][]byte{
		text(hello),
		join(text(hello), text(hello), frame(ping, "x"), text(closeStream), frame(cease, "\x03\xe8")),
		join(frame(begin, hello[:9]), frame(ping, "x"), frame(more, hello[9:50]), frame(last, hello[50:])),
		join(frame(begin, hello), frame(begin, hello)),
		text(strings.Replace(hello, "hello", strings.Repeat("€", 2000), 1)),
		text(strings.Repeat("x", 8193)),
		text("<message xmlns='jabber:client'>\xff</message>"),
		frame(finBit|opBinary, "x"), frame(0xC1, hello), frame(0x83, ""), frame(opPing, ""), frame(ping, strings.Repeat("x", 126)),
		[]byte("\x81\x04<a/>"), []byte("\x81\xfe\x00\x05"), []byte("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00"), []byte("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff"),
		frame(cease, "\x03"), frame(cease, "\x03\xed"), frame(cease, "\x03\xe8\xff"),
		join(text("<a/>"), text(openShop), text(""), text(hello)),
	} {
		f.Add(in, []byte{0})
		f.Add(in, []byte{2, 0, 100, 7})
	}
	f.Fuzz(func(t *testing.T, in, pieces []byte) {
		if len(in) > 64<<10 {
			t.Skip()
		}
		whole := feed(t, in, nil)
		if cut := feed(t, in, pieces); cut != whole {
			t.Fatalf("in pieces %+v\nwhole     %+v", cut, whole)
		}
		cfg := testConfig()
		want := breach(in, cfg.Limits.Bytes, cfg.Fragments)
		if whole.deaf != want && !(whole.deaf && whole.code == codeUTF8) {
			t.Fatalf("stopped: %v, want %v: %+v", whole.deaf, want, whole)
		}
	})
}

// A client that is admitted and gone before the server can answer its upgrade never gets a connection; its stream ends all the same.
func TestAdmittedAndNeverSeenAgain(t *testing.T) {
	cfg := testConfig()
	h := &site{bound: make(map[string]*c2s.Stream), closed: make(chan c2s.Ending, 1)}
	cfg.Streams.Handler = h
	cfg.Wheel = c2s.NewWheel(1 << 30)
	s := New(cfg)
	c := &Conn{server: s}
	c.stream = c2s.New(cfg.Streams, c, c2s.Info{})
	s.add(c)
	c.expect()
	c.Due(s.start.Add(startWait))
	h.ended(t, c2s.ConnectionLost)
	done, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.Shutdown(done) // returns, since nothing is left
}
