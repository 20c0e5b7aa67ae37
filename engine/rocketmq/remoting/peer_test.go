// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// peer is a server that shows each request to a test and answers what the test says.
type peer struct {
	t        testing.TB
	listener net.Listener
	conns    chan *peerConn
	joined   sync.WaitGroup
}

type peerConn struct {
	net.Conn
	requests chan *Frame
	mu       sync.Mutex // orders writes
}

// listen runs a server; answer, if not nil, is asked for each request's answer, otherwise requests arrive at the connection's channel.
func listen(t testing.TB, answer func(*Frame) *Frame) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, listener: l, conns: make(chan *peerConn, 64)}
	p.joined.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			p.serve(nc, answer)
		}
	})
	t.Cleanup(func() {
		l.Close()
		for {
			select {
			case c := <-p.conns:
				c.Close()
				continue
			default:
			}
			break
		}
		p.joined.Wait()
	})
	return p
}

func (p *peer) address() string { return p.listener.Addr().String() }

func (p *peer) serve(nc net.Conn, answer func(*Frame) *Frame) {
	c := &peerConn{Conn: nc, requests: make(chan *Frame, 4096)}
	p.conns <- c
	p.joined.Go(func() {
		defer nc.Close()
		defer close(c.requests)
		in := bufio.NewReaderSize(nc, 1<<16)
		out := bufio.NewWriterSize(nc, 1<<16)
		var buf []byte
		for {
			f := readFrame(in)
			if f == nil {
				return
			}
			if answer == nil {
				c.requests <- f
				continue
			}
			if a := answer(f); a != nil && !f.IsOneWay() {
				a.Opaque, a.Flag, a.JSON = f.Opaque, flagResponse, f.JSON
				buf = AppendFrame(buf[:0], a)
				if _, err := out.Write(buf); err != nil {
					return
				}
			}
			if in.Buffered() == 0 && out.Flush() != nil {
				return
			}
		}
	})
}

func readFrame(in io.Reader) *Frame {
	var word [4]byte
	if _, err := io.ReadFull(in, word[:]); err != nil {
		return nil
	}
	data := make([]byte, binary.BigEndian.Uint32(word[:]))
	if _, err := io.ReadFull(in, data); err != nil {
		return nil
	}
	f := &Frame{}
	if ParseFrame(data, f) != nil {
		return nil
	}
	return f
}

func (c *peerConn) answer(to *Frame, a Frame) {
	a.Opaque, a.Flag, a.JSON = to.Opaque, flagResponse, to.JSON
	c.send(a)
}

func (c *peerConn) send(f Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.Write(AppendFrame(nil, &f)) // the test sees what arrives
}

const patience = 10 * time.Second

func soon[V any](t testing.TB, c <-chan V, what string) V {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("nothing within %v: %s", patience, what)
		panic("unreachable")
	}
}

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	end := time.Now().Add(patience)
	pulse := time.NewTicker(time.Millisecond)
	defer pulse.Stop()
	for !cond() {
		if time.Now().After(end) {
			t.Fatalf("still not so after %v: %s", patience, what)
		}
		<-pulse.C
	}
}

func client(t testing.TB, o Options) *Client {
	c := New(o)
	t.Cleanup(c.Close)
	return c
}

// ending of a call that runs on its own goroutine.
func calling(c *Client, ctx context.Context, address string, r Request) <-chan ending {
	end := make(chan ending, 1)
	go func() {
		f, err := c.Call(ctx, address, r)
		end <- ending{f, err}
	}()
	return end
}
