package archive

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// vocabulary makes lines of words as frequent as those of a language: few of them often, most of them seldom.
func vocabulary() func() string {
	r := rand.New(rand.NewPCG(4, 4))
	zipf := rand.NewZipf(r, 1.1, 4, 50_000)
	return func() string {
		words := make([]string, 4+r.IntN(16))
		for i := range words {
			words[i] = fmt.Sprintf("w%d", zipf.Uint64())
		}
		return strings.Join(words, " ")
	}
}

// BenchmarkWrite: batches of events, each on the disk before the next.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			a := open(b)
			line := vocabulary()
			c := chat()
			write(b, a, Batch{Conversations: []Conversation{c}})
			seq := 0
			for b.Loop() {
				batch := Batch{Events: make([]Event, size)}
				for i := range batch.Events {
					seq++
					batch.Events[i] = said(c, seq, line())
				}
				write(b, a, batch)
			}
			b.ReportMetric(float64(seq)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// large makes an archive of 2,500 visitors and 50,000 messages.
func large(b *testing.B) *Archive {
	a := open(b)
	line := vocabulary()
	for i := range 50 {
		var batch Batch
		for j := range 50 {
			n := i*50 + j
			more := talk(fmt.Sprintf("%04d", n), func(c *Conversation) { c.Visitor = Person{JID: fmt.Sprintf("v%d@visitors.example", n)} })
			for seq := range 20 {
				more.Events = append(more.Events, said(more.Conversations[0], seq+1, line()))
			}
			batch = merge(batch, more)
		}
		write(b, a, batch)
	}
	return a
}

// BenchmarkSearch: among 50,000 messages.
func BenchmarkSearch(b *testing.B) {
	a := large(b)
	for name, words := range map[string]string{"common": "w1", "rare": "w40000", "two": "w10 w2000", "beginning": "w123*"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := a.Query(context.Background(), Filter{Words: words}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkErase: one of 2,500 visitors, who said 20 of 50,000 messages.
func BenchmarkErase(b *testing.B) {
	a := large(b)
	n := 0
	for b.Loop() {
		if _, err := a.Erase(context.Background(), fmt.Sprintf("v%d@visitors.example", n)); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
