// SPDX-License-Identifier: Apache-2.0

package index

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/causeway-mq/causeway/internal/testkit/prop"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
)

// Whatever is sent, carried, sealed, installed, dropped, reopened and lost from the index's directory: the index
// answers as a look through the whole log would.
func TestIndexAnswersAsTheLogWould(t *testing.T) {
	prop.Check(t, func(rt *prop.T) {
		const queues, keys = 3, 5
		tb := testing.TB(fake{t, rt})
		disk := memfs.New()
		w := newWorld(tb, disk)
		queue := func() Queue { return Queue(prop.IntRange(0, queues-1).Draw(rt, "queue")) }
		rt.Repeat(map[string]func(*prop.T){
			"send": func(rt *prop.T) {
				q := queue()
				for range prop.IntRange(1, 40).Draw(rt, "messages") {
					w.send(tb, q, prop.Uint64Range(0, keys-1).Draw(rt, "key"))
				}
			},
			"mark": func(rt *prop.T) {
				w.write(tb, 0, -1, prop.Uint64Range(0, keys-1).Draw(rt, "key"))
			},
			"carry": func(rt *prop.T) {
				q := queue()
				for _, e := range w.live(q) {
					if prop.Bool().Draw(rt, "carried") {
						w.write(tb, q, e.Offset, 1)
					}
				}
			},
			"seal":    func(*prop.T) { w.seal(tb) },
			"install": func(rt *prop.T) { w.installOne(tb, rt) },
			"drop": func(rt *prop.T) {
				if len(w.segs) > 1 {
					w.drop(tb)
				}
			},
			"rebuild": func(rt *prop.T) {
				s := prop.SampledFrom(w.segs).Draw(rt, "segment")
				if s.Sealed {
					_, err := w.x.Rebuild(s.Base)
					must(tb, err)
					w.read(tb, s.Base)
					must(tb, w.x.Install(s.Base))
				}
			},
			"reopen": func(rt *prop.T) {
				must(tb, w.x.Close())
				for _, name := range disk.Files() {
					if prop.IntRange(0, 3).Draw(rt, "fate of "+name) == 0 {
						remove(tb, disk, name)
					}
				}
				w.reopen(tb)
			},
			"replay": func(rt *prop.T) {
				for _, r := range w.recs {
					must(tb, w.give(r))
				}
			},
			"": func(*prop.T) { w.check(tb, queues, keys) },
		})
	})
}

func (w *world) installOne(t testing.TB, rt *prop.T) {
	pending := w.x.Pending()
	if len(pending) > 0 {
		must(t, w.x.Install(prop.SampledFrom(pending).Draw(rt, "segment").Base))
	}
}

// fake lets helpers that want a testing.TB report to prop.
type fake struct {
	*testing.T
	rt *prop.T
}

func (f fake) Fatalf(format string, args ...any) { f.rt.Fatalf(format, args...) }
func (f fake) Fatal(args ...any)                 { f.rt.Fatal(args...) }
func (f fake) Helper()                           {}

// The runs of a queue follow from what the segments hold, not from the order in which they were read.
func TestRunsDoNotDependOnTheOrderOfSegments(t *testing.T) {
	prop.Check(t, func(rt *prop.T) {
		segs := make([]*segment, prop.IntRange(1, 4).Draw(rt, "segments"))
		var all []run
		for i := range segs {
			segs[i] = &segment{base: log.Position(i)}
			var next mq.Offset
			for at := uint32(0); next < 60; {
				r := run{first: next + mq.Offset(prop.IntRange(0, 20).Draw(rt, "gap")), src: segs[i], at: at}
				r.count = uint32(prop.IntRange(1, 20).Draw(rt, "count"))
				at += r.count
				next = r.end()
				all = append(all, r)
			}
		}
		want := map[mq.Offset]run{}
		for _, r := range all { // ascending by segment: later ones win
			for o := r.first; o < r.end(); o++ {
				want[o] = r.tail(o).head(o + 1)
			}
		}
		var l runs
		for _, r := range prop.Permutation(all).Draw(rt, "order") {
			l.insert(r)
		}
		got := map[mq.Offset]run{}
		for i, r := range l {
			if r.count == 0 || i > 0 && l[i-1].end() > r.first {
				rt.Fatalf("run %d of %v is empty or overlaps", i, l)
			}
			for o := r.first; o < r.end(); o++ {
				got[o] = r.tail(o).head(o + 1)
			}
		}
		if len(got) != len(want) {
			rt.Fatalf("%d offsets, want %d", len(got), len(want))
		}
		for o, r := range want {
			if got[o] != r {
				rt.Fatalf("offset %d: %+v, want %+v", o, got[o], r)
			}
		}
	})
}

// Memory follows the segments that a queue occurs in, not the messages: carried one by one, they still make one run.
func TestCarriedMessagesMakeOneRun(t *testing.T) {
	w := newWorld(t, memfs.New())
	for range 500 {
		w.send(t, 1)
	}
	must(t, w.x.Install(w.seal(t)))
	for range 500 {
		w.send(t, 1)
	}
	for o := range mq.Offset(500) {
		w.write(t, 1, o)
	}
	w.check(t, 2, 0)
	if n := len(w.x.queues[1].runs); n != 2 {
		t.Fatalf("%d runs after carrying, want 2", n)
	}
	w.drop(t)
	w.check(t, 2, 0)
}

// Retention asks what a segment holds that nothing newer has.
func TestSharesCountOnlyWhatANewerSegmentDoesNotHold(t *testing.T) {
	for _, installed := range []bool{false, true} {
		t.Run(fmt.Sprintf("installed=%v", installed), func(t *testing.T) {
			w := newWorld(t, memfs.New())
			for range 10 {
				w.send(t, 1)
				w.send(t, 2)
			}
			base := w.seal(t)
			if installed {
				must(t, w.x.Install(base))
			}
			for _, o := range []mq.Offset{0, 4} {
				w.write(t, 1, o)
			}
			got, err := w.x.Shares(base)
			must(t, err)
			want := []Share{
				{Queue: 1, First: 1, End: 10, Count: 8, Oldest: storedAt(1, 0), Newest: storedAt(1, 9)},
				{Queue: 2, First: 0, End: 10, Count: 10, Oldest: storedAt(2, 0), Newest: storedAt(2, 9)},
			}
			if !slices.Equal(got, want) {
				t.Fatalf("shares %+v, want %+v", got, want)
			}
		})
	}
}

// A page of keys goes on where the one before ended, across segments, and a time window leaves out whole segments.
func TestFindPagesThroughSegmentsNewestFirst(t *testing.T) {
	w := newWorld(t, memfs.New())
	for range 3 {
		for range 2000 {
			w.send(t, 1, 7, uint64(w.ends[1])+100)
		}
		must(t, w.x.Install(w.seal(t)))
	}
	w.send(t, 1, 7)
	var got []log.Position
	for before := log.Position(0); ; before = got[len(got)-1] {
		n := len(got)
		var err error
		got, err = w.x.Find(Search{Hash: 7, Before: before, Limit: 700}, got)
		must(t, err)
		if len(got) == n {
			break
		}
	}
	if want := w.found(7); !slices.Equal(got, want) {
		t.Fatalf("%d positions, want %d", len(got), len(want))
	}
	window, err := w.x.Find(Search{Hash: 7, From: storedAt(1, 2000), To: storedAt(1, 4000), Limit: 1 << 20}, nil)
	must(t, err)
	if len(window) != 2000 {
		t.Fatalf("%d positions in the window of the middle segment, want its 2000", len(window))
	}
	for o := uint64(0); o < 6000; o += 7 {
		got, err := w.x.Find(Search{Hash: o + 100, Limit: 10}, nil)
		must(t, err)
		if want := w.found(o + 100); !slices.Equal(got, want) {
			t.Fatalf("key of offset %d: %v, want %v", o, got, want)
		}
	}
}

// A caller that installs too early would lose messages: it is told.
func TestAnEntryAfterInstallIsRefused(t *testing.T) {
	w := newWorld(t, memfs.New())
	w.send(t, 1)
	late := rec{queue: 1, entry: Entry{Offset: 1, Position: w.next}}
	w.next += 64
	must(t, w.x.Install(w.seal(t)))
	if err := w.give(late); !errors.Is(err, ErrLate) {
		t.Fatalf("late entry: %v, want ErrLate", err)
	}
	for name, r := range map[string]rec{
		"a negative offset":           {entry: Entry{Offset: -2, Position: 1}},
		"a position of no record":     {entry: Entry{Position: 0}},
		"a position behind a segment": {entry: Entry{Position: worldSegment - 8}},
	} {
		if err := w.x.Add(r.queue, r.entry); !errors.Is(err, ErrRange) {
			t.Errorf("%s: %v, want ErrRange", name, err)
		}
	}
	w.drop(t)
	if err := w.x.Add(1, Entry{Offset: 0, Position: 4096}); !errors.Is(err, ErrUnknown) {
		t.Errorf("a dropped segment: %v, want ErrUnknown", err)
	}
}

// A forgotten queue stays away, also when its records are read again while the index is open.
func TestAForgottenQueueIsGone(t *testing.T) {
	w := newWorld(t, memfs.New())
	w.send(t, 1)
	w.send(t, 2)
	must(t, w.x.Install(w.seal(t)))
	w.x.Forget(1)
	w.read(t, 0)
	if got := w.x.Queues(); !slices.Equal(got, []Queue{2}) {
		t.Fatalf("queues %v, want 2 alone", got)
	}
	if lo, hi := w.x.Bounds(1); lo != 0 || hi != 0 {
		t.Fatalf("bounds %d to %d of a forgotten queue", lo, hi)
	}
}

// A full disk costs memory, not messages: entries are served from memory until Install succeeds.
func TestInstallOnAFullDiskCanBeTriedAgain(t *testing.T) {
	disk := memfs.New()
	w := newWorld(t, disk)
	for range 1000 {
		w.send(t, 1, 3)
	}
	base := w.seal(t)
	disk.SetCapacity(8 << 10)
	if err := w.x.Install(base); !fsys.IsNoSpace(err) {
		t.Fatalf("install on a full disk: %v", err)
	}
	w.check(t, 2, 4)
	if names := disk.Files(); len(names) != 0 {
		t.Fatalf("a failed install left %v on a full disk", names)
	}
	disk.SetCapacity(1 << 30)
	must(t, w.x.Install(base))
	w.check(t, 2, 4)
	if len(w.x.Pending()) != 0 {
		t.Fatalf("pending %v after install", w.x.Pending())
	}
}

// Readers, the appender and the keeper of segments use the index at once.
func TestReadersSeeWholeQueuesWhileSegmentsComeAndGo(t *testing.T) {
	w := newWorld(t, memfs.New())
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				lo, _ := w.x.Bounds(1)
				list, err := w.x.Range(1, lo, 300, nil)
				if err != nil {
					t.Errorf("range: %v", err)
					return
				}
				for i, e := range list {
					if i > 0 && e.Offset != list[i-1].Offset+1 {
						t.Errorf("offset %d follows %d", e.Offset, list[i-1].Offset)
						return
					}
					if e.Stored != storedAt(1, e.Offset) {
						t.Errorf("offset %d has stored time %d", e.Offset, e.Stored)
						return
					}
				}
				if _, err := w.x.Find(Search{Hash: 5, Limit: 50}, nil); err != nil {
					t.Errorf("find: %v", err)
					return
				}
			}
		})
	}
	for range 60 {
		for range 100 {
			w.send(t, 1, 5)
		}
		must(t, w.x.Install(w.seal(t)))
		if len(w.segs) > 4 {
			w.drop(t)
		}
	}
	close(stop)
	readers.Wait()
	must(t, w.x.Close())
	must(t, w.x.Close())
	if _, err := w.x.Range(1, 0, 1, nil); !errors.Is(err, ErrClosed) {
		t.Fatalf("range after close: %v", err)
	}
}
