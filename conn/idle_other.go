//go:build !linux

package conn

import (
	"context"
	"time"
)

// Idle would wait for connections that are silent; here each waits in a goroutine of its own.
type Idle struct {
	Refused func(error) // never called here
}

// Run waits until ctx ends.
func (p *Idle) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (p *Idle) park(*Conn, time.Time, Resumer) bool { return false }
func (p *Idle) closed(*Conn)                        {}
func (p *Idle) deadline(*Conn, time.Time)           {}
