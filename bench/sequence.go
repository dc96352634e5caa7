package main

// window is how many of the last messages of one sender a receiver remembers one by one.
const window = 1024

// sequence checks what somebody gets of another's messages, which are numbered 1, 2, 3... It belongs to one goroutine.
type sequence struct {
	top   uint64              // the highest number that has come
	came  [window / 64]uint64 // a bit for each of the last window numbers: it has come
	count uint64              // how many different ones have come
	gone  uint64              // how many were so far behind that they left the window without having come
}

// verdict is what one arrival is.
type verdict int

const (
	inOrder   verdict = iota // higher than all before
	reordered                // for the first time, but after a higher one
	doubled                  // again
)

// take notes that number n has come, and how many between it and the highest before are missing now: they are lost, or late.
func (s *sequence) take(n uint64) (v verdict, missing uint64) {
	switch {
	case n > s.top:
		missing = n - s.top - 1
		for i := max(s.top, n-min(n, window)) + 1; i <= n; i++ {
			if s.top > (i-1)%window && !s.has(i) { // the place was an earlier number's
				s.gone++
			}
			s.came[i%window/64] &^= 1 << (i % 64)
		}
		if n-s.top > window { // these never had a place
			s.gone += n - s.top - window
		}
		s.top = n
	case n+window <= s.top:
		// Too old to know: it is taken for the best that it can be.
		if s.gone == 0 {
			return doubled, 0
		}
		s.gone--
		s.count++
		return reordered, 0
	case n == 0 || s.has(n):
		return doubled, 0
	default:
		v = reordered
	}
	s.came[n%window/64] |= 1 << (n % 64)
	s.count++
	return v, missing
}

func (s *sequence) has(n uint64) bool { return s.came[n%window/64]&(1<<(n%64)) != 0 }

// lost is how many of the first sent messages have not come.
func (s *sequence) lost(sent uint64) uint64 { return sent - min(sent, s.count) }
