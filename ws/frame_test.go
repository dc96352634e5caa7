package ws

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func TestParseHeader(t *testing.T) {
	mask := "\x01\x02\x03\x04"
	for _, tt := range []struct {
		name string
		in   string
		want header
		bad  *violation
	}{
		{"nothing", "", header{}, nil},
		{"one byte", "\x81", header{op: opText, fin: true}, nil},
		{"short", "\x81\x85" + mask, header{op: opText, fin: true, sized: true, size: 6, length: 5, mask: 0x04030201}, nil},
		{"short without its mask", "\x81\x85\x01", header{op: opText, fin: true, sized: true, length: 5}, nil},
		{"begin of fragments", "\x01\x80" + mask, header{op: opText, sized: true, size: 6, mask: 0x04030201}, nil},
		{"last fragment", "\x80\x80" + mask, header{op: opContinue, fin: true, sized: true, size: 6, mask: 0x04030201}, nil},
		{"two bytes of length", "\x81\xfe\x00\x7e" + mask, header{op: opText, fin: true, sized: true, size: 8, length: 126, mask: 0x04030201}, nil},
		{"half the length", "\x81\xfe\x00", header{op: opText, fin: true}, nil},
		{"eight bytes of length", "\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00" + mask, header{op: opText, fin: true, sized: true, size: 14, length: 65536, mask: 0x04030201}, nil},
		{"huge", "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff", header{op: opText, fin: true, sized: true, length: 1<<31 - 1}, nil},
		{"highest bit", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00", header{}, protocolError},
		{"126 as two bytes is needed, 125 is not", "\x81\xfe\x00\x7d", header{}, protocolError},
		{"65535 in eight bytes", "\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", header{}, protocolError},
		{"unmasked", "\x81\x05", header{}, protocolError},
		{"RSV1", "\xc1", header{}, protocolError},
		{"RSV2", "\xa1", header{}, protocolError},
		{"RSV3", "\x91", header{}, protocolError},
		{"fragmented ping", "\x09", header{}, protocolError},
		{"fragmented close", "\x08", header{}, protocolError},
		{"ping of 125", "\x89\xfd" + mask, header{op: opPing, fin: true, sized: true, size: 6, length: 125, mask: 0x04030201}, nil},
		{"ping of 126", "\x89\xfe", header{}, protocolError},
	} {
		h, bad := parseHeader([]byte(tt.in))
		if bad != tt.bad || bad == nil && h != tt.want {
			t.Errorf("%s: %+v, %v, want %+v, %v", tt.name, h, bad, tt.want, tt.bad)
		}
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF} {
		if _, bad := parseHeader([]byte{finBit | op}); bad != protocolError {
			t.Errorf("reserved opcode %#x: %v", op, bad)
		}
	}
}

// Each beginning of a header is either not enough, or wrong already as the whole will be.
func TestParseHeaderAtEachSplit(t *testing.T) {
	for _, in := range []string{
		"\x81\x85\x01\x02\x03\x04", "\x81\xfe\x00\x7e\x01\x02\x03\x04", "\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00\x01\x02\x03\x04",
	} {
		whole, _ := parseHeader([]byte(in))
		for n := range in {
			h, bad := parseHeader([]byte(in[:n]))
			if bad != nil || h.size != 0 || h.sized && h.length != whole.length {
				t.Errorf("% x: %+v, %v", in[:n], h, bad)
			}
		}
	}
}

func TestUnmask(t *testing.T) {
	mask := [4]byte{0xA1, 0x00, 0x03, 0xF7}
	for n := range 100 {
		for off := range 9 { // alignment
			plain := bytes.Repeat([]byte("abcdefghijklm"), 10)[off : off+n]
			p := append(make([]byte, off), plain...)[off:]
			for i := range p {
				p[i] ^= mask[i%4]
			}
			unmask(p, binary.LittleEndian.Uint32(mask[:]))
			if !bytes.Equal(p, plain) {
				t.Fatalf("%d bytes at %d: %q", n, off, p)
			}
		}
	}
}

func TestAppendHeader(t *testing.T) {
	for _, tt := range []struct {
		n    int
		want string
	}{
		{0, "\x81\x00"}, {125, "\x81\x7d"}, {126, "\x81\x7e\x00\x7e"}, {65535, "\x81\x7e\xff\xff"},
		{65536, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
	} {
		if got := string(appendHeader(nil, opText, tt.n)); got != tt.want {
			t.Errorf("%d: % x, want % x", tt.n, got, tt.want)
		}
	}
}

// RFC 6455 §7.4
func TestCloseCode(t *testing.T) {
	legal := map[uint16]bool{}
	for _, c := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		legal[c] = true
	}
	for _, c := range []uint16{0, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1100, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 65535} {
		got, ok := closeCode([]byte{byte(c >> 8), byte(c), 'b', 'y', 'e'})
		if ok != legal[c] || ok && got != c {
			t.Errorf("%d: %d, %v", c, got, ok)
		}
	}
	if got, ok := closeCode(nil); got != codeNone || !ok {
		t.Errorf("no code: %d, %v", got, ok)
	}
	if _, ok := closeCode([]byte{3}); ok {
		t.Error("half a code is taken")
	}
}

func BenchmarkUnmask(b *testing.B) {
	p := make([]byte, 350)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		unmask(p, 0xF7035CA1)
	}
}
