// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"errors"
	"net"
	"net/netip"
)

// Listen makes a cluster whose nodes listen on the loopback interface, each at the address that it tells: for processes, which find all of it by the name
// servers. Close ends the listening, too.
func Listen(o Options) (*Cluster, error) {
	var failed error
	var listeners []net.Listener
	c := build(o, func(bool, int) netip.AddrPort {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			failed = errors.Join(failed, err)
			return netip.AddrPort{}
		}
		listeners = append(listeners, l)
		return netip.MustParseAddrPort(l.Addr().String())
	})
	c.listeners = listeners
	if failed != nil {
		c.Close()
		return nil, failed
	}
	for _, l := range listeners {
		c.joined.Go(func() { c.accept(l) })
	}
	return c, nil
}

func (c *Cluster) accept(l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		if c.isDown(l.Addr().String()) || c.Serve(l.Addr().String(), nc) != nil {
			_ = nc.Close()
		}
	}
}

func (c *Cluster) isDown(address string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[address].down
}
