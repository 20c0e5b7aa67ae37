// SPDX-License-Identifier: Apache-2.0

package h2

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// script is a connection whose client says what is written down, then hangs up.
type script struct {
	net.Conn
	says   *bytes.Reader
	closed atomic.Bool
}

func (s *script) Read(p []byte) (int, error)       { return s.says.Read(p) }
func (s *script) Write(p []byte) (int, error)      { return len(p), nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) Close() error                     { s.closed.Store(true); return nil }

// counted opens calls that answer what they can, and counts those that are begun and not over.
type counted struct{ open atomic.Int64 }

func (c *counted) Open(*Conn) Call { return &countedCall{of: c} }

type countedCall struct {
	stream Stream
	of     *counted
	over   atomic.Bool
}

func (c *countedCall) Stream() *Stream      { return &c.stream }
func (c *countedCall) Field(string, string) {}
func (c *countedCall) Begin(end bool) {
	c.of.open.Add(1)
	if end {
		c.answer()
	}
}

func (c *countedCall) Data(p []byte, end bool) {
	c.stream.Taken(len(p))
	if end {
		c.answer()
	}
}

func (c *countedCall) answer() {
	if c.stream.Send(Answer{Fields: []byte{0x88}, Trailers: []byte{0x88}}) == nil {
		c.end()
	}
}

func (c *countedCall) Cancel() { c.end() }

func (c *countedCall) end() {
	if c.over.Swap(true) {
		panic("a call is over twice")
	}
	c.of.open.Add(-1)
}

// Whatever a client says, the connection ends with it and each call that was begun is over once.
func FuzzAConnectionEndsWithItsClient(f *testing.F) {
	var said bytes.Buffer
	framer := http2.NewFramer(&said, nil)
	framer.AllowIllegalWrites = true
	var block bytes.Buffer
	encode := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{{Name: ":method", Value: "POST"}, {Name: ":path", Value: "/a/b"}, {Name: "x", Value: "y"}} {
		if err := encode.WriteField(field); err != nil {
			f.Fatal(err)
		}
	}
	for _, do := range []func() error{
		func() error { return framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 5}) },
		func() error {
			return framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
		},
		func() error { return framer.WriteDataPadded(1, false, []byte("hello"), make([]byte, 3)) },
		func() error { return framer.WriteData(1, true, nil) },
		func() error {
			return framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: block.Bytes()[:2], EndStream: true})
		},
		func() error { return framer.WriteContinuation(3, true, block.Bytes()[2:]) },
		func() error { return framer.WriteWindowUpdate(0, 10) },
		func() error { return framer.WriteRSTStream(3, http2.ErrCodeCancel) },
		func() error { return framer.WritePing(false, [8]byte{1}) },
		func() error { return framer.WriteGoAway(3, http2.ErrCodeNo, nil) },
	} {
		if err := do(); err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(said.Bytes()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		nc := &script{says: bytes.NewReader(append([]byte(Preface), b...))}
		h := &counted{}
		c := New(nc, Options{
			MaxStreams: 4, MaxHeaderList: 4 << 10, Window: 64 << 10, ReadBuffer: 32 << 10,
			AliveEvery: time.Hour, AliveBound: time.Hour, PingEvery: time.Hour, DrainBound: time.Hour, Buffers: Fresh{},
		}, h)
		_ = c.Serve() // whatever the reason
		if !nc.closed.Load() {
			t.Error("the connection was not closed")
		}
		if n := h.open.Load(); n != 0 {
			t.Errorf("%d calls are open", n)
		}
	})
}
