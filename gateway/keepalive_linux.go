package gateway

import (
	"context"
	"net"
	"syscall"
	"time"
)

// listenTCP is net.Listen, but for who asks for keep-alive probes. An accepted socket has the options of the listening one (tcp(7)),
// so they are set there, once, and not with four system calls a connection.
func listenTCP(network, address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		set := func(fd uintptr) {
			for _, o := range [...]struct{ level, name, value int }{
				{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
				{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, int(keepAlive / time.Second)},
				{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, int(keepAlive / time.Second)},
				{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, keepAliveProbes},
			} {
				if err == nil {
					err = syscall.SetsockoptInt(int(fd), o.level, o.name, o.value)
				}
			}
		}
		if e := raw.Control(set); e != nil {
			return e
		}
		return err
	}}
	return lc.Listen(context.Background(), network, address)
}

// As net.Listen has them.
const (
	keepAlive       = 15 * time.Second // of silence, and between two probes
	keepAliveProbes = 9                // without an answer, after which the connection has failed
)
