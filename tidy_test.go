package main

import "testing"

// What is left behind is given back when it is worth a collection and the burst that left it is over.
func TestTidy(t *testing.T) {
	const mb = 1 << 20
	for name, c := range map[string]struct {
		before, now heap
		want        bool
	}{
		"nothing is spare":                  {heap{made: 90 * mb}, heap{objects: 25 * mb, live: 25 * mb, stacks: 20 * mb, made: 90 * mb}, false},
		"after a burst: free":               {heap{made: 90 * mb}, heap{objects: 25 * mb, live: 25 * mb, free: 10 * mb, stacks: 20 * mb, made: 91 * mb}, true},
		"after a burst: garbage":            {heap{made: 90 * mb}, heap{objects: 35 * mb, live: 25 * mb, stacks: 20 * mb, made: 91 * mb}, true},
		"in the middle of a burst":          {heap{made: 50 * mb}, heap{objects: 35 * mb, live: 25 * mb, free: 10 * mb, made: 90 * mb}, false},
		"too little":                        {heap{made: 9 * mb}, heap{objects: 5 * mb, live: 3 * mb, free: mb, made: 9 * mb}, false},
		"little beside what is in use":      {heap{made: 9 * mb}, heap{objects: 50 * mb, live: 50 * mb, free: 6 * mb, stacks: 20 * mb, made: 9 * mb}, false},
		"more alive than objects: a moment": {heap{made: 9 * mb}, heap{objects: 20 * mb, live: 21 * mb, made: 9 * mb}, false},
	} {
		if got := c.now.worthIt(c.before); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	// The runtime knows all of the names.
	a := heapNow()
	garbage := make([][]byte, 0, 64)
	for range 64 {
		garbage = append(garbage, make([]byte, 64<<10))
	}
	b := heapNow()
	if a.objects == 0 || a.stacks == 0 || b.made < a.made+uint64(len(garbage))*64<<10 {
		t.Errorf("heap is %+v, then %+v", a, b)
	}
}
