// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// conn is one client's connection to a node: a reader that hands requests to the node, and a writer that sends answers in the order
// in which they were made.
type conn struct {
	cluster   *Cluster
	node      *node
	net       net.Conn
	client    string // what its heartbeat called it
	producers map[string]bool
	next      int32 // opaque of our own requests

	mu     sync.Mutex // guards below; leaf
	more   *sync.Cond
	out    [][]byte
	closed bool
}

// call is one request under way.
type call struct {
	conn  *conn
	frame *remoting.Frame
}

// answer sends the answer. It may come later, from a timer.
func (r *call) answer(f *remoting.Frame) {
	if r.frame.IsOneWay() {
		return
	}
	f.Opaque, f.Flag, f.Version, f.JSON = r.frame.Opaque, 1, remoting.Version, true // brokers answer with JSON headers
	r.conn.send(f)
}

func (c *Cluster) serveLocked(n *node, nc net.Conn) {
	x := &conn{cluster: c, node: n, net: nc, producers: map[string]bool{}}
	x.more = sync.NewCond(&x.mu)
	c.conns[x] = true
	c.joined.Go(x.read)
	c.joined.Go(x.write)
}

func (x *conn) send(f *remoting.Frame) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return
	}
	x.out = append(x.out, remoting.AppendFrame(nil, f))
	x.more.Signal()
}

// cutLocked ends the connection; cluster.mu is held.
func (x *conn) cutLocked() {
	delete(x.cluster.conns, x)
	x.mu.Lock()
	x.closed = true
	x.more.Signal()
	x.mu.Unlock()
	_ = x.net.Close() // a pipe's Close says nothing
	for _, b := range x.cluster.brokers {
		b.forgetLocked(x)
	}
}

func (x *conn) write() {
	for {
		x.mu.Lock()
		for len(x.out) == 0 && !x.closed {
			x.more.Wait()
		}
		out := x.out
		x.out = nil
		closed := x.closed
		x.mu.Unlock()
		if closed {
			return
		}
		for _, b := range out {
			if _, err := x.net.Write(b); err != nil {
				return // the reader sees the same end
			}
		}
	}
}

func (x *conn) read() {
	in := bufio.NewReader(x.net)
	for {
		f, err := readFrame(in)
		if err != nil {
			break
		}
		if f.IsResponse() {
			continue // answers to our own requests: nobody waits
		}
		x.cluster.arrive(&call{conn: x, frame: f})
	}
	x.cluster.mu.Lock()
	if x.cluster.conns[x] {
		x.cutLocked()
	}
	x.cluster.mu.Unlock()
}

func readFrame(in io.Reader) (*remoting.Frame, error) {
	var word [4]byte
	if _, err := io.ReadFull(in, word[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(word[:])
	if n > remoting.MaxFrame {
		return nil, remoting.ErrFrame
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(in, data); err != nil {
		return nil, err
	}
	f := &remoting.Frame{}
	return f, remoting.ParseFrame(data, f)
}

// host is the client's address as messages name it.
func (x *conn) host() netip.AddrPort {
	if a, err := netip.ParseAddrPort(x.net.RemoteAddr().String()); err == nil {
		return a
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 2, 1}), 40000)
}
