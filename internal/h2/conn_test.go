// SPDX-License-Identifier: Apache-2.0

package h2_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/causeway-mq/causeway/internal/h2"
)

// lit is a header list of literals, as answers carry it.
func lit(pairs ...string) []byte {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		b = append(b, 0, byte(len(pairs[i])))
		b = append(b, pairs[i]...)
		b = append(b, byte(len(pairs[i+1])))
		b = append(b, pairs[i+1]...)
	}
	return b
}

// echo answers each stream with what it sent, once that has ended.
type echo struct {
	mu    sync.Mutex
	calls []*echoCall
	hold  bool // calls are not answered
}

func (e *echo) Open(*h2.Conn) h2.Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := &echoCall{hold: e.hold, cancelled: make(chan struct{}), sent: make(chan error, 1), begun: make(chan struct{})}
	e.calls = append(e.calls, c)
	return c
}

type echoCall struct {
	stream    h2.Stream
	hold      bool
	fields    []string
	body      []byte
	begun     chan struct{}
	cancelled chan struct{}
	sent      chan error
}

func (c *echoCall) Stream() *h2.Stream       { return &c.stream }
func (c *echoCall) Field(name, value string) { c.fields = append(c.fields, name+"="+value) }
func (c *echoCall) Cancel()                  { close(c.cancelled) }
func (c *echoCall) Begin(end bool) {
	close(c.begun)
	if end {
		c.answer()
	}
}

func (c *echoCall) Data(p []byte, end bool) {
	c.body = append(c.body, p...)
	if !end {
		c.stream.Taken(len(p))
		return
	}
	c.answer()
}

func (c *echoCall) answer() {
	if c.hold {
		return
	}
	go func() {
		c.sent <- c.stream.Send(h2.Answer{Fields: lit(":status", "200"), Data: c.body, Trailers: lit("done", fmt.Sprint(len(c.body)))})
	}()
}

func options() h2.Options {
	return h2.Options{
		MaxStreams: 8, MaxHeaderList: 8 << 10, Window: 256 << 10, ReadBuffer: 32 << 10,
		AliveEvery: time.Minute, AliveBound: time.Minute, PingEvery: time.Minute, DrainBound: time.Minute, Buffers: h2.Fresh{},
	}
}

// served is a connection over a real socket, and a client that speaks in frames.
type served struct {
	t      *testing.T
	conn   *h2.Conn
	over   chan error
	nc     net.Conn
	framer *http2.Framer
	head   bytes.Buffer
	encode *hpack.Encoder
}

func serve(t *testing.T, o h2.Options, h h2.Handler) *served {
	t.Helper()
	client, server := h2.Pair(t)
	s := &served{t: t, conn: h2.New(server, o, h), over: make(chan error, 1), nc: client, framer: http2.NewFramer(client, client)}
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	s.framer.AllowIllegalWrites = true
	s.encode = hpack.NewEncoder(&s.head)
	go func() { s.over <- s.conn.Serve() }()
	t.Cleanup(s.conn.Close)
	if err := client.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return s
}

// greets says what a client says first.
func (s *served) greets(settings ...http2.Setting) {
	s.t.Helper()
	s.raw([]byte(http2.ClientPreface))
	s.do(s.framer.WriteSettings(settings...))
}

func (s *served) raw(b []byte) {
	s.t.Helper()
	_, err := s.nc.Write(b)
	s.do(err)
}

func (s *served) do(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Log("a write failed:", err) // the other side may have hung up already
	}
}

func (s *served) block(more ...string) []byte {
	s.head.Reset()
	fields := append([]string{":method", "POST", ":scheme", "http", ":path", "/a/b", ":authority", "here"}, more...)
	for i := 0; i < len(fields); i += 2 {
		if err := s.encode.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			s.t.Fatal(err)
		}
	}
	return bytes.Clone(s.head.Bytes())
}

func (s *served) opens(id uint32, end bool, more ...string) {
	s.t.Helper()
	s.do(s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: s.block(more...), EndHeaders: true, EndStream: end}))
}

// next is the next frame that is neither the greeting nor room for more.
func (s *served) next() (http2.Frame, error) {
	for {
		f, err := s.framer.ReadFrame()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			s.t.Fatal("nothing came")
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			continue
		case *http2.WindowUpdateFrame:
			continue
		default:
			return f, err
		}
	}
}

// answer reads a stream to its end.
func (s *served) answer(id uint32) (data []byte, trailers string) {
	s.t.Helper()
	for {
		f, err := s.next()
		if err != nil {
			s.t.Fatalf("stream %d: %v", id, err)
		}
		if f.Header().StreamID != id {
			continue
		}
		switch f := f.(type) {
		case *http2.DataFrame:
			data = append(data, f.Data()...)
		case *http2.MetaHeadersFrame:
			if f.StreamEnded() {
				return data, f.Fields[0].Name + "=" + f.Fields[0].Value
			}
		case *http2.RSTStreamFrame:
			return data, "reset " + f.ErrCode.String()
		}
	}
}

// left reads to the connection's end and gives what the GOAWAY said.
func (s *served) left() string {
	why := "nothing"
	for {
		f, err := s.next()
		if err != nil {
			return why
		}
		if g, ok := f.(*http2.GoAwayFrame); ok {
			why = g.ErrCode.String() + " " + string(g.DebugData())
		}
	}
}

func within[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	select {
	case v = <-c:
	case <-timer.C:
		t.Fatalf("not within 30 s: %s", what)
	}
	return v
}

func TestAStreamIsAnswered(t *testing.T) {
	h := &echo{}
	s := serve(t, options(), h)
	s.greets()
	s.opens(1, false, "x", "y")
	s.do(s.framer.WriteData(1, false, []byte("hello ")))
	s.do(s.framer.WriteDataPadded(1, true, []byte("world"), make([]byte, 7)))
	if data, end := s.answer(1); string(data) != "hello world" || end != "done=11" {
		t.Errorf("answered %q, %s", data, end)
	}
	if got := fmt.Sprint(h.calls[0].fields); got != "[:method=POST :scheme=http :path=/a/b :authority=here x=y]" {
		t.Error(got)
	}
	s.opens(3, true)
	if data, end := s.answer(3); len(data) != 0 || end != "done=0" {
		t.Errorf("answered %q, %s", data, end)
	}
	s.opens(5, false)
	s.do(s.framer.WriteData(5, false, []byte("a")))
	s.do(s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 5, BlockFragment: lit("trailer", "t"), EndHeaders: true, EndStream: true}))
	if data, end := s.answer(5); string(data) != "a" || end != "done=1" {
		t.Errorf("after trailers %q, %s", data, end)
	}
}

// A client may give room byte by byte, before and after the answer began, and change what it gives new streams.
func TestNothingIsSentBeyondTheRoomThatAClientGives(t *testing.T) {
	s := serve(t, options(), &echo{})
	s.greets(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 3})
	s.opens(1, false)
	s.do(s.framer.WriteData(1, true, []byte("0123456789")))
	var got []byte
	read := func(n int) {
		t.Helper()
		for len(got) < n {
			f, err := s.next()
			if err != nil {
				t.Fatal(err)
			}
			if d, ok := f.(*http2.DataFrame); ok {
				got = append(got, d.Data()...)
			}
		}
		if len(got) != n {
			t.Fatalf("%d bytes, room for %d was given", len(got), n)
		}
		s.do(s.framer.WritePing(false, [8]byte{byte(n)})) // its answer tells that nothing more came before it
		for {
			f, err := s.next()
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := f.(*http2.DataFrame); ok {
				t.Fatal("more than there was room for")
			}
			if _, ok := f.(*http2.PingFrame); ok {
				return
			}
		}
	}
	read(3)
	s.do(s.framer.WriteWindowUpdate(1, 2))
	read(5)
	s.do(s.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 4})) // one more
	read(6)
	s.do(s.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})) // four fewer: it may be less than nothing
	s.do(s.framer.WriteWindowUpdate(1, 4))
	s.do(s.framer.WriteWindowUpdate(1, 4))
	if data, end := s.answer(1); string(got)+string(data) != "0123456789" || end != "done=10" {
		t.Errorf("answered %q and %q, %s", got, data, end)
	}
}

func TestTheConnectionHasARoomOfItsOwn(t *testing.T) {
	s := serve(t, options(), &echo{})
	s.greets(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	body := bytes.Repeat([]byte("x"), 100_000)
	s.opens(1, false)
	for part := body; len(part) > 0; {
		n := min(len(part), 16<<10)
		s.do(s.framer.WriteData(1, n == len(part), part[:n]))
		part = part[n:]
	}
	got := 0
	for got < 65535 {
		f, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := f.(*http2.DataFrame); ok {
			got += len(d.Data())
		}
	}
	if got != 65535 {
		t.Fatalf("%d bytes, the connection has room for 65535", got)
	}
	s.do(s.framer.WriteWindowUpdate(0, 1<<20))
	if data, _ := s.answer(1); got+len(data) != len(body) {
		t.Errorf("%d of %d bytes", got+len(data), len(body))
	}
}

func TestAClientThatResetsIsNotAnswered(t *testing.T) {
	h := &echo{}
	s := serve(t, options(), h)
	s.greets(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	s.opens(1, false)
	s.do(s.framer.WriteData(1, true, []byte("hello")))
	f, err := s.next() // its answer waits for room
	if err != nil || f.Header().Type != http2.FrameHeaders {
		t.Fatal(f, err)
	}
	s.do(s.framer.WriteRSTStream(1, http2.ErrCodeCancel))
	within(t, "the call hears of it", h.calls[0].cancelled)
	if err := within(t, "whoever answers hears of it", h.calls[0].sent); !errors.Is(err, h2.ErrGone) {
		t.Errorf("answering a reset stream: %v", err)
	}
	s.do(s.framer.WriteRSTStream(1, http2.ErrCodeCancel)) // once more is no error
	s.do(s.framer.WriteWindowUpdate(1, 1))
	s.opens(3, true)
	if _, end := s.answer(3); end != "done=0" {
		t.Error(end)
	}
}

func TestAConnectionThatEndsCancelsItsCalls(t *testing.T) {
	h := &echo{hold: true}
	s := serve(t, options(), h)
	s.greets()
	s.opens(1, true)
	s.do(s.framer.WritePing(false, [8]byte{}))
	if _, err := s.next(); err != nil {
		t.Fatal(err)
	}
	s.nc.Close()
	if err := within(t, "it ends", s.over); err != nil {
		t.Error(err)
	}
	within(t, "the call hears of it", h.calls[0].cancelled)
	if err := h.calls[0].stream.Send(h2.Answer{Data: []byte("late")}); !errors.Is(err, h2.ErrGone) {
		t.Error(err)
	}
}

// What no client may do, and how the connection is left or the stream reset.
func TestWhatNoClientMayDo(t *testing.T) {
	frame := func(kind http2.FrameType, flags http2.Flags, id uint32, payload ...byte) func(*served) {
		return func(s *served) { s.do(s.framer.WriteRawFrame(kind, flags, id, payload)) }
	}
	open := func(then func(*served)) func(*served) {
		return func(s *served) {
			s.opens(1, false)
			then(s)
		}
	}
	for name, c := range map[string]struct {
		do   func(*served)
		want string
	}{
		"DATA of no stream":            {frame(http2.FrameData, 0, 0, 1), "PROTOCOL_ERROR a frame of a stream"},
		"DATA of an idle stream":       {frame(http2.FrameData, 0, 5, 1), "PROTOCOL_ERROR a frame of a stream"},
		"RST_STREAM of an idle stream": {frame(http2.FrameRSTStream, 0, 5, 0, 0, 0, 1), "PROTOCOL_ERROR a frame of a stream"},
		"RST_STREAM too short":         {open(frame(http2.FrameRSTStream, 0, 1, 0)), "FRAME_SIZE_ERROR a RST_STREAM"},
		"WINDOW_UPDATE too long":       {frame(http2.FrameWindowUpdate, 0, 0, 0, 0, 0, 1, 1), "FRAME_SIZE_ERROR a WINDOW_UPDATE"},
		"WINDOW_UPDATE of nothing":     {frame(http2.FrameWindowUpdate, 0, 0, 0, 0, 0, 0), "FLOW_CONTROL_ERROR the connection's window"},
		"too large a window":           {frame(http2.FrameWindowUpdate, 0, 0, 0x7f, 0xff, 0xff, 0xff), "FLOW_CONTROL_ERROR the connection's window"},
		"WINDOW_UPDATE of idle stream": {frame(http2.FrameWindowUpdate, 0, 7, 0, 0, 0, 1), "PROTOCOL_ERROR a frame of a stream"},
		"SETTINGS of a stream":         {frame(http2.FrameSettings, 0, 1), "PROTOCOL_ERROR SETTINGS of a stream"},
		"SETTINGS cut off":             {frame(http2.FrameSettings, 0, 0, 1, 2, 3), "FRAME_SIZE_ERROR a SETTINGS"},
		"an acknowledgement that says": {frame(http2.FrameSettings, http2.FlagSettingsAck, 0, 0, 0, 0, 0, 0, 0), "FRAME_SIZE_ERROR a SETTINGS"},
		"a window beyond all":          {frame(http2.FrameSettings, 0, 0, 0, 4, 0x80, 0, 0, 0), "FLOW_CONTROL_ERROR INITIAL_WINDOW_SIZE"},
		"frames that are too short":    {frame(http2.FrameSettings, 0, 0, 0, 5, 0, 0, 0, 1), "PROTOCOL_ERROR MAX_FRAME_SIZE"},
		"push that is neither":         {frame(http2.FrameSettings, 0, 0, 0, 2, 0, 0, 0, 2), "PROTOCOL_ERROR ENABLE_PUSH"},
		"PING of a stream":             {frame(http2.FramePing, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8), "PROTOCOL_ERROR PING of a stream"},
		"PING too short":               {frame(http2.FramePing, 0, 0, 1), "FRAME_SIZE_ERROR a PING"},
		"PUSH_PROMISE":                 {frame(http2.FramePushPromise, http2.FlagPushPromiseEndHeaders, 1, 0, 0, 0, 2), "PROTOCOL_ERROR PUSH_PROMISE"},
		"PRIORITY of no stream":        {frame(http2.FramePriority, 0, 0, 0, 0, 0, 0, 0), "FRAME_SIZE_ERROR a PRIORITY"},
		"CONTINUATION of nothing":      {frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, 1), "PROTOCOL_ERROR CONTINUATION"},
		"a frame that is too long":     {func(s *served) { s.raw([]byte{0xff, 0, 0, 0, 0, 0, 0, 0, 1}) }, "FRAME_SIZE_ERROR a frame is too long"},
		"more padding than payload":    {open(frame(http2.FrameData, http2.FlagDataPadded, 1, 9, 1)), "PROTOCOL_ERROR more padding"},
		"padding of no payload":        {open(frame(http2.FrameData, http2.FlagDataPadded, 1)), "PROTOCOL_ERROR more padding"},
		"a block that is left open": {func(s *served) {
			s.do(s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: s.block()}))
			s.do(s.framer.WritePing(false, [8]byte{}))
		}, "PROTOCOL_ERROR a header block"},
		"a block that is no HPACK":   {frame(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 1, 0xff, 0xff, 0xff), "COMPRESSION_ERROR a header block"},
		"an even stream":             {func(s *served) { s.opens(2, true) }, "PROTOCOL_ERROR a stream with a number"},
		"a stream that was":          {func(s *served) { s.opens(5, true); s.opens(3, true) }, "PROTOCOL_ERROR a stream with a number"},
		"a second header list":       {open(func(s *served) { s.opens(1, false) }), "PROTOCOL_ERROR a second header list"},
		"a priority that is cut off": {frame(http2.FrameHeaders, http2.FlagHeadersEndHeaders|http2.FlagHeadersPriority, 1, 0, 0), "FRAME_SIZE_ERROR a HEADERS"},
		"a stream that needs itself": {frame(http2.FrameHeaders, http2.FlagHeadersEndHeaders|http2.FlagHeadersPriority, 1, 0, 0, 0, 1, 0), "PROTOCOL_ERROR a stream that depends"},
		"pings without end": {func(s *served) {
			for range 5 {
				s.do(s.framer.WritePing(false, [8]byte{}))
			}
		}, "ENHANCE_YOUR_CALM too_many_pings"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, options(), &echo{hold: true})
			s.greets()
			c.do(s)
			if why := s.left(); !strings.HasPrefix(why, c.want) {
				t.Errorf("left with %q", why)
			}
			if err := within(t, "it ends", s.over); err == nil {
				t.Error("without an error")
			}
		})
	}
	for name, fields := range map[string][]string{
		"capitals":            {"Name", "v"},
		"a space":             {"a b", "v"},
		"no name":             {"", "v"},
		"connection":          {"connection", "close"},
		"an unknown pseudo":   {":other", "v"},
		"a late pseudo field": {"x", "y", ":path", "/z"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, options(), &echo{})
			s.greets()
			s.opens(1, true, fields...)
			if _, end := s.answer(1); end != "reset PROTOCOL_ERROR" {
				t.Error(end)
			}
			s.opens(3, true)
			if _, end := s.answer(3); end != "done=0" {
				t.Error("the connection is of no more use:", end)
			}
		})
	}
}

func TestTheFirstWordsMustBeRight(t *testing.T) {
	for name, do := range map[string]func(*served){
		"another protocol": func(s *served) { s.raw([]byte("GET / HTTP/1.1\r\nHost: here\r\n\r\n")) },
		"PING first": func(s *served) {
			s.raw([]byte(http2.ClientPreface))
			s.do(s.framer.WritePing(false, [8]byte{}))
		},
		"an acknowledgement first": func(s *served) {
			s.raw([]byte(http2.ClientPreface))
			s.do(s.framer.WriteSettingsAck())
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, options(), &echo{})
			do(s)
			if why := s.left(); !strings.HasPrefix(why, "PROTOCOL_ERROR") {
				t.Error(why)
			}
		})
	}
}

func TestStreamsBeyondTheLimitAndLongHeadersAreRefused(t *testing.T) {
	o := options()
	o.MaxStreams = 2
	s := serve(t, o, &echo{hold: true})
	s.greets()
	s.opens(1, true)
	s.opens(3, true)
	s.opens(5, true, "indexed", "by the table") // decoded all the same: the next block refers to it
	if _, end := s.answer(5); end != "reset REFUSED_STREAM" {
		t.Error(end)
	}
	s.do(s.framer.WriteRSTStream(1, http2.ErrCodeCancel))
	s.opens(7, true, "indexed", "by the table", "filler", strings.Repeat("f", 4<<10), "more", strings.Repeat("g", 5<<10))
	if _, end := s.answer(7); end != "reset ENHANCE_YOUR_CALM" {
		t.Error(end)
	}
}

func TestMoreThanThereIsRoomForEndsTheConnection(t *testing.T) {
	o := options()
	o.Window = 64 << 10
	s := serve(t, o, keeper{})
	s.greets()
	s.opens(1, false)
	for range 4 {
		s.do(s.framer.WriteData(1, false, make([]byte, 16<<10)))
	}
	s.do(s.framer.WriteData(1, false, []byte{1}))
	if why := s.left(); why != "FLOW_CONTROL_ERROR more DATA than the stream has room for" {
		t.Error(why)
	}
}

// What comes for a stream that was reset counts for the connection, which gets its room back.
func TestDataOfAResetStreamCostsTheConnectionNothing(t *testing.T) {
	o := options()
	o.Window = 64 << 10
	s := serve(t, o, &echo{})
	s.greets()
	s.opens(1, false)
	s.do(s.framer.WriteRSTStream(1, http2.ErrCodeCancel))
	room := 65535
	for sent := 0; sent < 1<<20; sent += 16 << 10 {
		for room < 16<<10 {
			f, err := s.framer.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			if w, ok := f.(*http2.WindowUpdateFrame); ok && w.StreamID == 0 {
				room += int(w.Increment)
			}
		}
		s.do(s.framer.WriteData(1, false, make([]byte, 16<<10)))
		room -= 16 << 10
	}
	s.opens(3, true)
	if _, end := s.answer(3); end != "done=0" {
		t.Error(end)
	}
}

// keeper keeps what comes and gives no room back.
type keeper struct{}

func (keeper) Open(*h2.Conn) h2.Call { return &keeperCall{} }

type keeperCall struct{ stream h2.Stream }

func (c *keeperCall) Stream() *h2.Stream   { return &c.stream }
func (c *keeperCall) Field(string, string) {}
func (c *keeperCall) Begin(bool)           {}
func (c *keeperCall) Data([]byte, bool)    {}
func (c *keeperCall) Cancel()              {}

func TestADrainAnswersWhatIsOpenAndThenCloses(t *testing.T) {
	h := &echo{hold: true}
	s := serve(t, options(), h)
	s.greets()
	s.opens(1, true)
	s.do(s.framer.WritePing(false, [8]byte{1}))
	if _, err := s.next(); err != nil {
		t.Fatal(err)
	}
	s.conn.Drain()
	var last []uint32
	for len(last) < 2 {
		f, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			if last = append(last, f.LastStreamID); len(last) == 1 {
				s.opens(3, true) // it was on its way
			}
		case *http2.PingFrame:
			s.do(s.framer.WritePing(true, f.Data))
		}
	}
	if last[0] != 1<<31-1 || last[1] != 3 {
		t.Fatalf("the last streams are %v", last)
	}
	s.opens(5, true)
	if _, end := s.answer(5); end != "reset REFUSED_STREAM" {
		t.Error(end)
	}
	for i, c := range h.calls {
		if err := c.stream.Send(h2.Answer{Fields: lit(":status", "200"), Trailers: lit("done", "1")}); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
		if _, end := s.answer(uint32(2*i + 1)); end != "done=1" {
			t.Error(end)
		}
	}
	if _, err := s.next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last answer: %v", err)
	}
	s.nc.Close()
	if err := within(t, "it ends", s.over); err != nil {
		t.Error(err)
	}
}

// A drain may come before the server's first word, which must be SETTINGS all the same.
func TestADrainBeforeTheFirstWordComesAfterIt(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	c := h2.New(server, options(), &echo{})
	c.Drain()
	over := make(chan error, 1)
	go func() { over <- c.Serve() }()
	framer := http2.NewFramer(client, client)
	go func() {
		_, _ = client.Write([]byte(http2.ClientPreface))
		_ = framer.WriteSettings()
	}()
	var kinds []http2.FrameType
	for len(kinds) < 3 {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, f.Header().Type)
	}
	if kinds[0] != http2.FrameSettings || !slices.Contains(kinds, http2.FrameGoAway) {
		t.Errorf("said %v", kinds)
	}
	c.Close()
	within(t, "it ends", over)
}

func TestAClientThatAnswersIsAskedAgainAndAgain(t *testing.T) {
	o := options()
	o.AliveEvery = 10 * time.Millisecond
	s := serve(t, o, &echo{})
	s.greets()
	for range 3 {
		f, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		p, ok := f.(*http2.PingFrame)
		if !ok {
			t.Fatal(f)
		}
		s.do(s.framer.WritePing(true, p.Data))
	}
}

func TestAClientThatIsGoneWithoutAWordIsNoticed(t *testing.T) {
	o := options()
	o.AliveEvery, o.AliveBound = 10*time.Millisecond, 10*time.Millisecond
	s := serve(t, o, &echo{})
	s.greets()
	if err := within(t, "it is gone", s.over); err == nil {
		t.Error("ended in order")
	}
}

// A client measures the way with a ping beside each answer that it reads: those are not too many.
func TestPingsBesideAnswersAreNotTooMany(t *testing.T) {
	s := serve(t, options(), &echo{})
	s.greets()
	for i := range uint32(10) {
		s.opens(2*i+1, true)
		if _, end := s.answer(2*i + 1); end != "done=0" {
			t.Fatal(end)
		}
		s.do(s.framer.WritePing(false, [8]byte{byte(i)}))
		if f, err := s.next(); err != nil || f.Header().Type != http2.FramePing {
			t.Fatal(f, err)
		}
	}
}
