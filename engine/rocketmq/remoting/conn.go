// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

var errClosed = errors.New("the connection was closed here")

const readBuffer = 64 << 10

// Conn is one connection. It is made by a Client and ends on its first failure.
type Conn struct {
	net     net.Conn
	address string
	opts    *Options
	frames  *frames
	ended   func(*Conn) // called once, by the reader, after every call has ended
	joined  sync.WaitGroup
	flush   chan struct{} // capacity 1: the flusher has the writing role
	dead    chan struct{} // closed with the first failure
	heard   atomic.Int64  // frames read

	mu       sync.Mutex // guards all below; never held across a write, a wait or a callback
	slots    slots
	pending  []byte // encoded, not yet offered to the kernel
	spare    []byte // the other buffer, when nobody writes from it
	rest     []byte // what a non-blocking write left over, for the flusher
	writing  bool   // somebody has the writing role
	queued   int64  // bytes that were ever put into pending
	offered  int64  // bytes that were ever offered to the kernel
	failure  error
	leaving  bool // the peer asked to go, or too many answers are missing: no new calls
	deadline clock.Timer
	due      time.Time // when deadline fires, zero when it is not set
	alive    clock.Timer
	heardAt  int64 // heard when alive was last set
	asked    bool  // a sign of life was asked for
	frame    Frame // for encoding
	walker   Walker
	now      nowWriter // used by the holder of the writing role
}

func newConn(nc net.Conn, address string, opts *Options, pool *frames) *Conn {
	c := &Conn{
		net: nc, address: address, opts: opts, frames: pool,
		flush: make(chan struct{}, 1), dead: make(chan struct{}),
		slots: slots{most: opts.MaxInFlight},
	}
	c.walker.fields = &c.frame.Fields
	c.now.open(nc)
	return c
}

// start runs the connection's two goroutines; ended is called by one of them when all is over.
func (c *Conn) start(ended func(*Conn)) {
	c.ended = ended
	c.mu.Lock()
	c.alive = c.opts.Clock.AfterFunc(c.opts.KeepAlive, c.lookAlive)
	c.mu.Unlock()
	c.joined.Go(c.flusher)
	c.joined.Go(c.reader)
}

// begin sends a request; reply is called once, unless begin gives an error, which is always a refusal. A one-way request has no reply.
// t names the call for giveUp.
func (c *Conn) begin(r *Request, deadline time.Time, reply Reply) (t ticket, err error) {
	c.mu.Lock()
	if err := c.admitLocked(); err != nil {
		c.mu.Unlock()
		return t, err
	}
	from := len(c.pending)
	f := &c.frame
	f.Code, f.Version, f.JSON, f.Body, f.Flag, f.Opaque = r.Code, Version, r.JSON, r.Body, 0, -1
	if r.OneWay {
		f.MarkOneWay()
	} else {
		var ok bool
		t.from = c.queued
		if t.id, ok = c.slots.take(call{code: r.Code, reply: reply, deadline: deadline, from: t.from}); !ok {
			c.mu.Unlock()
			return t, c.crowded("calls under way", c.opts.MaxInFlight, c.opts.MaxInFlight)
		}
		f.Opaque = t.id
	}
	f.Fields.Reset()
	if r.Header != nil {
		r.Header.Walk(&c.walker)
	}
	c.opts.Credentials.Sign(f)
	c.pending = AppendFrame(c.pending, f)
	f.Body = nil
	if size := len(c.pending) - from - lengthWordSize; size > MaxFrame {
		c.pending = c.pending[:from]
		if !r.OneWay {
			c.slots.answered(t.id)
		}
		c.mu.Unlock()
		return t, mq.Refuse(mq.PayloadTooLarge, "a request of %d bytes, the limit is %d", size, MaxFrame)
	}
	c.queued += int64(len(c.pending) - from)
	if !r.OneWay {
		c.expectLocked(deadline)
	}
	c.pushAndUnlock()
	return t, nil
}

// admitLocked refuses what cannot be sent.
func (c *Conn) admitLocked() error {
	switch {
	case c.failure != nil, c.leaving:
		return errLeaving(c.address)
	case len(c.pending) > c.opts.MaxPending:
		return c.crowded("bytes that wait to be written", len(c.pending), c.opts.MaxPending)
	}
	return nil
}

// crowded tells the caller what a busy broker tells him; where, what and how many are for the log.
func (c *Conn) crowded(what string, n, limit int) error {
	return unsent(mq.TooManyRequests, c.address, "%d %s, the limit is %d", n, what, limit)
}

// respond answers a peer's request.
func (c *Conn) respond(opaque int32, f *Frame) {
	f.Opaque, f.Version, f.Flag = opaque, Version, f.Flag|flagResponse
	c.mu.Lock()
	if c.failure != nil {
		c.mu.Unlock()
		return
	}
	from := len(c.pending)
	c.pending = AppendFrame(c.pending, f)
	c.queued += int64(len(c.pending) - from)
	c.pushAndUnlock()
}

// giveUp ends a call from the caller's side; false means that its reply is called or was.
func (c *Conn) giveUp(t ticket) bool {
	c.mu.Lock()
	_, ok := c.slots.abandon(t)
	c.tooManyGoneLocked()
	c.mu.Unlock()
	return ok
}

// tooManyGoneLocked makes the connection leave when a quarter of its slots waits for answers that nobody wants.
func (c *Conn) tooManyGoneLocked() {
	if c.slots.gone > c.slots.most/4 {
		c.leaving = true
	}
}

// usable tells whether the connection takes new calls.
func (c *Conn) usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure == nil && !c.leaving
}

// leave stops new calls; the connection closes when the last one has ended.
func (c *Conn) leave() {
	c.mu.Lock()
	c.leaving = true
	idle := c.slots.live == 0 && c.failure == nil
	c.mu.Unlock()
	if idle {
		c.fail(errClosed)
	}
}

// fail ends the connection. The first cause stays. Callers get their errors from the reader.
func (c *Conn) fail(cause error) {
	c.mu.Lock()
	first := c.failure == nil
	if first {
		c.failure = cause
		close(c.dead)
		if c.deadline != nil {
			c.deadline.Stop()
		}
		c.alive.Stop()
	}
	c.mu.Unlock()
	if first {
		_ = c.net.Close() // the cause is known; what closing says adds nothing
	}
}

// wait joins the connection's goroutines.
func (c *Conn) wait() { c.joined.Wait() }

// reader hands out answers until the connection ends, then ends every call that is left.
func (c *Conn) reader() {
	err := c.read()
	c.fail(err)
	c.mu.Lock()
	cause, offered := c.failure, c.offered
	calls := c.slots.drain()
	c.pending, c.spare, c.rest = nil, nil, nil
	c.mu.Unlock()
	for _, x := range calls {
		if x.from >= offered {
			x.reply(nil, unsent(mq.Unavailable, c.address, "request %d was not written: %w", x.code, cause))
		} else {
			x.reply(nil, unanswered(mq.Unavailable, c.address, "the connection ended before request %d was answered: %w", x.code, cause))
		}
	}
	c.ended(c)
}

func (c *Conn) read() error {
	in := bufio.NewReaderSize(c.net, readBuffer)
	var word [lengthWordSize]byte
	for {
		if _, err := io.ReadFull(in, word[:]); err != nil {
			return err
		}
		size := binary.BigEndian.Uint32(word[:])
		if size > MaxFrame {
			return fmt.Errorf("%w: %d bytes, the limit is %d", ErrFrame, size, MaxFrame)
		}
		f, data := c.frames.get(int(size))
		if _, err := io.ReadFull(in, data); err != nil {
			return err
		}
		if err := ParseFrame(data, f); err != nil {
			return err
		}
		c.heard.Add(1)
		if f.IsResponse() {
			c.answered(f)
			continue
		}
		c.opts.Handle(c.incoming(f))
		f.Release()
	}
}

func (c *Conn) incoming(f *Frame) Incoming {
	opaque, oneWay := f.Opaque, f.IsOneWay()
	return Incoming{Address: c.address, Frame: f, Reply: func(answer *Frame) {
		if !oneWay {
			c.respond(opaque, answer)
		}
	}}
}

func (c *Conn) answered(f *Frame) {
	c.mu.Lock()
	x, ok := c.slots.answered(f.Opaque)
	if f.Code == GoAway {
		c.leaving = true
	}
	over := c.leaving && c.slots.live == 0
	c.mu.Unlock()
	switch {
	case !ok:
		f.Release()
	case f.Code == GoAway:
		f.Release()
		x.reply(nil, errLeaving(c.address))
	default:
		x.reply(f, nil)
	}
	if over {
		c.fail(errClosed)
	}
}

// expectLocked makes sure that somebody looks when the deadline has come. Deadlines mostly come in the order of the calls, so the
// timer is set once and finds the next deadline when it fires.
func (c *Conn) expectLocked(deadline time.Time) {
	if !c.due.IsZero() && !deadline.Before(c.due) {
		return
	}
	c.due = deadline
	d := deadline.Sub(c.opts.Clock.Now())
	if c.deadline == nil {
		c.deadline = c.opts.Clock.AfterFunc(d, c.lookDeadlines)
		return
	}
	c.deadline.Reset(d)
}

// lookDeadlines ends the calls whose time is over.
func (c *Conn) lookDeadlines() {
	now := c.opts.Clock.Now()
	c.mu.Lock()
	if c.failure != nil {
		c.mu.Unlock()
		return
	}
	late, next := c.slots.overdue(now)
	c.due = time.Time{}
	if !next.IsZero() {
		c.expectLocked(next)
	}
	c.tooManyGoneLocked()
	c.mu.Unlock()
	for _, x := range late {
		x.reply(nil, unanswered(mq.Timeout, c.address, "no answer to request %d in time", x.code))
	}
}

// lookAlive asks a silent peer for a sign of life, and gives it up when none came until the next look.
func (c *Conn) lookAlive() {
	heard := c.heard.Load()
	c.mu.Lock()
	silent, asked := heard == c.heardAt, c.asked
	c.heardAt, c.asked = heard, silent
	rest := c.opts.KeepAlive
	if silent && !asked {
		rest = min(rest, c.opts.CallTimeout)
	}
	if c.failure == nil {
		c.alive.Reset(rest)
	}
	c.mu.Unlock()
	switch {
	case silent && asked:
		c.fail(fmt.Errorf("no sign of life for %v", c.opts.KeepAlive+c.opts.CallTimeout))
	case silent:
		r := heartbeat(c.opts.ClientID)
		_, _ = c.begin(&r, c.opts.Clock.Now().Add(c.opts.CallTimeout), func(f *Frame, _ error) { f.Release() }) // the next look judges
	}
}
