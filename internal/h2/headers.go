// SPDX-License-Identifier: Apache-2.0

package h2

import (
	"encoding/binary"
	"net"

	"golang.org/x/net/http2/hpack"
)

// block is a header list that is being read. One at a time: nothing else may come in between.
type block struct {
	open    bool
	id      uint32
	end     bool    // the client says no more after it
	call    Call    // nil: decoded for the decoder's sake alone
	refuse  Code    // why the stream is reset; NoError: it is not
	size    int     // as RFC 9113 counts
	regular bool    // a field that is no pseudo field was seen
	of      *Stream // an open stream's trailers
}

func (c *Conn) headers(h head, p []byte) error {
	p, err := unpadded(h, p)
	if err != nil {
		return err
	}
	if h.flags&flagPriority != 0 {
		if len(p) < 5 {
			return connError{FrameSizeError, "a HEADERS frame without its priority"}
		}
		if binary.BigEndian.Uint32(p)&largestID == h.stream {
			return broken("a stream that depends on itself")
		}
		p = p[5:]
	}
	if err := c.opens(h); err != nil {
		return err
	}
	return c.fragment(p, h.flags&flagEndHeaders != 0)
}

// opens begins a block: of a new stream, or of an open one's trailers.
func (c *Conn) opens(h head) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = true
	c.block = block{open: true, id: h.stream, end: h.flags&flagEnd != 0}
	if s := c.streams[h.stream]; s != nil {
		if s.ended || !c.block.end {
			return broken("a second header list of a stream")
		}
		c.block.of = s
		return nil
	}
	if h.stream%2 == 0 || h.stream <= c.newest {
		return broken("a stream with a number that may not be")
	}
	c.newest = h.stream
	switch {
	case c.draining >= finishing:
		c.block.refuse = RefusedStream
	case len(c.streams) >= int(c.opts.MaxStreams):
		c.block.refuse = RefusedStream
	default:
		c.block.call = c.handler.Open(c)
	}
	return nil
}

// fragment is a piece of the block.
func (c *Conn) fragment(p []byte, last bool) error {
	if _, err := c.decoder.Write(p); err != nil {
		return connError{CompressionError, "a header block can't be decoded"}
	}
	if !last {
		return nil
	}
	if err := c.decoder.Close(); err != nil {
		return connError{CompressionError, "a header block is cut off"}
	}
	b := c.block
	c.block = block{}
	switch {
	case b.of != nil:
		return c.trailers(b)
	case b.refuse != NoError:
		c.mu.Lock()
		c.out = appendReset(c.room(), b.id, b.refuse)
		return c.unlockBounded()
	}
	s := b.call.Stream()
	c.mu.Lock()
	if c.dead {
		c.mu.Unlock()
		return net.ErrClosed
	}
	*s = Stream{conn: c, call: b.call, id: b.id, ahead: c.opts.Window, window: c.first, open: true, ended: b.end}
	c.streams[b.id] = s
	c.mu.Unlock()
	b.call.Begin(b.end)
	return nil
}

func (c *Conn) trailers(b block) error {
	c.mu.Lock()
	open := b.of.open
	b.of.ended = true
	c.mu.Unlock()
	if open {
		b.of.call.Data(nil, true)
	}
	return nil
}

// field is one decoded field.
func (c *Conn) field(f hpack.HeaderField) {
	b := &c.block
	if b.size += len(f.Name) + len(f.Value) + 32; b.size > c.opts.MaxHeaderList {
		b.refuse = EnhanceYourCalm
	}
	if b.refuse != NoError || b.call == nil {
		return
	}
	if pseudo := len(f.Name) > 0 && f.Name[0] == ':'; pseudo && b.regular || malformed(f.Name, pseudo) {
		b.refuse = ProtocolError
		return
	} else if !pseudo {
		b.regular = true
	}
	b.call.Field(f.Name, f.Value)
}

// malformed tells names that no request has.
func malformed(name string, pseudo bool) bool {
	if pseudo {
		switch name {
		case ":method", ":scheme", ":path", ":authority":
			return false
		}
		return true
	}
	switch name {
	case "", "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return true
	}
	for i := range len(name) {
		if c := name[i]; c >= 'A' && c <= 'Z' || c <= ' ' || c >= 0x7f {
			return true
		}
	}
	return false
}
