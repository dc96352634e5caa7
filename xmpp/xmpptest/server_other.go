//go:build !linux

package xmpptest

import (
	"os"
	"syscall"
)

func processAttr() *syscall.SysProcAttr { return nil }

func signalGroup(p *os.Process, sig syscall.Signal) { p.Signal(sig) }
