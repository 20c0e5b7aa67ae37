// SPDX-License-Identifier: Apache-2.0

package h2

import (
	"encoding/binary"
	"time"
)

// frame takes one frame of the client. It runs on the reading goroutine.
func (c *Conn) frame(h head, p []byte) error {
	if c.block.open && (h.kind != kindContinuation || h.stream != c.block.id) {
		return broken("a header block was not finished")
	}
	switch h.kind {
	case kindData:
		return c.data(h, p)
	case kindHeaders:
		return c.headers(h, p)
	case kindContinuation:
		if !c.block.open {
			return broken("CONTINUATION of nothing")
		}
		return c.fragment(p, h.flags&flagEndHeaders != 0)
	case kindReset:
		return c.reset(h, p)
	case kindSettings:
		return c.settings(h, p)
	case kindPing:
		return c.ping(h, p)
	case kindWindow:
		return c.windowUpdate(h, p)
	case kindPush:
		return broken("PUSH_PROMISE of a client")
	case kindPriority:
		if h.stream == 0 || h.size != 5 {
			return connError{FrameSizeError, "a PRIORITY frame of no stream or of a wrong size"}
		}
	case kindGoAway: // it opens no more streams; those that are open are answered
	}
	c.noteRead()
	return nil
}

func (c *Conn) noteRead() {
	c.mu.Lock()
	c.read = true
	c.mu.Unlock()
}

// find is an open stream, or nil for one that was closed. It needs mu.
func (c *Conn) findLocked(id uint32) (*Stream, error) {
	if id == 0 || id > c.newest {
		return nil, broken("a frame of a stream that was not opened")
	}
	return c.streams[id], nil
}

func (c *Conn) data(h head, p []byte) error {
	c.mu.Lock()
	c.read = true
	s, err := c.findLocked(h.stream)
	if err == nil && s != nil && s.ended {
		err = connError{StreamClosed, "DATA after the end of a stream"}
	}
	if err == nil && s != nil {
		if s.ahead -= h.size; s.ahead < 0 {
			err = connError{FlowControlError, "more DATA than the stream has room for"}
		}
	}
	if err != nil {
		c.mu.Unlock()
		return err
	}
	// Bytes are kept with their stream, which has a bound of its own: the connection's room is given back at once, and never runs out.
	if c.taken += h.size; c.taken >= c.opts.Window/2 {
		c.out = appendWindow(c.room(), 0, c.taken)
		c.taken = 0
	}
	end := h.flags&flagEnd != 0
	if s != nil {
		s.ended = s.ended || end
	}
	c.unlockAndWrite(true)
	p, err = unpadded(h, p)
	if err != nil || s == nil {
		return err
	}
	if padding := h.size - len(p); padding > 0 && !end {
		s.Taken(padding)
	}
	s.call.Data(p, end)
	return nil
}

func (c *Conn) reset(h head, p []byte) error {
	if len(p) != 4 {
		return connError{FrameSizeError, "a RST_STREAM frame of a wrong size"}
	}
	c.mu.Lock()
	c.read = true
	s, err := c.findLocked(h.stream)
	if s != nil {
		c.removeLocked(s)
		c.changed.Broadcast()
	}
	c.unlockAndWrite(true)
	if s != nil {
		s.call.Cancel()
	}
	return err
}

func (c *Conn) settings(h head, p []byte) error {
	switch {
	case h.stream != 0:
		return broken("SETTINGS of a stream")
	case h.flags&flagAck != 0 && len(p) != 0, len(p)%6 != 0:
		return connError{FrameSizeError, "a SETTINGS frame of a wrong size"}
	case h.flags&flagAck != 0:
		return nil
	}
	c.mu.Lock()
	c.read = true
	for ; len(p) > 0; p = p[6:] {
		if err := c.settingLocked(binary.BigEndian.Uint16(p), binary.BigEndian.Uint32(p[2:])); err != nil {
			c.mu.Unlock()
			return err
		}
	}
	c.changed.Broadcast()
	c.out = appendHead(c.room(), head{kind: kindSettings, flags: flagAck})
	return c.unlockBounded()
}

func (c *Conn) settingLocked(id uint16, v uint32) error {
	switch id {
	case settingPush:
		if v > 1 {
			return broken("ENABLE_PUSH is neither 0 nor 1")
		}
	case settingWindow:
		if v > largestID {
			return connError{FlowControlError, "INITIAL_WINDOW_SIZE is too large"}
		}
		by := int64(v) - c.first
		c.first = int64(v)
		for _, s := range c.streams {
			if s.window += by; s.window > largestID {
				return connError{FlowControlError, "a stream's window is too large"}
			}
		}
	case settingMaxFrame: // there is no need for longer ones
		if v < frameBytes || v > largestFrame {
			return broken("MAX_FRAME_SIZE is out of its bounds")
		}
	}
	return nil
}

// unlockBounded is unlockAndWrite for what a client can make us say without end: reading waits while it does not read.
func (c *Conn) unlockBounded() error {
	for len(c.out) > outLast && !c.dead {
		if !c.writing {
			break
		}
		c.changed.Wait()
	}
	c.unlockAndWrite(true)
	return nil
}

func (c *Conn) ping(h head, p []byte) error {
	switch {
	case h.stream != 0:
		return broken("PING of a stream")
	case len(p) != 8:
		return connError{FrameSizeError, "a PING frame of a wrong size"}
	case h.flags&flagAck != 0:
		switch [8]byte(p) {
		case drainPing():
			c.lastStream()
		case alivePing():
			c.lives()
		}
		c.noteRead()
		return nil
	}
	c.mu.Lock()
	if c.read = true; c.sent { // clients measure the way with a ping beside what they read
		c.sent, c.strikes = false, 0
	} else if now := time.Now(); now.Sub(c.pinged) < c.opts.PingEvery {
		c.strikes++
	}
	if c.pinged = time.Now(); c.strikes > pingStrikes {
		c.mu.Unlock()
		return connError{EnhanceYourCalm, "too_many_pings"}
	}
	c.out = appendPing(c.room(), flagAck, [8]byte(p))
	return c.unlockBounded()
}

func (c *Conn) windowUpdate(h head, p []byte) error {
	if len(p) != 4 {
		return connError{FrameSizeError, "a WINDOW_UPDATE frame of a wrong size"}
	}
	n := int64(binary.BigEndian.Uint32(p) & largestID)
	c.mu.Lock()
	c.read = true
	if h.stream == 0 {
		if c.window += n; n == 0 || c.window > largestID {
			c.mu.Unlock()
			return connError{FlowControlError, "the connection's window is given nothing or too much"}
		}
	} else {
		s, err := c.findLocked(h.stream)
		if err != nil {
			c.mu.Unlock()
			return err
		}
		if s != nil {
			if s.window += n; n == 0 || s.window > largestID {
				c.out = appendReset(c.room(), s.id, FlowControlError)
				c.removeLocked(s)
				c.changed.Broadcast()
				c.unlockAndWrite(true)
				s.call.Cancel()
				return nil
			}
		}
	}
	c.changed.Broadcast()
	c.unlockAndWrite(true)
	return nil
}
