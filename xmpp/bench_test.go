package xmpp

import (
	"bytes"
	"encoding/xml"
	"io"
	"testing"
)

// A groupchat message as a web client sends it, about 390 bytes.
const groupchat = `<message xmlns='jabber:client' to='room7f3a@rooms.chat.example.org' type='groupchat' id='f81d4fae-7dec-11d0-a765-00a0c91e6bf6' xml:lang='en'><body>Hello, I have a question about my order &amp; its delivery. Can you help me, please?</body><active xmlns='http://jabber.org/protocol/chatstates'/><origin-id xmlns='urn:xmpp:sid:0' id='f81d4fae-7dec-11d0-a765-00a0c91e6bf6'/></message>`

// BenchmarkScanRewrite checks a groupchat message and writes it anew for the
// component link. The sub-benchmark encoding-xml is the baseline: decode to
// tokens and encode them again, without any of the checks.
func BenchmarkScanRewrite(b *testing.B) {
	in := []byte(groupchat)
	lim := Limits{Bytes: 65536, Depth: 64, Attributes: 64, Elements: 1000}
	from := []byte("k3j5h2g7d4s9a1q8w6e0r2t5y7@edge1.example.org/web")
	dst := make([]byte, 0, 1024)
	b.Run("one", func(b *testing.B) {
		s := NewScanner(lim)
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		for b.Loop() {
			e, err := s.One(in)
			if err != nil {
				b.Fatal(err)
			}
			h := Header{To: e.To, From: from, Type: e.Type, ID: e.ID, Lang: e.Lang}
			dst = e.Append(dst[:0], Component, &h)
		}
	})
	b.Run("next", func(b *testing.B) {
		s := NewScanner(lim)
		s.ResetInside(lim, "stream:stream", NSComponent, NSStream)
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		for b.Loop() {
			_, tok, err := s.Next(in)
			if err != nil || tok != Stanza {
				b.Fatal(tok, err)
			}
			e := s.Element()
			h := Header{To: e.To, From: from, Type: e.Type, ID: e.ID, Lang: e.Lang}
			dst = e.Append(dst[:0], Client, &h)
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		var out bytes.Buffer
		for b.Loop() {
			out.Reset()
			d, enc := xml.NewDecoder(bytes.NewReader(in)), xml.NewEncoder(&out)
			for {
				tok, err := d.Token()
				if err == io.EOF {
					break
				}
				if err == nil {
					err = enc.EncodeToken(tok)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			if err := enc.Flush(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
