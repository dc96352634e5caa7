package main

import (
	"math/rand/v2"
	"testing"
)

// tally is what a receiver counts.
type tally struct{ lost, reordered, doubled uint64 }

func judge(sent uint64, arrivals []uint64) (tally, sequence) {
	var s sequence
	var t tally
	for _, n := range arrivals {
		switch v, missing := s.take(n); v {
		case inOrder:
			t.lost += missing
		case reordered:
			t.reordered++
			t.lost--
		case doubled:
			t.doubled++
		}
	}
	if sent > s.top {
		t.lost += sent - s.top
	}
	return t, s
}

func upTo(n uint64, without ...uint64) (all []uint64) {
next:
	for i := uint64(1); i <= n; i++ {
		for _, w := range without {
			if i == w {
				continue next
			}
		}
		all = append(all, i)
	}
	return all
}

func TestSequence(t *testing.T) {
	for name, c := range map[string]struct {
		sent uint64
		came []uint64
		want tally
	}{
		"all":                                    {5, upTo(5), tally{}},
		"none":                                   {5, nil, tally{lost: 5}},
		"the first is lost":                      {5, upTo(5, 1), tally{lost: 1}},
		"one in the middle is lost":              {5, upTo(5, 3), tally{lost: 1}},
		"the last is lost":                       {5, upTo(4), tally{lost: 1}},
		"two change places":                      {4, []uint64{1, 3, 2, 4}, tally{reordered: 1}},
		"one is late":                            {5, []uint64{1, 3, 4, 5, 2}, tally{reordered: 1}},
		"backwards":                              {4, []uint64{4, 3, 2, 1}, tally{reordered: 3}},
		"one comes twice":                        {3, []uint64{1, 2, 2, 3}, tally{doubled: 1}},
		"one comes again later":                  {3, []uint64{1, 2, 3, 1}, tally{doubled: 1}},
		"a late one comes twice":                 {3, []uint64{1, 3, 2, 2}, tally{reordered: 1, doubled: 1}},
		"one is lost, one doubled":               {4, []uint64{1, 2, 2, 4}, tally{lost: 1, doubled: 1}},
		"long":                                   {5 * window, upTo(5 * window), tally{}},
		"lost long ago":                          {5 * window, upTo(5*window, 7), tally{lost: 1}},
		"more are lost than the window holds":    {3*window + 2, []uint64{1, 3*window + 2}, tally{lost: 3 * window}},
		"late, from before the window":           {5 * window, append(upTo(5*window, 7), 7), tally{reordered: 1}},
		"late and again, from before the window": {5 * window, append(upTo(5*window, 7), 7, 7), tally{reordered: 1, doubled: 1}},
		"again, from before the window":          {5 * window, append(upTo(5*window), 7), tally{doubled: 1}},
		"again, at the window's end":             {5 * window, append(upTo(5*window), 4*window+1), tally{doubled: 1}},
		"late, at the window's end":              {5 * window, append(upTo(5*window, 4*window+1), 4*window+1), tally{reordered: 1}},
		"again twice, from before the window":    {2*window + 1, append(upTo(2*window+1), 1, 1), tally{doubled: 2}},
		"late, after a jump over the window":     {3 * window, append([]uint64{1, 3 * window}, 5), tally{lost: 3*window - 3, reordered: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got, s := judge(c.sent, c.came)
			if got != c.want {
				t.Errorf("counted %+v, want %+v", got, c.want)
			}
			if lost := s.lost(c.sent); lost != c.want.lost {
				t.Errorf("in the end %d are lost, want %d", lost, c.want.lost)
			}
		})
	}
}

// TestSequenceOracle compares with one that remembers everything, where nothing is later than the window.
func TestSequenceOracle(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		sent := uint64(random.IntN(4*window) + 1)
		arrivals := upTo(sent)
		for range random.IntN(100) {
			i := random.IntN(len(arrivals))
			j := min(len(arrivals)-1, i+random.IntN(100))
			switch random.IntN(3) {
			case 0:
				arrivals = append(arrivals[:i], arrivals[i+1:]...)
			case 1:
				arrivals[i], arrivals[j] = arrivals[j], arrivals[i]
			case 2:
				arrivals[j] = arrivals[i] // one doubled, another lost
			}
			if len(arrivals) == 0 {
				break
			}
		}
		var want tally
		seen, top := map[uint64]bool{}, uint64(0)
		for _, n := range arrivals {
			switch {
			case seen[n]:
				want.doubled++
			case n < top:
				want.reordered++
			}
			seen[n], top = true, max(top, n)
		}
		want.lost = sent - uint64(len(seen))
		if got, s := judge(sent, arrivals); got != want || s.lost(sent) != want.lost {
			t.Fatalf("%d sent: counted %+v and %d, want %+v\n%v", sent, got, s.lost(sent), want, arrivals)
		}
	}
}
