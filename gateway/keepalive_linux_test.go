package gateway

import (
	"net"
	"syscall"
	"testing"
)

// A connection that the other end has left without a word is noticed by the kernel.
func TestKeepAlive(t *testing.T) {
	ln, err := listenTCP("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]struct{ level, name, want int }{
		"on":       {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		"interval": {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
		"probes":   {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
		"idle":     {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 15},
		"no delay": {syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
	} {
		raw.Control(func(fd uintptr) {
			if got, err := syscall.GetsockoptInt(int(fd), o.level, o.name); err != nil || got != o.want {
				t.Errorf("%s: %d, %v, want %d", name, got, err, o.want)
			}
		})
	}
}
