package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"usher/bench/load"
)

// crowd is sessions of one client process over one transport.
type crowd struct {
	r        *runner
	sessions []*load.Session // nil = not there yet; each belongs to the worker that has its number
	serving  sync.WaitGroup
}

func (r *runner) crowd(n int) *crowd { return &crowd{r: r, sessions: make([]*load.Session, n)} }

// each does something with every session, as many at a time as the command line says.
func (c *crowd) each(ctx context.Context, what string, do func(ctx context.Context, i int, w *load.Worker) error) error {
	c.r.rec.Phase(what)
	if err := load.Each(ctx, len(c.sessions), c.r.c, do); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// enter logs everybody in.
func (c *crowd) enter(ctx context.Context) error {
	there, login := c.r.rec.Counter("sessions"), c.r.rec.Histogram("login")
	return c.each(ctx, "logging in", func(ctx context.Context, i int, w *load.Worker) error {
		e, err := c.r.stage.Endpoint(c.r.transport, c.r.first+i)
		if err != nil {
			return err
		}
		began := time.Now()
		s, err := e.Open(ctx, w)
		if err != nil {
			return err
		}
		login.Record(time.Since(began))
		there.Add(1)
		c.sessions[i] = s
		return nil
	})
}

// serve lets everybody read until close; hear is called with the number of who hears.
func (c *crowd) serve(hear func(i int, stanza []byte)) {
	for i, s := range c.sessions {
		c.serving.Go(func() { // ends with its session, which close closes
			if err := s.Serve(func(stanza []byte) { hear(i, stanza) }); err != nil {
				c.r.rec.Error(err)
			}
		})
	}
}

// cut cuts everybody off.
func (c *crowd) cut() {
	for _, s := range c.sessions {
		if s != nil {
			s.Close()
		}
	}
}

// close cuts everybody off and waits until nobody reads any more.
func (c *crowd) close() {
	c.cut()
	c.serving.Wait()
}
