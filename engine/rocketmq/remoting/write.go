// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"runtime"
	"time"
)

const (
	// callerRounds is how many buffers a caller writes before it leaves the rest to the flusher.
	callerRounds = 4
	// keepBuffer is how large a buffer may stay after it was written.
	keepBuffer = 1 << 20
)

// pushAndUnlock sees to it that pending is written. It is called with mu held and gives it back. Whoever finds nobody writing
// takes the role; with other calls under way it first lets their goroutines run, so that what they have to say goes out with the same
// write. That costs a lone caller nothing.
func (c *Conn) pushAndUnlock() {
	if c.writing {
		c.mu.Unlock()
		return
	}
	c.writing = true
	others := c.slots.live > 1
	c.mu.Unlock()
	if others {
		runtime.Gosched()
	}
	for range callerRounds {
		c.mu.Lock()
		if !c.takeLocked() {
			c.mu.Unlock()
			return
		}
		buf := c.rest
		c.mu.Unlock()
		n, err := c.now.write(buf)
		if err != nil {
			c.fail(err)
			return
		}
		c.mu.Lock()
		if n < len(buf) {
			c.rest = buf[n:]
			c.mu.Unlock()
			break
		}
		c.writtenLocked(buf)
		c.mu.Unlock()
	}
	c.flush <- struct{}{} // capacity 1 and one role: it never blocks
}

// takeLocked moves pending to rest, for the holder of the role to write. False: there was nothing, and the role is given up.
func (c *Conn) takeLocked() bool {
	if len(c.pending) == 0 || c.failure != nil {
		c.writing = false
		return false
	}
	c.rest = c.pending
	c.pending, c.spare = c.spare[:0], nil
	c.offered = c.queued
	return true
}

func (c *Conn) writtenLocked(buf []byte) {
	c.rest = nil
	if cap(buf) <= keepBuffer {
		c.spare = buf[:0]
	}
}

// flusher writes what callers may not wait for.
func (c *Conn) flusher() {
	for {
		select {
		case <-c.dead:
			return
		case <-c.flush:
		}
		for {
			c.mu.Lock()
			if c.rest == nil && !c.takeLocked() {
				c.mu.Unlock()
				break
			}
			buf := c.rest
			c.mu.Unlock()
			if err := c.writeAll(buf); err != nil {
				c.fail(err)
				return
			}
			c.mu.Lock()
			c.writtenLocked(buf)
			c.mu.Unlock()
		}
	}
}

// writeAll writes while the peer goes on taking something every WriteStall. Sockets know real time only.
func (c *Conn) writeAll(buf []byte) error {
	for len(buf) > 0 {
		part := buf[:min(len(buf), keepBuffer)]
		if err := c.net.SetWriteDeadline(time.Now().Add(c.opts.WriteStall)); err != nil {
			return err
		}
		n, err := c.net.Write(part)
		if err != nil {
			return err
		}
		buf = buf[n:]
	}
	return c.net.SetWriteDeadline(time.Time{})
}
