// SPDX-License-Identifier: Apache-2.0

package memfs_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// disk has one synced file of four blocks of 'a', the same blocks rewritten as 'b' without a sync, and one file
// without a synced entry.
func disk(t *testing.T) *memfs.FS {
	m := memfs.New()
	f, err := m.Create("kept")
	must(t, err)
	write(t, f, 'a', 4)
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	write(t, f, 'b', 4)
	g, err := m.Create("new")
	must(t, err)
	write(t, g, 'c', 1)
	must(t, g.Sync())
	return m
}

func write(t *testing.T, f fsys.File, c byte, blocks int) {
	t.Helper()
	_, err := f.WriteAt(bytes.Repeat([]byte{c}, blocks*4096), 0)
	must(t, err)
}

func TestCrashKeepsWhatWasSyncedAndNothingElseAtChanceZero(t *testing.T) {
	after := disk(t).Crash(1, 0)
	if got := after.Files(); !slices.Equal(got, []string{"kept"}) {
		t.Fatalf("files %v", got)
	}
	data, err := fsys.ReadFile(after, "kept", 1<<20)
	if err != nil || !bytes.Equal(data, bytes.Repeat([]byte{'a'}, 4*4096)) {
		t.Fatalf("content changed: %v", err)
	}
}

func TestCrashAtChanceOneLosesNothing(t *testing.T) {
	after := disk(t).Crash(1, 1)
	if got := after.Files(); !slices.Equal(got, []string{"kept", "new"}) {
		t.Fatalf("files %v", got)
	}
	data, err := fsys.ReadFile(after, "kept", 1<<20)
	if err != nil || !bytes.Equal(data, bytes.Repeat([]byte{'b'}, 4*4096)) {
		t.Fatalf("content changed: %v", err)
	}
}

func TestCrashMixesByBlockOrBySectorAndRepeatsBySeed(t *testing.T) {
	shapes := map[string]bool{}
	unit := map[bool]int{false: 4096, true: 512}
	for seed := range uint64(40) {
		for _, torn := range []bool{false, true} {
			shot := func() []byte {
				m := disk(t)
				crashed := m.Crash(seed, 0.5)
				if torn {
					crashed = m.CrashTorn(seed, 0.5)
				}
				data, err := fsys.ReadFile(crashed, "kept", 1<<20)
				must(t, err)
				return append(data, fmt.Sprint(crashed.Files())...)
			}
			data := shot()
			if !bytes.Equal(data, shot()) {
				t.Fatalf("seed %d gives two disks", seed)
			}
			for at := 0; at < 4*4096; at += unit[torn] {
				piece := data[at : at+unit[torn]]
				if !bytes.Equal(piece, bytes.Repeat(piece[:1], len(piece))) {
					t.Fatalf("seed %d: a mix inside %d bytes at %d", seed, unit[torn], at)
				}
			}
			shapes[string(data)] = true
		}
	}
	if len(shapes) < 40 {
		t.Fatalf("only %d different disks", len(shapes))
	}
}

func TestARenameSurvivesWholeOrNotAtAll(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(64) {
		m := memfs.New()
		must(t, fsys.Install(m, "f", []byte("old")))
		f, err := m.Create("f.tmp")
		must(t, err)
		_, err = f.WriteAt([]byte("new"), 0)
		must(t, err)
		must(t, f.Sync())
		must(t, m.SyncDir("."))
		must(t, m.Rename("f.tmp", "f"))
		after := m.Crash(seed, 0.5)
		data, err := fsys.ReadFile(after, "f", 10)
		must(t, err)
		seen[fmt.Sprint(string(data), after.Files())]++
	}
	if len(seen) != 2 || seen["new[f]"] == 0 || seen["old[f f.tmp]"] == 0 {
		t.Fatalf("saw %v", seen)
	}
}

func TestALaterSyncDoesNotSaveWhatAFailedOneLost(t *testing.T) {
	m := memfs.New()
	f, err := m.Create("f")
	must(t, err)
	write(t, f, 'a', 1)
	must(t, f.Sync())
	must(t, m.SyncDir("."))
	write(t, f, 'b', 1)
	f.(interface{ DropUnsynced() }).DropUnsynced()
	must(t, f.Sync())
	buf := make([]byte, 1)
	if _, err := f.ReadAt(buf, 0); err != nil || buf[0] != 'b' {
		t.Fatalf("the page cache forgot: %q %v", buf, err)
	}
	data, err := fsys.ReadFile(m.Crash(1, 1), "f", 1<<20)
	if err != nil || data[0] != 'a' {
		t.Fatalf("a lie became durable: %q %v", data[0], err)
	}
}

func TestAFullVolumeRefusesToGrowAndTakesBackWhatIsFreed(t *testing.T) {
	m := memfs.New()
	m.SetCapacity(3 * 4096)
	f, err := m.Create("f")
	must(t, err)
	must(t, f.Preallocate(2*4096))
	g, err := m.Create("g")
	must(t, err)
	if err := g.Preallocate(2 * 4096); !fsys.IsNoSpace(err) {
		t.Fatalf("preallocate: %v", err)
	}
	write(t, f, 'x', 2)
	if _, err := f.WriteAt([]byte("x"), 3*4096); !fsys.IsNoSpace(err) {
		t.Fatalf("write: %v", err)
	}
	must(t, m.Remove("f"))
	if err := g.Preallocate(3 * 4096); !fsys.IsNoSpace(err) {
		t.Fatalf("an open file gave its blocks back: %v", err)
	}
	must(t, f.Close())
	must(t, g.Preallocate(3*4096))
	if space, _ := m.Space(); space.Free != 0 {
		t.Fatalf("free %d", space.Free)
	}
}

func TestAKilledProcessLeavesUnsyncedDataThatPowerLossStillTakes(t *testing.T) {
	killed := disk(t).Killed()
	if got := killed.Files(); !slices.Equal(got, []string{"kept", "new"}) {
		t.Fatalf("files %v", got)
	}
	data, err := fsys.ReadFile(killed, "kept", 1<<20)
	if err != nil || data[0] != 'b' {
		t.Fatalf("%v", err)
	}
	after := killed.Crash(1, 0)
	data, err = fsys.ReadFile(after, "kept", 1<<20)
	if err != nil || data[0] != 'a' || len(after.Files()) != 1 {
		t.Fatalf("%v, %v", after.Files(), err)
	}
}
