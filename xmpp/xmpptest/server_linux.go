package xmpptest

import (
	"os"
	"syscall"
)

// processAttr puts the server into a process group of its own and ends it
// with the thread that started it, so that a crashed test leaves nothing behind.
func processAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func signalGroup(p *os.Process, sig syscall.Signal) { syscall.Kill(-p.Pid, sig) }
