// SPDX-License-Identifier: Apache-2.0

package h2

import (
	"bufio"
	"bytes"
	"runtime"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// nobody opens calls that are never answered.
type nobody struct{}

func (nobody) Open(*Conn) Call { return &silent{} }

type silent struct{ stream Stream }

func (c *silent) Stream() *Stream      { return &c.stream }
func (c *silent) Field(string, string) {}
func (c *silent) Begin(bool)           {}
func (c *silent) Data([]byte, bool)    {}
func (c *silent) Cancel()              {}

// A client that makes us answer without end and reads nothing: reading it rests as soon as outLast bytes wait for it.
func TestAClientThatReadsNothingHoldsLittle(t *testing.T) {
	client, server := Pair(t)
	for what, err := range map[string]error{ // so that little lies in between
		"write": server.SetWriteBuffer(4 << 10), "read": client.SetReadBuffer(4 << 10),
	} {
		if err != nil {
			t.Fatal(what, err)
		}
	}
	c := New(server, Options{
		MaxStreams: 0, MaxHeaderList: 1 << 10, Window: 1 << 20, ReadBuffer: 32 << 10,
		AliveEvery: time.Hour, AliveBound: time.Hour, PingEvery: time.Nanosecond, DrainBound: time.Hour, Buffers: Fresh{},
	}, nobody{})
	over := make(chan error, 1)
	go func() { over <- c.Serve() }()
	go func() { // each of its frames is answered with a reset, until the test closes the connection
		many := bufio.NewWriterSize(client, 64<<10) // of which nothing need be flushed: there is always more
		f := http2.NewFramer(many, nil)
		_, err := many.WriteString(Preface)
		if err == nil {
			err = f.WriteSettings()
		}
		for id := uint32(1); err == nil && id < 1<<31; id += 2 {
			err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true})
		}
	}()
	stacks := make([]byte, 1<<20)
	resting := func() bool {
		all := stacks[:runtime.Stack(stacks, true)]
		return bytes.Contains(all, []byte("(*Conn).unlockBounded")) && bytes.Contains(all, []byte("sync.runtime_notifyListWait"))
	}
	bound := time.NewTimer(2 * time.Minute)
	defer bound.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !resting() {
		select {
		case <-tick.C:
		case err := <-over:
			t.Fatal("the connection ended:", err)
		case <-bound.C:
			t.Fatal("reading goes on and on")
		}
	}
	c.mu.Lock()
	waits := len(c.out)
	c.mu.Unlock()
	if waits > outLast+frameBytes {
		t.Errorf("%d bytes wait to be written, the bound is %d", waits, outLast)
	}
	c.Close() // ends whoever rests
	select {
	case <-over:
	case <-bound.C:
		t.Error("it does not end")
	}
}
