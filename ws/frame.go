package ws

import (
	"encoding/binary"
	"math"

	"usher/xmpp"
)

// Opcodes (RFC 6455 §5.2).
const (
	opContinue = 0x0
	opText     = 0x1
	opBinary   = 0x2
	opClose    = 0x8
	opPing     = 0x9
	opPong     = 0xA

	finBit     = 0x80
	rsvBits    = 0x70
	maskBit    = 0x80
	controlBit = 0x8
	maxControl = 125
)

// Status codes of a Close frame (RFC 6455 §7.4.1, 1013 of the registry).
const (
	codeNormal    = 1000
	codeAway      = 1001
	codeProtocol  = 1002
	codeData      = 1003
	codeNone      = 1005
	codeUTF8      = 1007
	codePolicy    = 1008
	codeTooBig    = 1009
	codeInternal  = 1011
	codeTryLater  = 1013
	firstFree     = 3000 // for libraries and applications
	firstUnusable = 5000
)

// violation is a breach of the framing. Without err, nothing can be said about it in XMPP.
type violation struct {
	code uint16
	err  *xmpp.StreamError
}

var (
	protocolError = &violation{code: codeProtocol}
	notText       = &violation{code: codeData} // RFC 7395 §3.2
	notUTF8       = &violation{code: codeUTF8} // RFC 6455 §8.1
	tooBig        = &violation{codeTooBig, &xmpp.StreamError{Condition: "policy-violation", Text: "the message is too big"}}
	tooManyParts  = &violation{codePolicy, &xmpp.StreamError{Condition: "policy-violation", Text: "the message is in too many fragments"}}
)

// header of a client's frame.
type header struct {
	op     byte
	fin    bool
	sized  bool // length is known
	size   int  // of the header itself; 0 = it isn't complete
	length int  // of the payload
	mask   uint32
}

func (h *header) control() bool { return h.op&controlBit != 0 }

// parseHeader reads what is there of a client's frame header (RFC 6455 §5.2). What is wrong is told as soon as the bytes that
// show it are there.
func parseHeader(b []byte) (h header, v *violation) {
	if len(b) == 0 {
		return h, nil
	}
	h.op, h.fin = b[0]&0xF, b[0]&finBit != 0
	switch {
	case b[0]&rsvBits != 0: // no extension was agreed to
		return h, protocolError
	case h.op > opBinary && h.op < opClose || h.op > opPong: // reserved
		return h, protocolError
	case h.control() && !h.fin: // RFC 6455 §5.5
		return h, protocolError
	}
	if len(b) == 1 {
		return h, nil
	}
	if b[1]&maskBit == 0 { // RFC 6455 §5.1
		return h, protocolError
	}
	n, size := uint64(b[1]&^maskBit), 2
	if h.control() && n > maxControl { // RFC 6455 §5.5
		return h, protocolError
	}
	switch n { // RFC 6455 §5.2: the shortest form, the highest bit 0
	case 126:
		if size = 4; len(b) < size {
			return h, nil
		}
		if n = uint64(binary.BigEndian.Uint16(b[2:])); n < 126 {
			return h, protocolError
		}
	case 127:
		if size = 10; len(b) < size {
			return h, nil
		}
		if n = binary.BigEndian.Uint64(b[2:]); n < 1<<16 || n > math.MaxInt64 {
			return h, protocolError
		}
	}
	h.sized, h.length = true, int(min(n, math.MaxInt32)) // more is over any limit
	if len(b) >= size+4 {
		h.mask = binary.LittleEndian.Uint32(b[size:])
		h.size = size + 4
	}
	return h, nil
}

// unmask undoes a client's masking in place (RFC 6455 §5.3), eight bytes at a time.
func unmask(p []byte, mask uint32) {
	if mask == 0 {
		return
	}
	wide := uint64(mask)<<32 | uint64(mask)
	for len(p) >= 32 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
		binary.LittleEndian.PutUint64(p[8:], binary.LittleEndian.Uint64(p[8:])^wide)
		binary.LittleEndian.PutUint64(p[16:], binary.LittleEndian.Uint64(p[16:])^wide)
		binary.LittleEndian.PutUint64(p[24:], binary.LittleEndian.Uint64(p[24:])^wide)
		p = p[32:]
	}
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(wide >> (8 * i))
	}
}

// appendHeader writes the header of a server's frame: whole, unmasked, the length in its shortest form.
func appendHeader(dst []byte, op byte, n int) []byte {
	switch {
	case n <= maxControl:
		return append(dst, finBit|op, byte(n))
	case n < 1<<16:
		return append(dst, finBit|op, 126, byte(n>>8), byte(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, finBit|op, 127), uint64(n))
	}
}

// appendText frames one element as one message (RFC 7395 §3.3.3).
func appendText(dst, element []byte) []byte {
	return append(appendHeader(dst, opText, len(element)), element...)
}

func appendClose(dst []byte, code uint16) []byte {
	if code == codeNone {
		return appendHeader(dst, opClose, 0)
	}
	return append(appendHeader(dst, opClose, 2), byte(code>>8), byte(code))
}

// closeCode reads the payload of a client's Close frame and returns the code to answer it with
// (RFC 6455 §5.5.1, §7.4).
func closeCode(p []byte) (code uint16, ok bool) {
	switch len(p) {
	case 0:
		return codeNone, true
	case 1:
		return 0, false
	}
	code = binary.BigEndian.Uint16(p)
	switch {
	case code >= firstFree && code < firstUnusable:
		return code, true
	case code >= codeNormal && code <= codeData, code >= codeUTF8 && code <= 1014:
		return code, true
	}
	return 0, false
}
