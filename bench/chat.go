package main

import (
	"context"
	"errors"
	"flag"

	"usher/bench/measure"
)

// The figures of a scenario in which messages are delivered: one is delivered when it has come to the other of two in a room, so each is one
// stanza for the server to take and two to give.
const (
	figureDelivered = "delivered"
	figureCPU       = "CPU per 1,000 delivered"
	figureEdgeCPU   = "CPU per 1,000 delivered, edge"
	figureServerCPU = "CPU per 1,000 delivered, server"
)

// chatFlags are those of chat.
type chatFlags struct {
	talkFlags
	depth int
}

// chatScenario is pairs who talk: by default each as fast as the other answers, which shows what a server can do; with -rate at a rate, which shows how long
// messages take then.
func chatScenario() scenario {
	return scenario{name: "chat", brief: "pairs talk in rooms: messages a second, latencies, CPU, what was lost, doubled or reordered", prepare: prepareChat}
}

func prepareChat(f *flag.FlagSet, o *options) *work {
	c := &chatFlags{}
	o.Sessions = 400
	f.IntVar(&c.depth, "depth", 1, "`messages` of each pair that are on their way, without -rate")
	c.register(f)
	return &work{
		check: func() error {
			if c.depth < 1 || c.depth > 1000 {
				return errors.New("-depth: 1 to 1000")
			}
			return c.talkFlags.check(o)
		},
		run:     c.run,
		figures: func(_ *runner, result *measure.Result) { talkFigures(result) },
	}
}

func (c *chatFlags) run(ctx context.Context, r *runner) (err error) {
	depth := c.depth
	if r.rate > 0 {
		depth = 0
	}
	t := newTalk(r, c.talkFlags, depth, "message")
	defer func() { err = errors.Join(err, t.finish()) }()
	if err := t.login(ctx); err != nil {
		return err
	}
	if err := t.warm(ctx); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	r.rec.Phase("talking")
	if r.rate > 0 {
		err = t.open(ctx, r.rate, r.length)
		// What is late counts among the latencies, or a server that can't follow would look better than it is.
		err = errors.Join(err, t.drain(ctx, c.late))
	} else {
		t.closed(ctx)
	}
	return errors.Join(err, r.stop(ctx))
}

// talkFigures adds what messages have cost.
func talkFigures(result *measure.Result) {
	result.Add(figureDelivered, result.Rate("delivered"), "/s", false)
	cpuFigures(result, float64(result.Counters["delivered"])/1000, "ms", figureCPU, figureEdgeCPU, figureServerCPU)
}

// cpuFigures adds what CPU time, in ms or us, servers have used for each of so many: all together, Usher, and others.
func cpuFigures(result *measure.Result, count float64, unit, all, ofEdge, ofServer string) {
	if count == 0 {
		return
	}
	edge, server := spent(result)
	scale := map[string]float64{"ms": 1e3, "us": 1e6}[unit]
	if edge+server > 0 {
		result.Add(all, (edge+server)*scale/count, unit, true)
	}
	if edge > 0 {
		result.Add(ofEdge, edge*scale/count, unit, true)
	}
	if server > 0 {
		result.Add(ofServer, server*scale/count, unit, true)
	}
}
