// SPDX-License-Identifier: Apache-2.0

package index

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
)

// A world is a log reduced to what the index sees of it, with the index beside it. What the index answers is compared
// with what a plain look through all records gives.
type world struct {
	files fsys.FS
	x     *Index
	segs  []log.Segment // ascending; the last one takes appends
	recs  []rec         // of all segments that were not dropped, in the order of the log
	ends  map[Queue]mq.Offset
	next  log.Position
}

type rec struct {
	queue   Queue
	entry   Entry // Offset -1: a record that is no message
	keys    []uint64
	segment log.Position
}

const worldSegment = 1 << 20

func newWorld(t testing.TB, files fsys.FS) *world {
	w := &world{files: files, ends: map[Queue]mq.Offset{}}
	w.segs = []log.Segment{{Base: 0, Bytes: worldSegment, Created: time.Unix(1, 0)}}
	w.next = 4096
	w.reopen(t)
	return w
}

// reopen opens the index again and reads what it asks for.
func (w *world) reopen(t testing.TB) []log.Segment {
	t.Helper()
	x, read, err := Open(Options{FS: w.files, Segments: w.segs})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	w.x = x
	for _, s := range read {
		w.read(t, s.Base)
		if s.Sealed {
			must(t, x.Install(s.Base))
		}
	}
	for q, end := range w.ends {
		x.RaiseEnd(q, end)
	}
	return read
}

// read gives the index all records of a segment again.
func (w *world) read(t testing.TB, base log.Position) {
	t.Helper()
	for _, r := range w.recs {
		if r.segment == base {
			must(t, w.give(r))
		}
	}
}

func (w *world) give(r rec) error {
	if r.entry.Offset < 0 {
		return w.x.Mark(r.entry.Position, r.entry.Stored, r.keys...)
	}
	return w.x.Add(r.queue, r.entry, r.keys...)
}

func (w *world) active() *log.Segment { return &w.segs[len(w.segs)-1] }

// write appends a record; offset -1 is one that is no message.
func (w *world) write(t testing.TB, q Queue, o mq.Offset, keys ...uint64) {
	t.Helper()
	e := Entry{Offset: o, Position: w.next, Stored: storedAt(q, o), Size: uint32(o) + 7, Tag: uint32(q) ^ uint32(o)}
	w.next += 64
	r := rec{queue: q, entry: e, keys: keys, segment: w.active().Base}
	w.recs = append(w.recs, r)
	if o >= 0 {
		w.ends[q] = max(w.ends[q], o+1)
	}
	must(t, w.give(r))
}

func (w *world) send(t testing.TB, q Queue, keys ...uint64) { w.write(t, q, w.ends[q], keys...) }

// storedAt grows with the offset and is the same for every copy of a message.
func storedAt(q Queue, o mq.Offset) int64 { return int64(o)*10 + int64(q) + 1000 }

// seal ends the segment that takes appends.
func (w *world) seal(t testing.TB) log.Position {
	t.Helper()
	s := w.active()
	s.End, s.Sealed = w.next, true
	must(t, w.x.Seal(*s))
	base := s.Base + worldSegment
	w.segs = append(w.segs, log.Segment{Base: base, Bytes: worldSegment, Created: time.Unix(int64(base), 1)})
	w.next = base + 4096
	return s.Base
}

// drop lets the oldest segment go.
func (w *world) drop(t testing.TB) {
	t.Helper()
	gone := w.segs[0]
	w.segs = w.segs[1:]
	w.recs = slices.DeleteFunc(w.recs, func(r rec) bool { return r.segment == gone.Base })
	must(t, w.x.Drop(gone.End))
}

// live is what a queue must show: the last record of each offset.
func (w *world) live(q Queue) []Entry {
	latest := map[mq.Offset]Entry{}
	for _, r := range w.recs {
		if r.queue == q && r.entry.Offset >= 0 {
			latest[r.entry.Offset] = r.entry
		}
	}
	list := make([]Entry, 0, len(latest))
	for _, e := range latest {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int { return int(a.Offset - b.Offset) })
	return list
}

// found is where the records with a key lie, newest first.
func (w *world) found(key uint64) []log.Position {
	var list []log.Position
	for _, r := range slices.Backward(w.recs) {
		if slices.Contains(r.keys, key) {
			list = append(list, r.entry.Position)
		}
	}
	return list
}

// check compares everything that the index can be asked.
func (w *world) check(t testing.TB, queues int, keys uint64) {
	t.Helper()
	for q := range Queue(queues) {
		if err := w.checkQueue(q); err != nil {
			t.Fatal(err)
		}
	}
	for key := range keys {
		got, err := w.x.Find(Search{Hash: key, Limit: 1 << 20}, nil)
		if err != nil {
			t.Fatalf("find %d: %v", key, err)
		}
		if want := w.found(key); !slices.Equal(got, want) {
			t.Fatalf("find %d: %v, want %v", key, got, want)
		}
	}
}

func (w *world) checkQueue(q Queue) error {
	want := w.live(q)
	got, err := w.x.Range(q, 0, 1<<20, nil)
	if err != nil {
		return fmt.Errorf("range of queue %d: %w", q, err)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("range of queue %d: %v, want %v", q, got, want)
	}
	lo, hi := w.x.Bounds(q)
	wantLo := w.ends[q]
	if len(want) > 0 {
		wantLo = want[0].Offset
	}
	if lo != wantLo || hi != w.ends[q] {
		return fmt.Errorf("bounds of queue %d: %d to %d, want %d to %d", q, lo, hi, wantLo, w.ends[q])
	}
	for i := 0; i < len(want); i += 1 + len(want)/16 {
		e := want[i]
		at, err := w.x.FirstAt(q, e.Stored-3)
		if err != nil {
			return fmt.Errorf("first of queue %d at %d: %w", q, e.Stored-3, err)
		}
		if at != e.Offset {
			return fmt.Errorf("first of queue %d at %d: offset %d, want %d", q, e.Stored-3, at, e.Offset)
		}
	}
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// remove deletes files whatever state they are in.
func remove(t testing.TB, files *memfs.FS, names ...string) {
	t.Helper()
	for _, name := range names {
		must(t, files.Remove(name))
	}
}

// crashAt loses power before the n-th file call from now on, in a way that follows from seed. What is left is there
// when the call was made, or when now is called.
func crashAt(disk *memfs.FS, n int, seed uint64) (files *faultfs.FS, now func() *memfs.FS) {
	var after *memfs.FS
	now = func() *memfs.FS {
		p := []float64{0, 0.1, 0.5, 0.9, 1}[seed%5]
		switch {
		case after != nil:
		case seed%3 == 0:
			after = disk.CrashTorn(seed, p)
		default:
			after = disk.Crash(seed, p)
		}
		return after
	}
	files = faultfs.New(disk)
	files.SetHook(func(c faultfs.Call) {
		if c.N == n {
			now()
		}
	})
	return files, now
}
