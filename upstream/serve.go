package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"usher/xmpp"
)

// readBuffer is the size of the read buffer while no stanza needs a larger one.
const readBuffer = 256 << 10

// Serve reads until the link ends and returns why (never nil), after the writer has
// stopped too. The link's own pings and whitespace never reach r. It may be called once. When ctx ends, the link does,
// without ceremony: Close is the polite way.
func (l *Link) Serve(ctx context.Context, r Receiver) error {
	l.serving.Store(true)
	defer context.AfterFunc(ctx, func() { l.end(context.Cause(ctx)) })()
	var wg sync.WaitGroup
	if l.cfg.Ping > 0 {
		wg.Go(l.keepAlive) // ended by l.end
	}
	l.end(l.read(r))
	<-l.written
	wg.Wait()
	return l.why
}

// read is the reader's loop. It returns why there is no more to read.
func (l *Link) read(r Receiver) error {
	in := inbox{size: readBuffer, buf: make([]byte, max(readBuffer, len(l.rest)))}
	in.end = copy(in.buf, l.rest)
	l.rest = nil
	// The negotiation has read the stream header (dial.go): its name and namespaces are these.
	in.scan.ResetInside(l.cfg.Limits, "stream:stream", xmpp.NSComponent, xmpp.NSStream)
	for {
		if in.end > 0 {
			if last, err := l.batch(&in, r); err != nil {
				l.goodbye(last)
				return err
			}
		}
		n, err := l.reader.Read(in.space())
		in.end += n
		if n > 0 {
			l.lastRead.Store(time.Now().UnixNano())
			l.counts.bytesIn.Add(int64(n))
			continue // a reader may return bytes together with its error: the error comes again
		}
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: %w", ErrLost, io.ErrUnexpectedEOF) // no </stream:stream> before it
		}
		if err != nil {
			return fmt.Errorf("%w: read: %w", ErrLost, err)
		}
	}
}

// batch hands over all complete stanzas in the buffer. An error is the end of
// the stream, and last is what we have to say before our end tag.
func (l *Link) batch(in *inbox, r Receiver) (last []byte, err error) {
	stanzas := 0
	defer func() {
		if stanzas > 0 {
			l.counts.stanzasIn.Add(int64(stanzas))
			r.Flush(l)
		}
	}()
	for {
		n, t, err := in.scan.Next(in.buf[in.start:in.end])
		if err != nil {
			return malformed(err)
		}
		in.start += n
		switch t {
		case xmpp.NeedMore:
			return nil, nil
		case xmpp.End:
			return nil, ErrEnded
		case xmpp.Root: // cannot be: the scanner is inside one
			return malformed(&xmpp.StreamError{Condition: "bad-format", Text: "second stream header"})
		}
		e := in.scan.Element()
		switch {
		case e.Kind == xmpp.Other:
			if err := l.nonza(e); err != nil {
				return nil, err
			}
		case l.ping.answered(e):
		default:
			stanzas++
			r.Stanza(l, e)
		}
	}
}

// nonza handles what is no stanza: a stream error ends the link, anything else
// is none of ours (no XEP-0114 server has a reason to send one) and ignored.
func (l *Link) nonza(e *xmpp.Element) error {
	if string(e.Name.Space) == xmpp.NSStream && string(e.Name.Local) == "error" {
		return fmt.Errorf("upstream: stream error from the server: %w", parseStreamError(e, xmpp.NSComponent))
	}
	if l.counts.ignored.Add(1) == 1 {
		l.log().Warn("element from upstream that is no stanza is ignored, as will be any other on this link",
			"name", string(e.Name.Local), "namespace", string(e.Name.Space))
	}
	return nil
}

// malformed ends the link and tells the server what is wrong with its stream:
// nothing behind the fault can be trusted (RFC 6120 §4.9.1.1).
func malformed(err error) (last []byte, _ error) {
	var se *xmpp.StreamError
	if errors.As(err, &se) {
		last = se.Append(nil)
	}
	return last, fmt.Errorf("upstream: the server's stream is wrong: %w", err)
}

func (l *Link) log() *slog.Logger {
	log := l.cfg.Log
	if log == nil {
		log = slog.Default()
	}
	return log.With("link", l.cfg.Domain)
}

// inbox is the reader's buffer: buf[start:end] is not yet scanned to the end.
type inbox struct {
	scan       xmpp.Scanner
	size       int // of buf while no stanza needs a larger one
	buf        []byte
	start, end int
}

// space returns where to read to. What is left of a cut stanza moves to the
// front, once per stanza; the buffer doubles if that stanza fills it, and goes back to its
// size when the stanza has passed.
func (in *inbox) space() []byte {
	left := in.end - in.start
	buf := in.buf
	switch {
	case left == len(buf):
		buf = make([]byte, 2*len(buf)) // the scanner refuses a stanza over its limit, so this ends
	case len(buf) > in.size && left <= in.size/2:
		buf = make([]byte, in.size)
	}
	if in.start > 0 || len(buf) != len(in.buf) {
		copy(buf, in.buf[in.start:in.end])
	}
	in.buf, in.start, in.end = buf, 0, left
	return in.buf[in.end:]
}
