// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/causeway-mq/causeway/internal/h2"
)

// together is how many bytes of responses to one request are kept for one write.
const together = 64 << 10

// conversation is a call with more than one response, as handlers see it: grpc's ServerStream.
type conversation struct {
	call    *call
	written func() // to be called when the last word was

	mu   sync.Mutex // guards all below, and is held while one message is sent
	out  *[]byte    // responses that were not sent
	told bool       // the headers were
}

func (s *conversation) run() {
	c := s.call
	err := c.method.stream.Handler(c.method.impl, s)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := h2.Answer{Trailers: c.lean.answers.ok}
	if s.out != nil {
		a.Data = *s.out
	}
	if alone := !s.told && len(a.Data) == 0; err != nil {
		a.Trailers = c.lean.answers.trailers(statusOf(err), !alone)
	} else if alone {
		a.Fields = c.lean.answers.fields
	}
	if len(a.Data) > 0 && !s.told {
		a.Fields = c.lean.answers.fields
	}
	_ = c.stream.Send(a)
	s.freeLocked()
	if s.written != nil {
		s.written()
	}
}

func (s *conversation) freeLocked() {
	if s.out != nil {
		s.call.lean.codec.pool.Put(s.out)
		s.out = nil
	}
}

// Context is the call's.
func (s *conversation) Context() context.Context { return s.call }

// SendMsg sends one response. Responses to one request may wait for each other: they are answers to a poll that has ended.
func (s *conversation) SendMsg(m any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.call.lean
	gather := s.call.method.impl == any(l.front) && !s.call.method.talks()
	if gather && s.out == nil {
		s.out = l.codec.pool.Get(2 * together)
		*s.out = (*s.out)[:0]
	}
	var err error
	if s.out, err = l.codec.frame(s.out, m); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	if gather && len(*s.out) < together {
		return s.aliveLocked()
	}
	a := h2.Answer{Data: *s.out}
	if !s.told {
		a.Fields, s.told = l.answers.fields, true
	}
	err = s.call.stream.Send(a)
	s.freeLocked()
	if errors.Is(err, h2.ErrGone) {
		return s.goneLocked()
	}
	return err
}

func (s *conversation) aliveLocked() error {
	if s.call.Err() != nil {
		return s.goneLocked()
	}
	return nil
}

func (s *conversation) goneLocked() error {
	if err := s.call.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Unavailable, "the stream is closed")
}

// RecvMsg reads the client's next message; io.EOF: it has said all.
func (s *conversation) RecvMsg(into any) error {
	if !s.call.method.talks() {
		return s.call.decode(into)
	}
	b, err := s.call.inbox.next(s.call)
	if err != nil {
		return err
	}
	err = s.call.lean.codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(*b)}, into)
	s.call.lean.codec.pool.Put(b)
	return err
}

// SetHeader, SendHeader and SetTrailer are for metadata, of which this front sends none.
func (s *conversation) SetHeader(metadata.MD) error { return nil }

// SendHeader does nothing.
func (s *conversation) SendHeader(metadata.MD) error { return nil }

// SetTrailer does nothing.
func (s *conversation) SetTrailer(metadata.MD) {}

// inbox keeps what a client said in a conversation and nobody has read. Room is given back as it is read, so that it holds no more than twice a window and a message.
type inbox struct {
	bell   chan struct{}
	stream *h2.Stream
	limit  int

	mu    sync.Mutex // guards all below
	queue []*[]byte
	bytes int   // in it
	owed  int   // for which no room was given back
	end   error // why nothing comes after it
}

func (b *inbox) init(limit int) { b.bell, b.limit = make(chan struct{}, 1), limit }

// note counts bytes that came.
func (b *inbox) note(n int, s *h2.Stream) {
	b.mu.Lock()
	b.stream = s
	b.owed += n
	give := b.giveLocked()
	b.mu.Unlock()
	s.Taken(give)
}

func (b *inbox) giveLocked() (give int) {
	if b.bytes <= b.limit {
		give, b.owed = b.owed, 0
	}
	return give
}

func (b *inbox) put(m *[]byte) {
	b.mu.Lock()
	if b.end == nil {
		b.queue = append(b.queue, m)
		b.bytes += len(*m) + prefixBytes
	}
	b.mu.Unlock()
	b.ring()
}

// close says that nothing comes after what is there.
func (b *inbox) close(why error) {
	b.mu.Lock()
	if b.end == nil {
		b.end = why
	}
	b.mu.Unlock()
	b.ring()
}

func (b *inbox) ring() {
	select {
	case b.bell <- struct{}{}:
	default:
	}
}

// next waits for a message. One reader at a time.
func (b *inbox) next(ctx context.Context) (*[]byte, error) {
	for {
		b.mu.Lock()
		if len(b.queue) > 0 {
			m := b.queue[0]
			b.queue = b.queue[1:]
			b.bytes -= len(*m) + prefixBytes
			give, s := b.giveLocked(), b.stream
			b.mu.Unlock()
			if give > 0 {
				s.Taken(give)
			}
			return m, nil
		}
		end := b.end
		b.mu.Unlock()
		if end != nil {
			return nil, end
		}
		select {
		case <-b.bell:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
}

// longestMessage is how much of a status is said, in bytes: a header list is one frame.
const longestMessage = 2 << 10

// answers are header lists that every call sends. They are literals that no table keeps, so that they are the same bytes on every connection.
type answers struct {
	fields []byte // before the first message
	ok     []byte // after the last
}

func newAnswers() answers {
	return answers{fields: appendField(appendField(nil, ":status", "200"), "content-type", "application/grpc"), ok: appendField(nil, "grpc-status", "0")}
}

// trailers ends a call with a status. Without headers before it, it is the whole answer.
func (a answers) trailers(s *status.Status, after bool) []byte {
	var b []byte
	if !after {
		b = append(b, a.fields...)
	}
	b = appendField(b, "grpc-status", strconv.Itoa(int(s.Code())))
	if s.Message() != "" {
		message := percentEncoded(s.Message())
		b = appendField(b, "grpc-message", message[:min(len(message), longestMessage)])
	}
	return b
}

// appendField appends a literal field without indexing, its name and value as they are (RFC 7541 §6.2.2).
func appendField(b []byte, name, value string) []byte {
	b = append(b, 0)
	b = append(appendLength(b, len(name)), name...)
	return append(appendLength(b, len(value)), value...)
}

// appendLength appends an integer with a prefix of seven bits (RFC 7541 §5.1).
func appendLength(b []byte, n int) []byte {
	if n < 127 {
		return append(b, byte(n))
	}
	b = append(b, 127)
	for n -= 127; n >= 128; n >>= 7 {
		b = append(b, byte(n)|128)
	}
	return append(b, byte(n))
}

// percentEncoded is a grpc-message: printable ASCII stays, but for '%'.
func percentEncoded(s string) string {
	const hex = "0123456789ABCDEF"
	var b []byte
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c <= '~' && c != '%' {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}
