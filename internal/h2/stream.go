// SPDX-License-Identifier: Apache-2.0

package h2

import "errors"

// Handler is told of streams. Its methods run on the connection's reading goroutine and must not block.
type Handler interface {
	// Open makes the call of a stream that a client opens.
	Open(*Conn) Call
}

// Call is the server's end of a stream, told what its client sends. Its methods run on the connection's reading goroutine, but Cancel, and must not block.
type Call interface {
	// Stream is this call's own, embedded in it.
	Stream() *Stream
	// Field is one field of the header list, pseudo fields first.
	Field(name, value string)
	// Begin is told after the last field; end: nothing follows.
	Begin(end bool)
	// Data is the next bytes, valid until it returns; end: nothing follows, and p may be empty. Who keeps them gives room back with Stream.Taken.
	Data(p []byte, end bool)
	// Cancel tells that the client reset the stream or that the connection is gone. It is not told to a call that has answered.
	Cancel()
}

// ErrGone is of a stream whose client or connection is gone, or that was answered.
var ErrGone = errors.New("the stream is closed")

// Stream is one call's place on a connection. The zero value belongs to none until Handler.Open gave its Call.
type Stream struct {
	conn *Conn
	call Call
	id   uint32

	// guarded by conn.mu
	ahead  int   // bytes that the client may still send
	owed   int   // bytes that were taken and for which no room was given back
	window int64 // bytes that the client gives room for
	open   bool
	ended  bool // the client has said all
}

// Taken gives a client room for n bytes more, that were told with Data. Not after the call was answered or cancelled; on the reading goroutine or another.
func (s *Stream) Taken(n int) {
	c := s.conn
	c.mu.Lock()
	s.owed += n
	give := 0
	if s.open && !s.ended && s.owed >= c.opts.Window/2 {
		give, s.owed = s.owed, 0
		s.ahead += give
		c.out = appendWindow(c.room(), s.id, give)
	}
	c.unlockAndWrite(true)
}

// Answer is what a call sends: any of it may be empty. Fields are an encoded block that refers to no dynamic table.
type Answer struct {
	Fields   []byte // the header list, sent before the first data
	Data     []byte
	Trailers []byte // ends the stream
}

// Send appends an answer and returns when all of it was: when the client gave room for it, and it is on its way. The error is ErrGone.
func (s *Stream) Send(a Answer) error {
	c := s.conn
	c.mu.Lock()
	for s.open && len(c.out) >= outBound && c.writing { // the client does not read
		c.changed.Wait()
	}
	if !s.open {
		c.mu.Unlock()
		return ErrGone
	}
	c.sent = true
	if len(a.Fields) > 0 {
		c.out = append(appendHead(c.room(), head{kind: kindHeaders, flags: flagEndHeaders, stream: s.id, size: len(a.Fields)}), a.Fields...)
	}
	for data := a.Data; len(data) > 0; {
		n := int(min(c.window, s.window, frameBytes, int64(len(data))))
		if n <= 0 || len(c.out) >= outBound {
			if !c.waitLocked(s) {
				c.unlockAndWrite(false)
				return ErrGone
			}
			continue
		}
		c.sent = true
		c.window -= int64(n)
		s.window -= int64(n)
		c.out = append(appendHead(c.room(), head{kind: kindData, stream: s.id, size: n}), data[:n]...)
		data = data[n:]
	}
	if len(a.Trailers) > 0 {
		c.out = append(appendHead(c.room(), head{kind: kindHeaders, flags: flagEndHeaders | flagEnd, stream: s.id, size: len(a.Trailers)}), a.Trailers...)
		if !s.ended { // what it still sends is not for anybody
			c.out = appendReset(c.room(), s.id, NoError)
		}
		c.removeLocked(s)
	}
	c.unlockAndWrite(false)
	return nil
}
