package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"usher/bench/load"
	"usher/bench/stage"
)

// echoed is what is said to get it back.
const echoed = "Lorem ipsum dolor sit amet, consectetur adipisici elit"

// say sends a message and waits until it is back: from the fake upstream server, which sends back what it gets, or, as any server does, straight from oneself.
func say(s *load.Session, w *load.Worker, fake bool) error {
	to := s.JID
	if fake {
		to = stage.Echo
	}
	if err := s.Send(w, []byte("<message xmlns='jabber:client' type='chat' id='echo' to='"+to+"'><body>"+echoed+"</body></message>")); err != nil {
		return err
	}
	return s.Until(w, func(stanza []byte) bool { return bytes.Contains(stanza, []byte(echoed)) })
}

// present waits until the Ushers that were started say that so many sessions are there in all, over BOSH each with a request held. Others can't be asked.
func (one *idleRun) present(ctx context.Context, sessions int) error {
	names := []string{"usher_sessions"}
	if one.transport == "bosh" {
		names = append(names, "usher_bosh_held")
	}
	for i, u := range one.stage.Ushers {
		want := float64(portion(sessions, i, len(one.stage.Ushers)))
		for _, name := range names {
			if err := u.Until(ctx, fmt.Sprintf("%s is %v", name, want), func() (bool, error) {
				v, err := u.Metric(ctx, name)
				return v == want, err
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// portion is how many of n sessions go to number i of several Ushers.
func portion(n, i, ushers int) int { return (n + ushers - 1 - i) / ushers }

// noticed cuts clients off whose requests are held, one after the other, and takes the time until their Usher says that it has one request less. That
// is asked without a pause, so the time that one answer takes is in it.
func (one *idleRun) noticed(ctx context.Context) error {
	if one.transport != "bosh" || len(one.stage.Ushers) == 0 {
		return nil
	}
	one.rec.Phase("clients leave")
	times := one.rec.Histogram("client gone noticed")
	for i := range min(one.gone, len(one.all.sessions)) {
		u := one.stage.Ushers[(one.first+i)%len(one.stage.Ushers)]
		held, err := u.Metric(ctx, "usher_bosh_held")
		if err != nil {
			return err
		}
		began := time.Now()
		one.all.sessions[i].Close()
		for now := held; now >= held; {
			if now, err = u.Metric(ctx, "usher_bosh_held"); err != nil {
				return err
			}
			if time.Since(began) > load.Step {
				return errors.New("an Usher does not notice that its BOSH client is gone")
			}
		}
		times.Record(time.Since(began))
	}
	return nil
}

// collect adds up what is alive in all Ushers.
func collect(ctx context.Context, ushers []*stage.Usher) (all stage.Memory, err error) {
	for _, u := range ushers {
		m, err := u.Collect(ctx)
		if err != nil {
			return all, err
		}
		all.Heap, all.Stacks = all.Heap+m.Heap, all.Stacks+m.Stacks
	}
	return all, nil
}
