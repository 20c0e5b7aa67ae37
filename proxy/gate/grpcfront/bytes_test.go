// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/h2"
)

func TestFramesAreFoundWhateverThePieces(t *testing.T) {
	var stream bytes.Buffer
	f := http2.NewFramer(&stream, nil)
	var sent []byte
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		kind := byte(random.UintN(10))
		if err := f.WriteRawFrame(http2.FrameType(kind), 0, 77, make([]byte, random.UintN(300))); err != nil {
			t.Fatal(err)
		}
		sent = append(sent, kind)
	}
	for _, size := range []int{1, 2, 8, 9, 10, 100, 4096, stream.Len()} {
		var got []byte
		var scan frames
		for chunk := range slices.Chunk(stream.Bytes(), size) {
			scan.feed(chunk, func(kind byte, stream uint32) {
				if got = append(got, kind); stream != 77 {
					t.Fatalf("stream %d", stream)
				}
			})
		}
		if !bytes.Equal(got, sent) || !scan.between() {
			t.Errorf("in pieces of %d: %d of %d frames", size, len(got), len(sent))
		}
	}
	var half frames
	half.feed(stream.Bytes()[:5], func(byte, uint32) { t.Error("a head that is not there was seen") })
	if half.between() {
		t.Error("half a head is taken for a whole frame")
	}
}

func TestAGoAwayIsOne(t *testing.T) {
	f, err := http2.NewFramer(nil, bytes.NewReader(h2.AppendGoAway(nil, h2.AnyStream, h2.EnhanceYourCalm, "too much"))).ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	g, ok := f.(*http2.GoAwayFrame)
	if !ok || g.ErrCode != http2.ErrCodeEnhanceYourCalm || string(g.DebugData()) != "too much" || g.LastStreamID != 1<<31-1 {
		t.Errorf("%v", f)
	}
}

func TestBuffersComeBackWhole(t *testing.T) {
	p := newPool()
	for _, n := range []int{0, 1, 511, 512, 513, 4096, 5000, 1 << 20, 8 << 20, 8<<20 + 1} {
		b := p.Get(n)
		if len(*b) != n {
			t.Fatalf("asked for %d, got %d", n, len(*b))
		}
		*b = (*b)[:n/2] // whoever gives one back may have cut it
		p.Put(b)
		if again := p.Get(n); len(*again) != n {
			t.Errorf("the next one of %d has %d", n, len(*again))
		}
	}
	foreign := make([]byte, 1000)
	p.Put(&foreign) // of no tier
	if b := p.Get(1000); cap(*b) != 1024 {
		t.Errorf("a foreign buffer of %d was handed out", cap(*b))
	}
}

// A buffer that somebody still uses must not reach somebody else.
func TestBuffersAreNotShared(t *testing.T) {
	p := newPool()
	a, b := p.Get(600), p.Get(600)
	(*a)[0], (*b)[0] = 1, 2
	if (*a)[0] != 1 {
		t.Error("two owners have one buffer")
	}
}

func TestOnlyYoungStreamsCountAsAFloodOfResets(t *testing.T) {
	now := clock.NewVirtual(time.Unix(1_700_000_000, 0))
	c := &conn{front: &Front{options: Options{Clock: now, MaxResets: 3}}}
	stream := uint32(1)
	open := func(n int) (first uint32) {
		first = stream
		for range n {
			c.count(frameHeaders, stream)
			stream += 2
		}
		return first
	}
	reset := func(first uint32, n int) {
		for i := range n {
			c.count(frameReset, first+uint32(2*i))
		}
	}
	old := open(100)
	now.Advance(3 * time.Second)
	open(2)
	reset(old, 100) // all of them timed out at once
	if c.violation != "" {
		t.Fatalf("timeouts count as %s", c.violation)
	}
	now.Advance(time.Second)
	reset(open(3), 3)
	if c.violation != "" {
		t.Fatal("the limit itself is refused")
	}
	now.Advance(time.Second)
	reset(open(4), 4)
	if c.violation != "resets" {
		t.Error("a flood is not seen")
	}
}
