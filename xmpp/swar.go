package xmpp

import (
	"encoding/binary"
	"math/bits"
)

// Runs of ordinary characters are skipped eight bytes at a time: each
// expression has the top bit of a byte set if that byte is special. A borrow
// can set wrong bits only above a right one, so the lowest is always right.
const (
	ones = 0x0101010101010101
	tops = 0x80 * ones
)

// skipText returns the index of the first byte from i on that needs a look in
// character data: white space other than blanks, what is no ASCII or a control
// character, '<', '>', '&'. What is left of b when fewer than eight bytes are is not looked at.
func skipText(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		amp := x ^ '&'*ones
		angle := (x | 2*ones) ^ '>'*ones // '<' and '>' differ in this bit
		special := ((x-' '*ones)&^x | (amp-ones)&^amp | (angle-ones)&^angle | x) & tops
		if special != 0 {
			return i + bits.TrailingZeros64(special)>>3
		}
	}
	return i
}

// skipValue does the same for attribute values, where quotes are special and
// '>' is not; it stops at '#' too, which spares a step elsewhere.
func skipValue(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote := (x | 5*ones) ^ '\''*ones // '"', '&', '\'', and '#', differ in these bits
		lt := x ^ '<'*ones
		special := ((x-' '*ones)&^x | (quote-ones)&^quote | (lt-ones)&^lt | x) & tops
		if special != 0 {
			return i + bits.TrailingZeros64(special)>>3
		}
	}
	return i
}
