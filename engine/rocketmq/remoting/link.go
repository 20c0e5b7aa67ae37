// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// link is the connections to one address. Places are filled when they are asked for; a dial is shared by all who wait for it
// and outlives each of them.
type link struct {
	client  *Client
	address string
	seed    maphash.Seed // spreads the back-off

	mu      sync.Mutex // guards all below
	places  []place
	next    uint
	backoff time.Duration
	resting time.Time // no dial before it
	lastErr error     // why it rests
	tries   uint64
	closed  bool
	old     []*Conn // leaving, to be joined by close
}

type place struct {
	conn    *Conn
	dialing *attempt
}

// attempt is one dial; conn and err are set when done is closed.
type attempt struct {
	done chan struct{}
	conn *Conn
	err  error
}

func newLink(c *Client, address string) *link {
	return &link{client: c, address: address, places: make([]place, c.opts.Connections), seed: maphash.MakeSeed()}
}

// ready gives a connection that is there already, nil when there is none.
func (l *link) ready() *Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return l.places[l.next%uint(len(l.places))].conn
}

// conn gives a connection, dialing if need be.
func (l *link) conn(ctx context.Context) (*Conn, error) {
	l.mu.Lock()
	l.next++
	p := &l.places[l.next%uint(len(l.places))]
	if p.conn != nil {
		defer l.mu.Unlock()
		return p.conn, nil
	}
	if l.closed {
		defer l.mu.Unlock()
		return nil, unsent(mq.Unavailable, l.address, "the client does not use it any more")
	}
	a := p.dialing
	if a == nil {
		if now := l.client.opts.Clock.Now(); now.Before(l.resting) {
			defer l.mu.Unlock()
			return nil, unsent(mq.Unavailable, l.address, "%w", l.lastErr) // the same words each time: logs tell by them what is new
		}
		a = &attempt{done: make(chan struct{})}
		p.dialing = a
		l.client.joined.Go(func() { l.connect(p, a) })
	}
	l.mu.Unlock()
	select {
	case <-a.done:
		return a.conn, a.err
	case <-ctx.Done():
		return nil, unsent(mq.Timeout, l.address, "not connected in the caller's time")
	}
}

func (l *link) connect(p *place, a *attempt) {
	defer close(a.done)
	nc, err := l.client.dial(l.address)
	var c *Conn
	if err == nil {
		c = newConn(nc, l.address, &l.client.opts, &l.client.frames)
		c.start(l.gone)
	}
	l.mu.Lock()
	p.dialing = nil
	switch {
	case err != nil:
		l.restLocked(err)
		a.err = unsent(mq.Unavailable, l.address, "%w", err)
	case l.closed:
		l.old = append(l.old, c)
		a.err = unsent(mq.Unavailable, l.address, "the client does not use it any more")
	default:
		p.conn, a.conn = c, c
	}
	closed := l.closed
	l.mu.Unlock()
	if c != nil && closed {
		c.fail(errClosed)
		c.wait()
	}
}

// restLocked keeps away from an address that does not answer, twice as long each time, with up to a quarter more by chance so
// that many proxies do not come back at once.
func (l *link) restLocked(why error) {
	o := &l.client.opts
	l.backoff = min(max(2*l.backoff, o.BackoffMin), o.BackoffMax)
	l.tries++
	spread := time.Duration(maphash.Comparable(l.seed, l.tries) % uint64(l.backoff/4+1))
	l.resting = o.Clock.Now().Add(l.backoff + spread)
	l.lastErr = why
}

// gone is told by a connection that it ended. A connection that never heard anything counts as a failed dial: something else
// listens there, or the broker throws us out.
func (l *link) gone(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removeLocked(c)
	c.mu.Lock()
	why := c.failure
	c.mu.Unlock()
	if c.heard.Load() == 0 && !errors.Is(why, errClosed) {
		l.restLocked(why)
		return
	}
	l.backoff, l.resting = 0, time.Time{}
}

func (l *link) removeLocked(c *Conn) {
	for i := range l.places {
		if l.places[i].conn == c {
			l.places[i].conn = nil
		}
	}
	for i := range l.old {
		if l.old[i] == c {
			l.old = append(l.old[:i], l.old[i+1:]...)
			break
		}
	}
}

// drop takes a connection that refuses new calls out of its place and lets it finish what it has. One that is merely full stays.
func (l *link) drop(c *Conn) {
	if c.usable() {
		return
	}
	l.mu.Lock()
	for i := range l.places {
		if l.places[i].conn == c {
			l.places[i].conn = nil
			l.old = append(l.old, c)
		}
	}
	l.mu.Unlock()
	c.leave()
}

func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	conns := append([]*Conn(nil), l.old...)
	for i := range l.places {
		if c := l.places[i].conn; c != nil {
			conns = append(conns, c)
		}
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.fail(errClosed)
	}
	for _, c := range conns {
		c.wait()
	}
}
