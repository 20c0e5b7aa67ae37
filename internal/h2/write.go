// SPDX-License-Identifier: Apache-2.0

package h2

import (
	"runtime"
	"time"
)

// room is the outgoing buffer to append to. It needs mu.
func (c *Conn) room() []byte {
	if c.out == nil {
		c.buffer = c.opts.Buffers.Get(outBuffer)
		c.out = (*c.buffer)[:0]
	}
	return c.out
}

// unlockAndWrite unlocks mu and sees that what waits is written: by this goroutine, by the one that writes already, or by one of its own where this
// one must not wait.
func (c *Conn) unlockAndWrite(apart bool) {
	lead := !c.writing && !c.dead && (len(c.out) > 0 || c.draining == finishing && len(c.streams) == 0)
	crowd := len(c.streams) > 0
	if lead {
		c.writing = true
	}
	c.mu.Unlock()
	switch {
	case !lead:
	case apart:
		go c.drainOut()
	default:
		if crowd { // others are about to answer: one write for all
			runtime.Gosched()
		}
		c.drainOut()
	}
}

// drainOut writes until nothing waits. writing was set for it.
func (c *Conn) drainOut() {
	for {
		c.mu.Lock()
		out, buffer := c.out, c.buffer
		if len(out) == 0 || c.dead {
			c.writing = false
			c.changed.Broadcast()
			done := c.draining == finishing && len(c.streams) == 0 && !c.dead
			if done {
				c.draining = finished
			}
			c.mu.Unlock()
			if done {
				c.finish()
			}
			return
		}
		c.out, c.buffer = nil, nil
		c.changed.Broadcast() // there is room again
		c.mu.Unlock()
		_, err := c.nc.Write(out)
		c.opts.Buffers.Put(buffer) // what grew out of it is left to the collector
		if err != nil {
			c.close()
		}
	}
}

// finish closes after the last word: the client closes when it has read it, or is closed.
func (c *Conn) finish() {
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		c.mu.Lock()
		if !c.dead {
			c.leave.Stop()
			c.leave = time.AfterFunc(lingers, c.close)
		}
		c.mu.Unlock()
		return
	}
	c.close()
}

// waitLocked waits until something changed, with what waits on its way, and tells whether the stream is still open.
func (c *Conn) waitLocked(s *Stream) bool {
	if !c.writing && len(c.out) > 0 && !c.dead {
		c.writing = true
		c.mu.Unlock()
		c.drainOut()
		c.mu.Lock()
	}
	// What was written may have made the client give room before this waits.
	for s.open && (min(c.window, s.window) <= 0 || len(c.out) >= outBound) {
		c.changed.Wait()
	}
	return s.open
}

// removeLocked closes a stream on this side.
func (c *Conn) removeLocked(s *Stream) {
	if s.open {
		s.open = false
		delete(c.streams, s.id)
	}
}
