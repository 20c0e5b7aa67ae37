// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"context"
	"encoding/binary"
	"io"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	"github.com/causeway-mq/causeway/internal/h2"
	"github.com/causeway-mq/causeway/proxy/gate"
)

const (
	prefixBytes = 5        // before each message: whether it is compressed, and its length
	firstRoom   = 64 << 10 // bytes that are set aside for a message before any of them is here
)

// call is one gRPC call. What the client sends comes on its connection's reading goroutine; a worker answers, or a goroutine of its own where the client may go on
// talking. Whoever answers finds all that the reader wrote before it was started.
type call struct {
	lifetime
	stream  h2.Stream
	lean    *lean
	method  *method
	arrived arrived

	// of the reader
	post      bool
	content   string
	path      string
	encoding  string
	timeout   time.Duration
	refusal   *status.Status // the answer, if there is nothing to do
	http      string         // the answer to what is no gRPC, an HTTP status
	prefix    [prefixBytes]byte
	have      int     // bytes of the prefix that are here
	partial   *[]byte // the message that is being read, or room for its beginning
	filled    int     // bytes of it that are here
	size      int     // bytes that it will have
	malformed bool
	dispatch  bool // somebody answers

	request *[]byte // the one message, where there is only one
	inbox   inbox   // where there may be more
}

// Stream is the call's own.
func (c *call) Stream() *h2.Stream { return &c.stream }

// Value gives what a handler of this front asks for.
func (c *call) Value(key any) any {
	if key == (arrivedKey{}) {
		return &c.arrived
	}
	return nil
}

// Field takes one header field.
func (c *call) Field(name, value string) {
	switch name {
	case ":path":
		c.path = value
		return
	case ":method":
		c.post = value == "POST"
		return
	case ":scheme", ":authority", "te":
		return
	case "content-type":
		c.content = value
	case "grpc-encoding":
		c.encoding = value
		return
	case "grpc-timeout":
		c.timeout = timeoutOf(value)
		c.malformed = c.malformed || c.timeout < 0
		return
	}
	c.arrived.headers.Bytes += len(name) + len(value)
	c.arrived.headers.Lines++
	setHeader(&c.arrived.headers, name, value)
}

// timeoutOf reads a grpc-timeout: up to eight digits and a unit. -1: it is none.
func timeoutOf(s string) time.Duration {
	if len(s) < 2 || len(s) > 9 {
		return -1
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	if err != nil {
		return -1
	}
	var unit time.Duration
	switch s[len(s)-1] {
	case 'H':
		unit = time.Hour
	case 'M':
		unit = time.Minute
	case 'S':
		unit = time.Second
	case 'm':
		unit = time.Millisecond
	case 'u':
		unit = time.Microsecond
	case 'n':
		unit = time.Nanosecond
	default:
		return -1
	}
	if n > uint64(1<<63-1)/uint64(unit) {
		return 1<<63 - 1
	}
	return max(time.Duration(n)*unit, 1)
}

// Begin judges the headers.
func (c *call) Begin(end bool) {
	if c.timeout > 0 {
		c.deadline = time.Now().Add(c.timeout)
	}
	c.judge()
	if c.refusal != nil || c.http != "" {
		c.begin()
		return
	}
	if k, f := c.arrived.conn, c.lean.front; k != nil && !k.known.Load() && f.door.Known(&c.arrived.headers, gate.Call{Remote: k.remote, TLS: k.tls}) {
		k.welcome()
	}
	switch {
	case c.method.talks():
		c.inbox.init(int(c.lean.front.options.Window))
		if end {
			c.inbox.close(io.EOF)
		}
		c.dispatch = true
		c.lean.begun.Go(c.answer)
	case end:
		c.refuse(codes.Internal, "a call without a request")
	}
}

func (c *call) judge() {
	switch {
	case !c.post:
		c.http = "405"
	case !isGRPC(c.content):
		c.http = "415"
	case c.malformed:
		c.refusal = status.New(codes.Internal, "malformed grpc-timeout")
	case c.encoding != "" && c.encoding != "identity":
		c.refusal = status.New(codes.Unimplemented, "grpc: requests of the encoding "+strconv.Quote(c.encoding)+" are not understood; identity is")
	default:
		if c.method = c.lean.methods[c.path]; c.method == nil {
			c.refusal = status.New(codes.Unimplemented, c.lean.unknown(c.path))
		}
	}
}

func isGRPC(content string) bool {
	rest, ok := strings.CutPrefix(content, "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

func (l *lean) unknown(path string) string {
	service, name, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch _, known := l.info[service]; {
	case !ok || path[0] != '/':
		return "malformed method name: " + strconv.Quote(path)
	case !known:
		return "unknown service " + service
	}
	return "unknown method " + name + " for service " + service
}

// Data takes what the client sends. It keeps nothing of p.
func (c *call) Data(p []byte, end bool) {
	if c.dispatch && !c.method.talks() {
		return // refused
	}
	switch {
	case len(p) == 0:
	case c.method.talks():
		c.inbox.note(len(p), &c.stream)
	case !end:
		c.stream.Taken(len(p)) // it is kept with a bound of its own: that of a message
	}
	if c.take(p) && end {
		c.end()
	}
}

// take reads messages out of the next bytes. False: the call was refused.
func (c *call) take(p []byte) bool {
	for {
		if c.partial == nil {
			n := copy(c.prefix[c.have:], p)
			p = p[n:]
			if c.have += n; c.have < prefixBytes {
				return true
			}
			if !c.length() {
				return false
			}
		}
		for {
			n := copy((*c.partial)[c.filled:], p)
			p = p[n:]
			if c.filled += n; c.filled < len(*c.partial) || c.filled == c.size {
				break
			}
			c.grow()
		}
		if c.filled < c.size {
			return true
		}
		m := c.partial
		c.partial, c.filled, c.have = nil, 0, 0
		if !c.message(m) {
			return false
		}
	}
}

// length makes room for the message whose prefix was read, or refuses the call.
func (c *call) length() bool {
	size, limit := binary.BigEndian.Uint32(c.prefix[1:]), sizeSlack*c.lean.front.options.MaxMessage
	switch {
	case c.prefix[0] != 0:
		c.refuse(codes.Internal, "a message says that it is compressed, its call does not")
		return false
	case int64(size) > int64(limit):
		c.refuse(codes.ResourceExhausted, "a message of "+strconv.FormatUint(uint64(size), 10)+" bytes; at most "+strconv.Itoa(limit)+" are read")
		return false
	}
	c.size = int(size)
	c.partial = c.lean.codec.pool.Get(min(c.size, firstRoom))
	return true
}

// grow makes more room: a client is believed what it sends, not what it says that it will.
func (c *call) grow() {
	pool := c.lean.codec.pool
	more := pool.Get(min(c.size, 2*len(*c.partial)))
	copy(*more, *c.partial)
	pool.Put(c.partial)
	c.partial = more
}

// message takes a whole one.
func (c *call) message(m *[]byte) bool {
	switch {
	case c.method.talks():
		c.inbox.put(m)
	case c.request != nil:
		c.refuse(codes.Internal, "more than one request in a call")
		return false
	default:
		c.request = m
	}
	return true
}

// end is told when the client has said all.
func (c *call) end() {
	switch {
	case c.have > 0:
		c.refuse(codes.Internal, io.ErrUnexpectedEOF.Error())
	case c.method.talks():
		c.inbox.close(io.EOF)
	case c.request == nil:
		c.refuse(codes.Internal, "a call without a request")
	default:
		c.begin()
	}
}

// begin has a worker answer the call.
func (c *call) begin() {
	c.dispatch = true
	c.lean.start(c)
}

// refuse answers with a status in place of whatever else.
func (c *call) refuse(code codes.Code, why string) {
	s := status.New(code, why)
	if c.dispatch {
		c.inbox.close(s.Err())
		return
	}
	c.refusal = s
	c.begin()
}

// Cancel tells whoever answers that nobody will read it.
func (c *call) Cancel() { c.cancel(context.Canceled) }

// answer does the call.
func (c *call) answer() {
	defer c.cancel(context.Canceled) // the call is over: so is what was begun under it
	switch {
	case c.http != "":
		_ = c.stream.Send(h2.Answer{Trailers: appendField(nil, ":status", c.http)})
	case c.refusal != nil:
		_ = c.stream.Send(h2.Answer{Trailers: c.lean.answers.trailers(c.refusal, false)})
	case c.method.unary != nil:
		c.unary()
	default:
		(&conversation{call: c}).run()
	}
}

func (c *call) unary() {
	out, err := c.method.unary.Handler(c.method.impl, c, c.decode, nil)
	var b *[]byte
	if err == nil {
		b, err = c.lean.codec.frame(nil, out)
	}
	if err != nil {
		_ = c.stream.Send(h2.Answer{Trailers: c.lean.answers.trailers(statusOf(err), false)})
		return
	}
	_ = c.stream.Send(h2.Answer{Fields: c.lean.answers.fields, Data: *b, Trailers: c.lean.answers.ok})
	c.lean.codec.pool.Put(b)
}

// decode reads the call's request, once.
func (c *call) decode(into any) error {
	b := c.request
	c.request = nil
	if b == nil {
		return io.EOF
	}
	err := c.lean.codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(*b)}, into)
	c.lean.codec.pool.Put(b)
	return err
}

func statusOf(err error) *status.Status {
	if s, ok := status.FromError(err); ok {
		return s
	}
	return status.FromContextError(err)
}
