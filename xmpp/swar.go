package xmpp

import "math/bits"

// Runs of ordinary characters are skipped eight bytes at a time: each
// expression has the top bit of a byte set if that byte is special. A borrow
// can set wrong bits only above a right one, so the lowest is always right.
const (
	ones = 0x0101010101010101
	tops = 0x80 * ones
)

// load returns the eight bytes from i on as a number, the first one lowest. The compiler makes one instruction of it.
func load(b []byte, i int) uint64 {
	return uint64(b[i]) | uint64(b[i+1])<<8 | uint64(b[i+2])<<16 | uint64(b[i+3])<<24 |
		uint64(b[i+4])<<32 | uint64(b[i+5])<<40 | uint64(b[i+6])<<48 | uint64(b[i+7])<<56
}

// store is the reverse of load.
func store(b []byte, i int, x uint64) {
	b[i], b[i+1], b[i+2], b[i+3] = byte(x), byte(x>>8), byte(x>>16), byte(x>>24)
	b[i+4], b[i+5], b[i+6], b[i+7] = byte(x>>32), byte(x>>40), byte(x>>48), byte(x>>56)
}

// specialText marks the bytes that need a look in character data: white space other than
// blanks, what is no ASCII or a control character, '<', '>', '&'.
func specialText(x uint64) uint64 {
	angle := (x | 2*ones) ^ '>'*ones // '<' and '>' differ in this bit
	return ((x - ' '*ones) | ((x ^ '&'*ones) - ones) | (angle - ones) | x) & tops
}

// specialValue does the same for attribute values, where quotes are special and '>' is not; it marks '#' too, which
// spares a step elsewhere.
func specialValue(x uint64) uint64 {
	quote := (x | 5*ones) ^ '\''*ones // '"', '&', '\'', and '#', differ in these bits
	return ((x - ' '*ones) | (quote - ones) | ((x ^ '<'*ones) - ones) | x) & tops
}

// skipText returns the index of the first byte from i on that specialText marks. What is left of b when fewer
// than eight bytes are is not looked at.
func skipText(b []byte, i int) int {
	for ; i >= 0 && i < len(b)-7; i += 8 {
		if special := specialText(load(b, i)); special != 0 {
			return i + bits.TrailingZeros64(special)>>3
		}
	}
	return i
}

// skipValue does the same with specialValue.
func skipValue(b []byte, i int) int {
	for ; i >= 0 && i < len(b)-7; i += 8 {
		if special := specialValue(load(b, i)); special != 0 {
			return i + bits.TrailingZeros64(special)>>3
		}
	}
	return i
}
