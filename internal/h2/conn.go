// SPDX-License-Identifier: Apache-2.0

package h2

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"
)

// Options shapes connections. All fields but Seen must be set.
type Options struct {
	MaxStreams    uint32        // calls that are open at once
	MaxHeaderList int           // bytes of one header list as RFC 9113 counts them; a longer one is reset
	Window        int           // bytes that a client may send ahead, per stream and per connection
	ReadBuffer    int           // bytes
	AliveEvery    time.Duration // a client that says nothing for so long is asked whether it lives
	AliveBound    time.Duration // and is gone when it says nothing for so long
	PingEvery     time.Duration // how often a client may ask the same
	DrainBound    time.Duration // for the answer to the ping that goes with a GOAWAY
	Buffers       Buffers
	// Seen hears of each frame before it is taken, with its type; an error ends the connection at once. nil: nobody does.
	Seen func(kind byte, stream uint32) error
}

// Buffers is a pool: connections that have nothing to write keep no buffer.
type Buffers interface {
	// Get gives a buffer of some length; its content is anything.
	Get(length int) *[]byte
	// Put takes it back, at whatever length.
	Put(b *[]byte)
}

const (
	outBound    = 512 << 10 // bytes that may wait to be written before whoever answers waits
	outLast     = 2 << 20   // and before reading waits
	pingStrikes = 2         // pings that come too early before the connection is left
	lingers     = time.Second
	outBuffer   = 64 << 10
)

// Conn is one client's connection.
type Conn struct {
	nc      net.Conn
	opts    Options
	handler Handler
	in      reader

	// of the reading goroutine
	decoder *hpack.Decoder
	block   block
	taken   int // bytes of DATA that were read and for which no room was given back on the connection
	pinged  time.Time
	strikes int

	mu       sync.Mutex // guards all below
	changed  *sync.Cond // more room, a stream or the connection closed
	streams  map[uint32]*Stream
	newest   uint32 // the newest stream that the client opened
	out      []byte // frames that wait to be written
	buffer   *[]byte
	writing  bool
	sent     bool // an answer, since the client's last ping
	dead     bool
	window   int64 // bytes of DATA that the client gives room for
	first    int64 // what it gives a new stream
	read     bool  // something was read since the last look
	asked    bool  // whether it lives
	alive    *time.Timer
	greeted  bool // SETTINGS were said, which must come first
	early    bool // it is to drain as soon as they are
	draining draining
	leave    *time.Timer
}

// draining is how far a GOAWAY came.
type draining byte

const (
	serving   draining = iota
	warned             // told that there will be a last stream
	finishing          // told which it is
	finished           // nothing is left: written out, then closed
)

// New makes a connection of one whose preface was not read. Serve brings it to life.
func New(nc net.Conn, o Options, h Handler) *Conn {
	c := &Conn{
		nc: nc, opts: o, handler: h, in: reader{from: nc, buf: make([]byte, max(o.ReadBuffer, 2*frameBytes))},
		streams: map[uint32]*Stream{}, window: firstWindow, first: firstWindow,
	}
	c.changed = sync.NewCond(&c.mu)
	c.decoder = hpack.NewDecoder(4096, c.field)
	c.decoder.SetMaxStringLength(o.MaxHeaderList)
	return c
}

// NetConn is what it speaks over.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Serve reads until the connection ends; then every call that was open was cancelled. The error is nil when the client hung up between two frames, or after a drain.
func (c *Conn) Serve() error {
	c.hello()
	err := c.loop()
	c.end(err)
	c.mu.Lock()
	drained := c.draining == finished
	c.mu.Unlock()
	if drained || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// hello is the server's first word.
func (c *Conn) hello() {
	c.mu.Lock()
	c.alive = time.AfterFunc(c.opts.AliveEvery, c.look)
	b := appendHead(c.room(), head{kind: kindSettings, size: 18})
	b = appendSetting(b, settingMaxStreams, c.opts.MaxStreams)
	b = appendSetting(b, settingWindow, uint32(c.opts.Window))
	b = appendSetting(b, settingMaxHeaderList, uint32(c.opts.MaxHeaderList))
	if c.opts.Window > firstWindow {
		b = appendWindow(b, 0, c.opts.Window-firstWindow)
	}
	c.out = b
	c.greeted = true
	early := c.early
	c.unlockAndWrite(true)
	if early {
		c.Drain()
	}
}

func (c *Conn) loop() error {
	if p, err := c.in.next(len(Preface)); err != nil {
		return err
	} else if string(p) != Preface {
		return broken("no HTTP/2 preface")
	}
	for first := true; ; first = false {
		b, err := c.in.next(headBytes)
		if err != nil {
			return err
		}
		h := readHead(b)
		if h.size > frameBytes {
			return connError{FrameSizeError, "a frame is too long"}
		}
		p, err := c.in.next(h.size)
		if err != nil {
			return err
		}
		if first && (h.kind != kindSettings || h.flags&flagAck != 0) {
			return broken("the first frame is not SETTINGS")
		}
		if c.opts.Seen != nil {
			if err := c.opts.Seen(byte(h.kind), h.stream); err != nil {
				return err
			}
		}
		if err := c.frame(h, p); err != nil {
			return err
		}
	}
}

// end cancels what is open, once.
func (c *Conn) end(err error) {
	var e connError
	if errors.As(err, &e) {
		c.mu.Lock()
		c.out = AppendGoAway(c.room(), c.newest, e.code, e.why)
		_ = c.nc.SetWriteDeadline(time.Now().Add(lingers))
		c.unlockAndWrite(false)
		c.mu.Lock()
		for c.writing && !c.dead { // another writes it
			c.changed.Wait()
		}
		c.mu.Unlock()
	}
	c.close()
}

// close ends the connection at once; it may be called more than once.
func (c *Conn) close() {
	c.mu.Lock()
	if c.dead {
		c.mu.Unlock()
		return
	}
	c.dead = true
	open := c.streams
	c.streams = nil
	for _, s := range open {
		s.open = false
	}
	if c.alive != nil {
		c.alive.Stop()
	}
	if c.leave != nil {
		c.leave.Stop()
	}
	c.changed.Broadcast()
	c.mu.Unlock()
	_ = c.nc.Close()
	for _, s := range open {
		s.call.Cancel()
	}
}

// Close ends the connection at once and cancels its calls.
func (c *Conn) Close() { c.close() }

// Drain asks the client to open streams elsewhere; the connection closes when those that are open are answered. It does not wait.
func (c *Conn) Drain() {
	c.mu.Lock()
	if c.early = !c.greeted; c.early || c.draining != serving || c.dead {
		c.mu.Unlock()
		return
	}
	c.draining = warned
	// Two steps: streams that are on their way are taken until the client has surely read of it.
	c.out = appendPing(AppendGoAway(c.room(), largestID, NoError, "draining"), 0, drainPing())
	c.leave = time.AfterFunc(c.opts.DrainBound, c.lastStream)
	c.unlockAndWrite(true)
}

// lastStream is the second step.
func (c *Conn) lastStream() {
	c.mu.Lock()
	if c.draining == warned && !c.dead {
		c.draining = finishing
		c.out = AppendGoAway(c.room(), c.newest, NoError, "draining")
	}
	c.unlockAndWrite(true)
}

// look runs every AliveEvery.
func (c *Conn) look() {
	c.mu.Lock()
	next := c.opts.AliveEvery
	switch {
	case c.dead:
		c.mu.Unlock()
		return
	case c.read:
		c.asked = false
	case c.asked:
		c.mu.Unlock()
		c.close()
		return
	default:
		c.asked, next = true, c.opts.AliveBound
		c.out = appendPing(c.room(), 0, alivePing())
	}
	c.read = false
	c.alive.Reset(next)
	c.unlockAndWrite(true)
}

// lives is told when the client has answered.
func (c *Conn) lives() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked && !c.dead {
		c.asked = false
		c.alive.Reset(c.opts.AliveEvery)
	}
}

// What the pings of this side carry.
func drainPing() [8]byte { return [8]byte{'l', 'e', 'a', 'v', 'i', 'n', 'g', '.'} }
func alivePing() [8]byte { return [8]byte{'a', 'l', 'i', 'v', 'e', '?'} }
