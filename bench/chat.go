package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"usher/bench/measure"
	"usher/bench/stage"
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
type chatFlags struct{ depth, size int }

// chatScenario is pairs who talk: by default each as fast as the other answers, which shows what a server can do; with -rate at a rate, which shows how long
// messages take then.
func chatScenario() scenario {
	return scenario{name: "chat", brief: "pairs talk in rooms: messages a second, latencies, CPU, what was lost, doubled or reordered", prepare: prepareChat}
}

func prepareChat(f *flag.FlagSet, o *options) *work {
	c := &chatFlags{}
	o.Sessions = 400
	f.IntVar(&c.depth, "depth", 1, "`messages` of each pair that are on their way, without -rate")
	f.IntVar(&c.size, "size", 100, "`bytes` of a message's body")
	return &work{
		check: func() error {
			if c.depth < 1 || c.depth > 1000 {
				return errors.New("-depth: 1 to 1000")
			}
			return checkTalk(o, c.size)
		},
		run:     c.run,
		figures: func(_ *runner, result *measure.Result) { talkFigures(result) },
	}
}

// maxBody leaves room for the rest of a stanza of 64 KiB, which is what Usher takes.
const maxBody = 60000

// checkTalk says what is wrong with values that a talk can't do with.
func checkTalk(o *options, size int) error {
	switch {
	case o.Sessions%2 != 0:
		return errors.New("-n: an even number, as two talk in each room")
	case o.Target == stage.Fake:
		return fmt.Errorf("-target %s: the fake upstream server has no rooms", stage.Fake)
	case o.Target == stage.Given && o.Rooms == "":
		return errors.New("-rooms: where are the rooms?")
	case size < headWidth || size > maxBody:
		return fmt.Errorf("-size: %d to %d", headWidth, maxBody)
	}
	return nil
}

func (c *chatFlags) run(ctx context.Context, r *runner) (err error) {
	depth := c.depth
	if r.rate > 0 {
		depth = 0
	}
	t := newTalk(r, c.size, depth)
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
		err = errors.Join(err, t.drain(ctx, lateness))
	} else {
		t.closed(ctx)
	}
	return errors.Join(err, r.stop(ctx))
}

// talkFigures adds what messages have cost.
func talkFigures(result *measure.Result) {
	result.Add(figureDelivered, result.Rate("delivered"), "/s", false)
	delivered := float64(result.Counters["delivered"]) / 1000
	if delivered == 0 {
		return
	}
	var edge, server float64
	edges, servers := 0, 0
	for _, p := range result.Processes {
		switch {
		case measure.Ours(p.Name) || p.Name == measure.Others:
		case strings.HasPrefix(p.Name, "usher"):
			edge += p.CPU
			edges++
		default:
			server += p.CPU
			servers++
		}
	}
	if edges+servers > 0 {
		result.Add(figureCPU, (edge+server)*1000/delivered, "ms", true)
	}
	if edges > 0 {
		result.Add(figureEdgeCPU, edge*1000/delivered, "ms", true)
	}
	if servers > 0 {
		result.Add(figureServerCPU, server*1000/delivered, "ms", true)
	}
}
