// SPDX-License-Identifier: Apache-2.0

package index

import (
	"runtime"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
)

const benchSegment = 128 << 20

// feeder adds messages of one KiB to an index, in queues one after the other, with two keys each.
type feeder struct {
	x      *Index
	seg    log.Segment
	next   log.Position
	queues int
	ends   []mq.Offset
	sealed []log.Position
}

func newFeeder(b testing.TB, queues int) *feeder {
	f := &feeder{seg: log.Segment{Bytes: benchSegment, Created: time.Unix(1, 0)}, next: 4096, queues: queues, ends: make([]mq.Offset, queues)}
	x, _, err := Open(Options{FS: fsys.OS(b.TempDir()), Segments: []log.Segment{f.seg}})
	must(b, err)
	f.x = x
	return f
}

func (f *feeder) add(b testing.TB, i int) {
	if f.next+2048 > f.seg.Base+benchSegment {
		f.seal(b)
	}
	q := i % f.queues
	o := f.ends[q]
	f.ends[q]++
	e := Entry{Offset: o, Position: f.next, Stored: int64(i) * 1000, Size: 1024, Tag: 7}
	f.next += 1072
	if err := f.x.Add(Queue(q), e, uint64(i), uint64(i)^0xabcdef); err != nil {
		b.Fatal(err)
	}
}

func (f *feeder) seal(b testing.TB) {
	f.seg.End, f.seg.Sealed = f.next, true
	must(b, f.x.Seal(f.seg))
	f.sealed = append(f.sealed, f.seg.Base)
	f.seg = log.Segment{Base: f.seg.Base + benchSegment, Bytes: benchSegment, Created: time.Unix(1, 0)}
	f.next = f.seg.Base + 4096
}

func (f *feeder) install(b testing.TB) {
	for _, base := range f.sealed {
		must(b, f.x.Install(base))
	}
	f.sealed = nil
}

func BenchmarkAdd(b *testing.B) {
	f := newFeeder(b, 1024)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f.add(b, i)
		i++
		if len(f.sealed) > 1 {
			b.StopTimer()
			f.install(b)
			b.StartTimer()
		}
	}
}

func BenchmarkInstall(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		f := newFeeder(b, 1024)
		for i := range benchSegment/1072 - 8 {
			f.add(b, i)
		}
		f.seal(b)
		b.StartTimer()
		f.install(b)
	}
}

func BenchmarkRange32(b *testing.B) {
	for name, installed := range map[string]bool{"memory": false, "sidecar": true} {
		b.Run(name, func(b *testing.B) {
			f := newFeeder(b, 16)
			for i := range 120_000 {
				f.add(b, i)
			}
			f.seal(b)
			if installed {
				f.install(b)
			}
			dst := make([]Entry, 0, 32)
			b.ReportAllocs()
			o := mq.Offset(0)
			for b.Loop() {
				var err error
				if dst, err = f.x.Range(3, o%7000, 32, dst[:0]); err != nil || len(dst) != 32 {
					b.Fatal(len(dst), err)
				}
				o += 37
			}
		})
	}
}

// Looking for a key that is nowhere asks every segment: two reads each.
func BenchmarkFindIn100Segments(b *testing.B) {
	f := newFeeder(b, 16)
	for len(f.sealed) < 100 {
		for i := range 2000 {
			f.add(b, i)
		}
		f.seal(b)
	}
	f.install(b)
	b.ReportAllocs()
	for b.Loop() {
		if found, err := f.x.Find(Search{Hash: 1 << 60, Limit: 10}, nil); err != nil || len(found) != 0 {
			b.Fatal(found, err)
		}
	}
}

// Memory does not grow with messages: a hundred times as many in the same segments and queues cost the same.
func TestMemoryFollowsSegmentsNotMessages(t *testing.T) {
	use := func(perSegment int) int64 {
		before := heap()
		f := newFeeder(t, 8)
		for range 20 {
			for i := range perSegment {
				f.add(t, i)
			}
			f.seal(t)
			f.install(t)
		}
		used := heap() - before
		must(t, f.x.Close())
		return used
	}
	few, many := use(100), use(10_000)
	t.Logf("20 segments of 8 queues: %d bytes with 100 messages each, %d with 10,000", few, many)
	// The empty table of keys for the next segment follows the size of the last one; nothing else may grow.
	if limit := few + 256<<10; many > limit {
		t.Fatalf("%d bytes, want at most %d", many, limit)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
