//go:build !linux

package gateway

import "net"

// listenTCP is net.Listen, which sets the options of each connection.
func listenTCP(network, address string) (net.Listener, error) { return net.Listen(network, address) }
