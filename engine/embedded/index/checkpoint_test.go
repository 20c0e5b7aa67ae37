// SPDX-License-Identifier: Apache-2.0

package index

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
)

const thisLog = 99

// stateAt is a made-up state of some size that differs at every position.
func stateAt(at log.Position) []byte {
	return bytes.Repeat([]byte(fmt.Sprintf("state at %d;", at)), 300+int(at))
}

func save(t testing.TB, files fsys.FS, at log.Position) {
	t.Helper()
	must(t, Checkpoint{At: at, Log: thisLog}.Save(files, func(w io.Writer) error {
		_, err := w.Write(stateAt(at))
		return err
	}))
}

// load returns where the newest checkpoint is and fails if its content is not what was saved there.
func load(t testing.TB, files fsys.FS) (log.Position, []error) {
	t.Helper()
	at, refused := LoadCheckpoint(files, thisLog, func(at log.Position, r io.Reader) error {
		got, err := io.ReadAll(r)
		if err == nil && !bytes.Equal(got, stateAt(at)) {
			t.Fatalf("checkpoint at %d came back changed", at)
		}
		return err
	})
	return at, refused
}

func TestTheNewestCheckpointIsLoadedAndTwoAreKept(t *testing.T) {
	disk := memfs.New()
	if at, refused := load(t, disk); at != 0 || refused != nil {
		t.Fatalf("an empty directory gives %d, %v", at, refused)
	}
	for at := log.Position(8); at <= 80; at += 8 {
		save(t, disk, at)
		if got, refused := load(t, disk); got != at || refused != nil {
			t.Fatalf("loaded %d, %v; want %d", got, refused, at)
		}
	}
	if got, err := listCheckpoints(disk); err != nil || !slices.Equal(got, []log.Position{80, 72}) {
		t.Fatalf("kept %v, %v", got, err)
	}
	must(t, DropCheckpoints(disk, 79))
	if got, _ := load(t, disk); got != 72 {
		t.Fatalf("loaded %d after the log was cut at 79, want 72", got)
	}
}

// What the engine can't use, and what is not whole or not of this log, is passed over for the one before.
func TestABadCheckpointIsPassedOver(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, disk *memfs.FS, name string){
		"flipped bit": func(t *testing.T, d *memfs.FS, name string) { flip(t, d, name, 5000) },
		"bad trailer": func(t *testing.T, d *memfs.FS, name string) { flip(t, d, name, int64(len(contents(t, d)[name]))-4090) },
		"cut off":     func(t *testing.T, d *memfs.FS, name string) { truncate(t, d, name, pageSize) },
		"empty":       func(t *testing.T, d *memfs.FS, name string) { truncate(t, d, name, 0) },
		"odd length":  func(t *testing.T, d *memfs.FS, name string) { truncate(t, d, name, 4097) },
		"other's name": func(t *testing.T, d *memfs.FS, name string) {
			must(t, d.Rename(Checkpoint{At: 8}.name(), name))
			save(t, d, 8)
		},
		"other log": func(t *testing.T, d *memfs.FS, name string) {
			must(t, Checkpoint{At: 16, Log: 1}.Save(d, func(io.Writer) error { return nil }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk := memfs.New()
			save(t, disk, 8)
			save(t, disk, 16)
			spoil(t, disk, Checkpoint{At: 16}.name())
			if at, refused := load(t, disk); at != 8 || len(refused) != 1 {
				t.Fatalf("loaded %d, refused %v; want the one at 8", at, refused)
			}
		})
	}
	disk := memfs.New()
	save(t, disk, 8)
	save(t, disk, 16)
	picky := errors.New("behind the log's end")
	at, refused := LoadCheckpoint(disk, thisLog, func(at log.Position, _ io.Reader) error {
		if at > 10 {
			return picky
		}
		return nil
	})
	if at != 8 || len(refused) != 1 || !errors.Is(refused[0], picky) {
		t.Fatalf("loaded %d, refused %v", at, refused)
	}
}

func flip(t testing.TB, disk *memfs.FS, name string, off int64) {
	t.Helper()
	must(t, disk.Damage(name, off, 1, func(b []byte) { b[0] ^= 4 }))
}

func truncate(t testing.TB, disk *memfs.FS, name string, size int64) {
	t.Helper()
	f, err := disk.Open(name)
	must(t, err)
	must(t, errors.Join(f.Truncate(size), f.Close()))
}

// Power fails at every file call of a save, in many ways: the state before or the new one is there, never a mixture.
func TestPowerLossLeavesTheOldCheckpointOrTheNew(t *testing.T) {
	seen := map[log.Position]int{}
	for seed := range uint64(400) {
		disk := memfs.New()
		save(t, disk, 8)
		save(t, disk, 16)
		files, crash := crashAt(disk, 1+int(seed%9), seed)
		save(t, files, 24)
		at, _ := load(t, crash())
		if at != 16 && at != 24 {
			t.Fatalf("seed %d: loaded %d", seed, at)
		}
		seen[at]++
	}
	if seen[16] < 50 || seen[24] < 50 {
		t.Fatalf("loaded %v: the crashes do not hit both sides", seen)
	}
}

// A save that fails leaves what was there before, and takes no room.
func TestASaveThatFailsLeavesTheOneBefore(t *testing.T) {
	disk := memfs.New()
	save(t, disk, 8)
	files := disk.Files()
	broken := errors.New("state is busy")
	if err := (Checkpoint{At: 16, Log: thisLog}).Save(disk, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("save: %v", err)
	}
	disk.SetCapacity(20 << 10)
	err := Checkpoint{At: 16, Log: thisLog}.Save(disk, func(w io.Writer) error {
		_, err := w.Write(make([]byte, 1<<20))
		return err
	})
	if !fsys.IsNoSpace(err) {
		t.Fatalf("save on a full disk: %v", err)
	}
	if got := disk.Files(); !slices.Equal(got, files) {
		t.Fatalf("files %v, want %v", got, files)
	}
	if at, refused := load(t, disk); at != 8 || refused != nil {
		t.Fatalf("loaded %d, %v", at, refused)
	}
}

// Whatever stands in a checkpoint file, loading it neither fails otherwise nor reads past what is there.
func FuzzCheckpoint(f *testing.F) {
	disk := memfs.New()
	save(f, disk, 8)
	f.Add(contents(f, disk)[Checkpoint{At: 8}.name()])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		disk := memfs.New()
		must(t, fsys.Install(disk, Checkpoint{At: 8}.name(), raw))
		at, refused := LoadCheckpoint(disk, thisLog, func(_ log.Position, r io.Reader) error {
			n, err := io.Copy(io.Discard, r)
			if n > int64(len(raw)) {
				t.Fatalf("%d bytes of state from a file of %d", n, len(raw))
			}
			return err
		})
		if at != 8 && len(refused) != 1 {
			t.Fatalf("loaded %d, refused %v", at, refused)
		}
	})
}
