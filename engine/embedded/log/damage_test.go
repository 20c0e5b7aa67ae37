// SPDX-License-Identifier: Apache-2.0

package log_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
)

// filled is a log of several segments, closed in good order, with what it holds.
func filled(t *testing.T, records int) (*memfs.FS, log.Options, []rec) {
	t.Helper()
	disk := memfs.New()
	opts := log.Options{FS: disk, Clock: clock.System(), SegmentSize: 16 << 10, MaxRecord: 4 << 10}
	l, _, err := log.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	var all []rec
	for i := range records {
		data := payload(uint64(i), i*37%700)
		pos, err := l.Append(data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec{pos, data})
		if i%7 == 0 {
			if err := l.Wait(context.Background(), pos); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return disk, opts, all
}

// judge opens a damaged disk and demands that every record is either what was written or refused as damaged, that
// what is refused was reported with a range that covers it, and that the log goes on.
func judge(t *testing.T, disk *memfs.FS, opts log.Options, all []rec) (lost int) {
	t.Helper()
	opts.FS = disk
	opts.Verify = true
	l, report, err := log.Open(opts)
	if err != nil {
		t.Fatalf("a damaged record kept the log from starting: %v", err)
	}
	defer l.Close()
	found, err := contents(l)
	if err != nil {
		t.Fatal(err)
	}
	served := map[log.Position][]byte{}
	for _, r := range found {
		served[r.pos] = r.data
	}
	for _, r := range all {
		got, err := l.Read(r.pos, nil)
		scanned, inScan := served[r.pos]
		switch {
		case err == nil:
			if !bytes.Equal(got, r.data) || !inScan || !bytes.Equal(scanned, r.data) {
				t.Fatalf("wrong payload at %d", r.pos)
			}
		case errors.Is(err, log.ErrDamaged):
			lost++
			if inScan {
				t.Fatalf("record at %d is refused by Read and served by Scan", r.pos)
			}
			covered := false
			for _, d := range l.Damage() {
				covered = covered || d.From <= r.pos && r.pos < d.To
			}
			if !covered {
				t.Fatalf("record at %d is gone and not reported: %+v", r.pos, l.Damage())
			}
		default:
			t.Fatalf("read at %d: %v (report %+v)", r.pos, err, report)
		}
		delete(served, r.pos)
	}
	if len(served) > 0 {
		t.Fatalf("%d records that nobody wrote", len(served))
	}
	pos, err := l.Append([]byte("life goes on"))
	if err == nil {
		err = l.Wait(context.Background(), pos)
	}
	if err != nil {
		t.Fatalf("append after damage: %v", err)
	}
	return lost
}

func TestABitFlipCostsAtMostTheRecordsItHitsAndIsReported(t *testing.T) {
	disk, opts, all := filled(t, 200)
	files := disk.Files()
	flips := 600
	if testing.Short() {
		flips = 300
	}
	rng := rand.New(rand.NewPCG(11, 1))
	total := 0
	for range flips {
		name := files[rng.IntN(len(files))]
		if name == "LOCK" {
			continue
		}
		hurt := disk.Clone()
		off, bit := int64(rng.IntN(16<<10)), byte(1)<<rng.IntN(8)
		if err := hurt.Damage(name, off, 1, func(b []byte) { b[0] ^= bit }); err != nil {
			continue // behind the end of a smaller file
		}
		lost := judge(t, hurt, opts, all)
		if lost > 2 {
			t.Fatalf("bit %08b at %d of %s cost %d records", bit, off, name, lost)
		}
		total += lost
	}
	if total == 0 {
		t.Fatal("no flip ever hit a record")
	}
	t.Logf("%d flips over %d files: %d records refused, none wrong", flips, len(files), total)
}

func TestAWholeBlockGoneStaleOrSwappedIsNeverServed(t *testing.T) {
	disk, opts, all := filled(t, 200)
	rng := rand.New(rand.NewPCG(12, 1))
	segments := segmentFiles(disk)
	for range 150 {
		hurt := disk.Clone()
		name := segments[rng.IntN(len(segments)-1)] // the last one is empty, prepared
		off := int64(1+rng.IntN(3)) * 4096
		change := func(b []byte) { clear(b) }
		if rng.IntN(2) == 0 {
			donor := blockOf(t, disk, segments[rng.IntN(len(segments))], int64(rng.IntN(4))*4096)
			change = func(b []byte) { copy(b, donor) }
		}
		if err := hurt.Damage(name, off, 4096, change); err != nil {
			t.Fatal(err)
		}
		judge(t, hurt, opts, all)
	}
}

func segmentFiles(disk *memfs.FS) []string {
	var names []string
	for _, name := range disk.Files() {
		if strings.HasSuffix(name, ".seg") {
			names = append(names, name)
		}
	}
	return names
}

func blockOf(t *testing.T, disk *memfs.FS, name string, off int64) []byte {
	t.Helper()
	f, err := disk.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 4096)
	if _, err := f.ReadAt(b, off); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestATruncatedSealedSegmentIsReportedAndTheRestServed(t *testing.T) {
	disk, opts, all := filled(t, 200)
	name := segmentFiles(disk)[1]
	f, err := disk.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(9000), f.Close()); err != nil {
		t.Fatal(err)
	}
	if lost := judge(t, disk, opts, all); lost == 0 || lost > 30 {
		t.Fatalf("%d records lost", lost)
	}
}

// TestDamageOfTheLastAcknowledgedRecordIsNoTornTail: the log is idle, so its last batch is marked as durable without a
// sync of its own; a flip in it must not be cut off in silence.
func TestDamageOfTheLastAcknowledgedRecordIsNoTornTail(t *testing.T) {
	virtual := clock.NewVirtual(time.Unix(1000, 0))
	disk := memfs.New()
	faulty := faultfs.New(disk)
	opts := log.Options{FS: faulty, Clock: virtual, SegmentSize: 16 << 10, MaxRecord: 4 << 10}
	l, _, err := log.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	var all []rec
	for i := range 3 {
		data := payload(uint64(i), 100)
		pos, err := l.Append(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Wait(context.Background(), pos); err != nil {
			t.Fatal(err)
		}
		all = append(all, rec{pos, data})
	}
	before := disk.Killed()
	for calls := faulty.Calls(); faulty.Calls() == calls; {
		virtual.Advance(time.Second)
		runtime.Gosched()
	}
	if err := l.Flush(context.Background()); err != nil { // joins the write of the mark, if it is still going on
		t.Fatal(err)
	}
	after := disk.Killed()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	hit := int64(all[2].pos) + 50
	if err := after.Damage(segmentFiles(after)[0], hit, 1, func(b []byte) { b[0] ^= 1 }); err != nil {
		t.Fatal(err)
	}
	if lost := judge(t, after, opts, all); lost != 1 {
		t.Fatalf("lost %d records, want the one that was hit", lost)
	}
	// Without the mark nothing on disk tells damage from a tear; that window is what the idle mark closes.
	if err := before.Damage(segmentFiles(before)[0], hit, 1, func(b []byte) { b[0] ^= 1 }); err != nil {
		t.Fatal(err)
	}
	opts.FS = before
	l, report, err := log.Open(opts)
	if err != nil || report.Torn == nil {
		t.Fatalf("%+v, %v", report, err)
	}
	l.Close()
}

// TestDamageIsFoundByWhoeverReads: without Verify a sealed segment is not read while opening.
func TestDamageIsFoundByWhoeverReads(t *testing.T) {
	for _, scan := range []bool{false, true} {
		disk, opts, all := filled(t, 200)
		hit := all[3]
		if err := disk.Damage(segmentFiles(disk)[0], int64(hit.pos)+40, 1, func(b []byte) { b[0] ^= 4 }); err != nil {
			t.Fatal(err)
		}
		var told []log.Damage
		opts.OnDamage = func(d log.Damage) { told = append(told, d) }
		l, report, err := log.Open(opts)
		if err != nil || len(report.Damage) > 0 {
			t.Fatalf("%+v, %v", report, err)
		}
		for range 2 {
			if scan {
				if found, err := contents(l); err != nil || len(found) != len(all)-1 {
					t.Fatalf("%d of %d records, %v", len(found), len(all), err)
				}
			} else if _, err := l.Read(hit.pos, nil); !errors.Is(err, log.ErrDamaged) {
				t.Fatalf("read: %v", err)
			}
		}
		if len(told) != 1 || told[0].From != hit.pos || told[0].To != all[4].pos || len(l.Damage()) != 1 || !strings.Contains(told[0].String(), "0000000000000000.seg: bytes ") {
			t.Fatalf("told %v, want %d to %d", told, hit.pos, all[4].pos)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADirectoryThatIsNotWhollyThisLogIsRefusedByName(t *testing.T) {
	create := func(name, text string) func(t *testing.T, disk *memfs.FS) {
		return func(t *testing.T, disk *memfs.FS) {
			if err := fsys.Install(disk, name, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(i int) func(t *testing.T, disk *memfs.FS) {
		return func(t *testing.T, disk *memfs.FS) {
			if err := disk.Remove(segmentFiles(disk)[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := []struct {
		name  string
		spoil func(t *testing.T, disk *memfs.FS)
		want  error
		names string
	}{
		{"a foreign file", create("CURRENT", "MANIFEST-000001\n"), log.ErrForeign, "CURRENT"},
		{"a foreign directory", func(t *testing.T, disk *memfs.FS) { disk.MkdirAll("commitlog") }, log.ErrForeign, "commitlog"},
		{"another product's identity", create("causeway.log", "SQLite format 3\x00"), log.ErrForeign, "causeway.log"},
		{"no identity", func(t *testing.T, disk *memfs.FS) { disk.Remove("causeway.log") }, log.ErrMissing, "causeway.log"},
		{"the first segment missing", remove(0), log.ErrMissing, "0000000000000000.seg"},
		{"a middle segment missing", remove(2), log.ErrMissing, "0000000000008000.seg"},
		{"no segment at all", func(t *testing.T, disk *memfs.FS) {
			for range segmentFiles(disk) {
				remove(0)(t, disk)
			}
		}, log.ErrMissing, "0000000000000000.seg"},
		{"the segments behind a sealed one missing", func(t *testing.T, disk *memfs.FS) {
			for len(segmentFiles(disk)) > 2 {
				remove(2)(t, disk)
			}
		}, log.ErrMissing, "0000000000008000.seg"},
		{"a segment of another log", func(t *testing.T, disk *memfs.FS) {
			other, _, _ := filled(t, 200)
			name := segmentFiles(disk)[1]
			data, err := fsys.ReadFile(other, name, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			create(name, string(data))(t, disk)
		}, log.ErrForeign, "0000000000004000.seg"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			disk, opts, _ := filled(t, 200)
			c.spoil(t, disk)
			before := disk.Files()
			for range 2 { // a refusal changes nothing, so it repeats
				_, _, err := log.Open(opts)
				if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.names) {
					t.Fatalf("got %v, want %v naming %s", err, c.want, c.names)
				}
			}
			if fmt.Sprint(before) != fmt.Sprint(disk.Files()) {
				t.Fatalf("the refusal changed the directory: %v, was %v", disk.Files(), before)
			}
		})
	}
}

func TestASecondOpenIsRefusedNamingTheHolder(t *testing.T) {
	opts := log.Options{FS: fsys.OS(t.TempDir()), Clock: clock.System(), SegmentSize: 16 << 10}
	l, _, err := log.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, _, err := log.Open(opts); !errors.Is(err, fsys.ErrLocked) || !strings.Contains(err.Error(), "process ") {
		t.Fatalf("second open: %v", err)
	}
}
