// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/h2"
)

const (
	// maxContinuations is how many CONTINUATION frames may follow each other: the header list would be over its limit.
	maxContinuations = 16
	// strangerBytes is what a stranger may send: 64 KiB, and as much again because the first call's own data may come in
	// one piece with its headers.
	strangerBytes = 128 << 10
	goAwayBound   = time.Second
)

var errTurned = errors.New("the connection was ended by a rule")

// conn is a client's connection above TLS. One goroutine reads, one writes; anybody may end it.
type conn struct {
	net.Conn
	front  *Front
	remote netip.AddrPort
	tls    bool
	parsed bool // frames are told with frame, and written whole: bytes need not be looked at

	// of the reader
	early        []byte // read before, not yet given out
	in           frames
	seen         func(kind byte, stream uint32)
	bytes        int // while it is a stranger
	continuation int
	second       int64  // the unix second that is counted
	young        uint32 // the first stream that was opened in the second before it
	newest       uint32 // the first stream that was opened in it
	resets       int    // of young streams, in it
	violation    string

	known  atomic.Bool
	linger clock.Timer

	mu     sync.Mutex // guards out, and whole writes
	out    frames
	closed atomic.Bool
}

func (f *Front) newConn(c net.Conn, early []byte, remote netip.AddrPort) *conn {
	k := &conn{Conn: c, front: f, remote: remote, early: early}
	k.in.skip = len(h2.Preface)
	k.seen = k.count // one closure for the connection, not one per read
	return k
}

// RemoteAddr is the client's own address, also behind a load balancer.
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// Read counts what passes.
func (c *conn) Read(p []byte) (n int, err error) {
	if len(c.early) > 0 {
		n = copy(p, c.early)
		if c.early = c.early[n:]; len(c.early) == 0 {
			c.early = nil
		}
	} else {
		n, err = c.Conn.Read(p)
	}
	if !c.parsed {
		c.in.feed(p[:n], c.seen)
	}
	if !c.known.Load() {
		if c.bytes += n; c.bytes > strangerBytes {
			c.violation = "stranger_bytes"
		}
	}
	if turned := c.judge(); turned != nil {
		return 0, turned
	}
	return n, err
}

// judge ends a connection that broke a rule.
func (c *conn) judge() error {
	if c.violation == "" {
		return nil
	}
	c.turn(c.violation, "too much of it: "+c.violation)
	return errTurned
}

// frame counts one frame, where who reads from the connection knows its frames.
func (c *conn) frame(kind byte, stream uint32) error {
	c.count(kind, stream)
	return c.judge()
}

// count judges one frame. A flood of resets is a flood of streams that are opened only to be reset: what clients give up after
// a timeout is older, and to cut a client off because the platform was slow would make it worse.
func (c *conn) count(kind byte, stream uint32) {
	switch kind {
	case frameContinuation:
		if c.continuation++; c.continuation > maxContinuations {
			c.violation = "continuations"
		}
		return
	case frameHeaders:
		if c.turnSecond(); c.newest == 0 {
			c.newest = stream
		}
	case frameReset:
		if c.turnSecond(); c.young != 0 && stream >= c.young || c.newest != 0 && stream >= c.newest {
			c.resets++
		}
		if c.resets > c.front.options.MaxResets {
			c.violation = "resets"
		}
	}
	c.continuation = 0
}

func (c *conn) turnSecond() {
	now := c.front.options.Clock.Now().Unix()
	if now == c.second {
		return
	}
	c.young = c.newest
	if now != c.second+1 {
		c.young = 0
	}
	c.second, c.newest, c.resets = now, 0, 0
}

// Write keeps to frame borders in mind, so that a GOAWAY can be put between two frames of grpc's.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.Conn.Write(p)
	if !c.parsed {
		c.out.feed(p[:n], func(byte, uint32) {})
	}
	return n, err
}

// CloseWrite says that nothing more is written, where the connection can say that.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// turn ends the connection and says why, if that can be said: a writer that is stuck in the middle of a frame leaves no room.
func (c *conn) turn(why, text string) {
	if c.closed.Load() {
		return
	}
	c.front.options.Observer.Turned(why)
	c.front.log.Info("a connection was ended", "reason", why, "remote", c.remote.String())
	if c.mu.TryLock() {
		if c.out.between() {
			_ = c.Conn.SetWriteDeadline(time.Now().Add(goAwayBound))
			_, _ = c.Conn.Write(h2.AppendGoAway(nil, h2.AnyStream, h2.EnhanceYourCalm, text))
		}
		c.mu.Unlock()
	}
	_ = c.Close()
}

// welcome makes a stranger a client.
func (c *conn) welcome() {
	if c.known.CompareAndSwap(false, true) {
		c.linger.Stop()
		c.front.strangers.left(c.remote.Addr())
	}
}

// Close ends the connection; it may be called more than once.
func (c *conn) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	if c.known.CompareAndSwap(false, true) {
		c.linger.Stop()
		c.front.strangers.left(c.remote.Addr())
	}
	c.front.connections.Add(-1)
	c.front.options.Observer.Closed()
	return c.Conn.Close()
}

// strangers counts the connections on which nobody has named himself.
type strangers struct {
	limit, perAddress int
	exempt            func(netip.Addr) bool

	mu    sync.Mutex // guards all below
	all   int
	count map[netip.Addr]int
}

// entered takes a place, or tells that there is none.
func (s *strangers) entered(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= s.limit || s.count[a] >= s.perAddress && !s.exempt(a) {
		return false
	}
	s.all++
	s.count[a]++
	return true
}

func (s *strangers) left(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.count[a]--; s.count[a] <= 0 {
		delete(s.count, a)
	}
}
