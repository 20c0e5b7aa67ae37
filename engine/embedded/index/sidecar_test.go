// SPDX-License-Identifier: Apache-2.0

package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
)

// filled is a world with two sealed segments and sidecars for both.
func filled(t testing.TB, disk *memfs.FS, messages int) *world {
	w := newWorld(t, disk)
	for range 2 {
		for i := range messages {
			w.send(t, Queue(i%3), uint64(i%5))
		}
		w.write(t, 0, -1, 4)
		must(t, w.x.Install(w.seal(t)))
	}
	return w
}

// A sidecar follows from its segment alone: rebuilt, it is the same file, whatever was carried where.
func TestARebuiltSidecarIsTheSameFile(t *testing.T) {
	disk := memfs.New()
	w := filled(t, disk, 700)
	for _, o := range []mq.Offset{3, 4, 9, 300} {
		w.write(t, 1, o, 2)
	}
	must(t, w.x.Install(w.seal(t)))
	before := contents(t, disk)
	remove(t, disk, disk.Files()...)
	must(t, w.x.Close())
	if read := w.reopen(t); len(read) != 4 {
		t.Fatalf("%d segments to read, want all 4", len(read))
	}
	after := contents(t, disk)
	if len(before) != 3 || len(after) != 3 {
		t.Fatalf("%d sidecars became %d", len(before), len(after))
	}
	for name, b := range before {
		if !bytes.Equal(b, after[name]) {
			t.Errorf("%s differs after the rebuild", name)
		}
	}
}

func contents(t testing.TB, disk *memfs.FS) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range disk.Files() {
		b, err := fsys.ReadFile(disk, name, 1<<24)
		must(t, err)
		all[name] = b
	}
	return all
}

// A sidecar counts only for the segment it was made of.
func TestASidecarOfAnotherSegmentIsNotTaken(t *testing.T) {
	for name, change := range map[string]func(*log.Segment){
		"another date":          func(s *log.Segment) { s.Created = s.Created.Add(time.Nanosecond) },
		"another end":           func(s *log.Segment) { s.End += 8 },
		"another size":          func(s *log.Segment) { s.Bytes -= 4096 },
		"takes appends (again)": func(s *log.Segment) { s.Sealed = false },
	} {
		t.Run(name, func(t *testing.T) {
			disk := memfs.New()
			w := filled(t, disk, 20)
			must(t, w.x.Close())
			change(&w.segs[0])
			x, read, err := Open(Options{FS: disk, Segments: w.segs})
			must(t, err)
			if len(read) != 2 || read[0].Base != w.segs[0].Base {
				t.Fatalf("to read: %v, want the changed segment and the one that takes appends", read)
			}
			if got, err := x.Range(0, 0, 100, nil); err != nil || len(got) != 7 {
				t.Fatalf("%d entries of the second segment, %v; want 7", len(got), err)
			}
		})
	}
}

// Files that no segment asks for go away, all others stay.
func TestOpenRemovesStraysAlone(t *testing.T) {
	disk := memfs.New()
	w := filled(t, disk, 20)
	keep := disk.Files()
	must(t, w.x.Close())
	strays := []string{sidecarName(77 << 20), sidecarName(0) + tempSuffix, Checkpoint{At: 4}.name() + tempSuffix}
	others := []string{"README", Checkpoint{At: 4}.name(), "0000.idx"}
	for _, name := range append(strays, others...) {
		must(t, fsys.Install(disk, name, []byte("x")))
	}
	w.reopen(t)
	want := append(slices.Clone(keep), others...)
	slices.Sort(want)
	if got := disk.Files(); !slices.Equal(got, want) {
		t.Fatalf("files %v, want %v", got, want)
	}
}

// Every damaged byte of a sidecar either goes unnoticed because nothing read it, or is named; the answer is never wrong,
// and rebuilding gives all of it back.
func TestDamagedSidecarsAreNamedAndRebuilt(t *testing.T) {
	disk := memfs.New()
	w := filled(t, disk, 900)
	name := sidecarName(0)
	size := int64(len(contents(t, disk)[name]))
	rng := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		off, bit := rng.Int64N(size), byte(1)<<rng.IntN(8)
		flip := func() { must(t, disk.Damage(name, off, 1, func(b []byte) { b[0] ^= bit })) }
		flip()
		damaged := false
		for q := range Queue(3) {
			err := w.checkQueue(q)
			damaged = damaged || err != nil
			if err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d: %v", off, err)
			}
		}
		for key := range uint64(5) {
			got, err := w.x.Find(Search{Hash: key, Limit: 1 << 20}, nil)
			damaged = damaged || err != nil
			if err == nil && !slices.Equal(got, w.found(key)) || err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d: find gives %d positions, %v", off, len(got), err)
			}
		}
		if x, read, err := Open(Options{FS: disk.Clone(), Segments: w.segs}); err != nil || len(read) == 1 && !damaged {
			t.Fatalf("byte %d: neither opening (%v) nor reading everything shows the damage", off, err)
		} else {
			must(t, x.Close())
		}
		flip()
	}
	must(t, disk.Damage(name, headerLen+100, 1, func(b []byte) { b[0] ^= 1 }))
	_, err := w.x.Range(0, 0, 10, nil)
	var damage *DamagedError
	if !errors.As(err, &damage) || damage.Base != 0 || damage.File != name {
		t.Fatalf("damage is reported as %v", err)
	}
	_, err = w.x.Rebuild(damage.Base)
	must(t, err)
	must(t, w.give(w.recs[0])) // and then reading the segment failed
	if pending := w.x.Pending(); len(pending) != 0 {
		t.Fatalf("half read, the segment is offered for installing: %v", pending)
	}
	_, err = w.x.Rebuild(damage.Base)
	must(t, err)
	if _, err := w.x.Range(0, 0, 10, nil); !errors.Is(err, ErrDamaged) {
		t.Fatalf("while the segment is read again: %v", err)
	}
	w.read(t, damage.Base)
	must(t, w.x.Install(damage.Base))
	w.check(t, 3, 5)
}

// Power fails at every file call of an install, in many ways: the next start has the whole sidecar or reads the
// segment, and then knows the same.
func TestPowerLossLeavesASidecarWholeOrNotAtAll(t *testing.T) {
	whole, rebuilt := 0, 0
	for seed := range uint64(400) {
		disk := memfs.New()
		w := filled(t, disk, 300)
		for i := range 500 {
			w.send(t, Queue(i%2), uint64(i%5))
		}
		w.seal(t)
		files, crash := crashAt(disk, 1+int(seed%12), seed)
		w.x.fs = files
		must(t, w.x.Install(w.segs[2].Base))
		after := crash()
		if seed%7 == 0 {
			remove(t, after, after.Files()...)
		}
		w.files = after
		if read := w.reopen(t); len(read) == 1 {
			whole++
		} else {
			rebuilt++
		}
		w.check(t, 3, 5)
	}
	if whole < 50 || rebuilt < 50 {
		t.Fatalf("%d whole and %d rebuilt sidecars: the crashes do not hit both sides", whole, rebuilt)
	}
}

// Each file call of installing, opening and reading fails in turn: the answer is right or an error, and when the disk
// works again everything can be had.
func TestAFailingDiskGivesErrorsNotAnswers(t *testing.T) {
	for _, fault := range []faultfs.Rule{{Err: syscall.EIO}, {Err: syscall.ENOSPC, Short: true}} {
		for n := 1; ; n++ {
			disk := memfs.New()
			w := filled(t, disk, 60)
			w.send(t, 1, 2)
			w.seal(t)
			files := faultfs.New(disk)
			fault.First = n
			files.Inject(fault)
			w.x.fs = files
			answers := func() {
				t.Helper()
				for q := range Queue(3) {
					if err := w.checkQueue(q); err != nil && !errors.Is(err, fault.Err) {
						t.Fatalf("call %d: %v", n, err)
					}
				}
			}
			failed := w.x.Install(w.segs[2].Base)
			answers()
			must(t, w.x.Close())
			x, read, err := Open(Options{FS: files, Segments: w.segs})
			if err == nil {
				w.x = x
				for _, s := range read {
					w.read(t, s.Base)
				}
				answers()
				for _, s := range read {
					if s.Sealed {
						failed = errors.Join(failed, x.Install(s.Base))
					}
				}
			}
			hit := files.Hits() > 0
			if failed != nil && !hit {
				t.Fatalf("call %d: %v without a fault", n, failed)
			}
			files.Heal()
			w.files = files
			w.reopen(t)
			w.check(t, 3, 5)
			if !hit {
				break
			}
		}
	}
}

// A sidecar whose checksums are right but whose content is made up is refused, or answers within its own bounds.
func FuzzSidecar(f *testing.F) {
	info := log.Segment{Base: 1 << 20, End: 1<<20 + 64<<10, Bytes: 1 << 20, Created: time.Unix(5, 0), Sealed: true}
	f.Add(payload(f, info, func(*memory) {}))
	f.Add(payload(f, info, func(m *memory) {
		for o := range 300 {
			pos := info.Base + log.Position(8*o)
			m.add(Queue(o%2), Entry{Offset: mq.Offset(o / 2), Position: pos, Stored: int64(o)})
			m.mark(pos, int64(o), []uint64{uint64(o % 50), 9})
		}
	}))
	f.Fuzz(func(t *testing.T, stream []byte) {
		side, shares, err := openSidecar(paged(t, info, stream), info)
		if err != nil {
			return
		}
		for _, sh := range shares {
			for _, r := range sh.runs {
				n := min(r.count, 1000)
				list := make([]Entry, n)
				if err := side.list(list, r.at+r.count-n, r.end()-mq.Offset(n), &scratch{}); err != nil && !errors.Is(err, ErrDamaged) {
					t.Fatalf("read: %v", err)
				}
			}
		}
		for key := range uint64(60) {
			list, err := side.find(mix(key), maxPosition, nil, &scratch{})
			if err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatalf("find: %v", err)
			}
			for i, pos := range list {
				if pos < info.Base || pos >= info.End || i > 0 && pos >= list[i-1] {
					t.Fatalf("find gives %v", list)
				}
			}
		}
	})
}

// payload is the stream of a sidecar without its pages.
func payload(t testing.TB, info log.Segment, fill func(*memory)) []byte {
	m := newMemory(&segment{base: info.Base})
	fill(m)
	disk := memfs.New()
	must(t, writeSidecar(disk, info, m))
	raw := contents(t, disk)[sidecarName(info.Base)]
	var stream []byte
	for page := range slices.Chunk(raw, pageSize) {
		stream = append(stream, page[:pageRoom]...)
	}
	h, err := decodeHeader(stream[:headerLen], info)
	must(t, err)
	return stream[:h.size()]
}

// Entries and keys that point out of their segment are named when they are read.
func TestASidecarThatPointsElsewhereIsDamaged(t *testing.T) {
	info := log.Segment{Base: 1 << 20, End: 2 << 20, Bytes: 1 << 20, Created: time.Unix(5, 0), Sealed: true}
	fill := func(m *memory) {
		m.add(1, Entry{Offset: 4, Position: info.Base + 8, Stored: 3})
		m.mark(info.Base+8, 3, []uint64{77})
	}
	for _, pos := range []log.Position{info.Base - 8, info.End, -5} {
		stream := payload(t, info, fill)
		binary.LittleEndian.PutUint64(stream[headerLen:], uint64(pos))
		binary.LittleEndian.PutUint64(stream[headerLen+entryLen+8:], uint64(pos))
		side, _, err := openSidecar(paged(t, info, stream), info)
		must(t, err)
		if err := side.list(make([]Entry, 1), 0, 4, &scratch{}); !errors.Is(err, ErrDamaged) {
			t.Errorf("entry to %d: %v", pos, err)
		}
		if _, err := side.find(mix(77), maxPosition, nil, &scratch{}); !errors.Is(err, ErrDamaged) {
			t.Errorf("key to %d: %v", pos, err)
		}
	}
}

// paged is a disk with a sidecar of the given stream and right checksums.
func paged(t testing.TB, info log.Segment, stream []byte) *memfs.FS {
	t.Helper()
	disk := memfs.New()
	f, err := disk.Create(sidecarName(info.Base))
	must(t, err)
	_, seed := bindingOf(info)
	w := newPageWriter(f, seed)
	_, err = w.Write(stream)
	must(t, errors.Join(err, w.finish(), f.Close()))
	return disk
}

// Each claim of a sidecar's front that does not add up is refused, with right checksums.
func TestASidecarThatDoesNotAddUpIsRefused(t *testing.T) {
	info := log.Segment{Base: 0, End: 64 << 10, Bytes: 1 << 20, Created: time.Unix(5, 0), Sealed: true}
	good := payload(t, info, func(m *memory) {
		for _, o := range []mq.Offset{0, 1, 5, 6} {
			m.add(1, Entry{Offset: o, Position: 4096 + 64*log.Position(o), Stored: int64(o)})
			m.add(2, Entry{Offset: o, Position: 8192 + 64*log.Position(o), Stored: int64(o)})
		}
	})
	h, err := decodeHeader(good[:headerLen], info)
	must(t, err)
	dir := int(h.dirAt())
	le := binary.LittleEndian
	for name, change := range map[string]func(b []byte){
		"magic":                  func(b []byte) { b[0]++ },
		"version":                func(b []byte) { le.PutUint32(b[8:], 2) },
		"fan of 40 bits":         func(b []byte) { le.PutUint32(b[12:], 40) },
		"binding":                func(b []byte) { b[16]++ },
		"number of entries":      func(b []byte) { le.PutUint32(b[64:], 1000) },
		"number of queues":       func(b []byte) { le.PutUint32(b[72:], 1); le.PutUint32(b[76:], 6) },
		"queues out of order":    func(b []byte) { le.PutUint32(b[dir:], 3) },
		"queue without runs":     func(b []byte) { le.PutUint32(b[dir+4:], 0) },
		"more runs than bytes":   func(b []byte) { le.PutUint32(b[dir+4:], 1<<30) },
		"negative offset":        func(b []byte) { le.PutUint64(b[dir+24:], 1<<63) },
		"offset that overflows":  func(b []byte) { le.PutUint64(b[dir+36:], 1<<63-2) },
		"empty run":              func(b []byte) { le.PutUint32(b[dir+32:], 0) },
		"runs that overlap":      func(b []byte) { le.PutUint64(b[dir+36:], 1) },
		"more than the entries":  func(b []byte) { le.PutUint32(b[dir+44:], 100) },
		"fewer than the entries": func(b []byte) { le.PutUint32(b[dir+44:], 1) },
	} {
		t.Run(name, func(t *testing.T) {
			stream := bytes.Clone(good)
			change(stream)
			if _, _, err := openSidecar(paged(t, info, stream), info); err == nil {
				t.Fatal("was taken")
			}
		})
	}
}

// Streams of any length come back through pages as they went in.
func TestPagesCarryAnyLength(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, pageRoom - 1, pageRoom, pageRoom + 1, 16 * pageRoom, 16*pageRoom + 1, 100_003} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(rng.Uint32())
			}
			f, err := memfs.New().Create("f")
			must(t, err)
			w := newPageWriter(f, 42)
			for rest := data; len(rest) > 0; {
				k := min(len(rest), 1+rng.IntN(9000))
				_, err = w.Write(rest[:k])
				must(t, err)
				rest = rest[k:]
			}
			must(t, w.finish())
			if size, err := f.Size(); err != nil || size != pagesFor(int64(n)) {
				t.Fatalf("%d bytes on disk, want %d", size, pagesFor(int64(n)))
			}
			got := make([]byte, n)
			must(t, (pages{f, 42}).read(got, 0, new([]byte)))
			var streamed bytes.Buffer
			_, err = streamed.ReadFrom(&pageStream{pages: pages{f, 42}, end: int64(n)})
			must(t, err)
			if !bytes.Equal(got, data) || !bytes.Equal(streamed.Bytes(), data) {
				t.Fatal("the stream came back changed")
			}
			if n > 0 && !errors.Is(pages{f, 43}.read(got, 0, new([]byte)), errPage) {
				t.Fatal("pages of another file were taken")
			}
		})
	}
}
