// SPDX-License-Identifier: Apache-2.0

package fsys_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
)

// everyFS runs a case on each implementation: what a test sees in memory must be what a disk does.
func everyFS(t *testing.T, run func(t *testing.T, files fsys.FS)) {
	t.Run("os", func(t *testing.T) { run(t, fsys.OS(t.TempDir())) })
	t.Run("memory", func(t *testing.T) { run(t, memfs.New()) })
	t.Run("faulty without faults", func(t *testing.T) { run(t, faultfs.New(memfs.New())) })
	t.Run("below a directory", func(t *testing.T) {
		parent := memfs.New()
		must(t, parent.MkdirAll("a/b"))
		run(t, fsys.Sub(parent, "a/b"))
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesBehaveAlikeOnEveryFileSystem(t *testing.T) {
	everyFS(t, func(t *testing.T, files fsys.FS) {
		must(t, files.MkdirAll("d/e"))
		f, err := files.Create("d/e/f")
		must(t, err)
		must(t, f.Preallocate(10000))
		if _, err := f.WriteAt([]byte("hello"), 4094); err != nil {
			t.Fatal(err)
		}
		must(t, f.Sync())
		buf := make([]byte, 7)
		if _, err := f.ReadAt(buf, 4093); err != nil || string(buf) != "\x00hello\x00" {
			t.Fatalf("read %q, %v", buf, err)
		}
		if n, err := f.ReadAt(buf, 9998); n != 2 || !errors.Is(err, io.EOF) {
			t.Fatalf("read at the end: %d, %v", n, err)
		}
		must(t, f.Truncate(4096))
		must(t, f.Truncate(5000))
		if size, err := f.Size(); size != 5000 || err != nil {
			t.Fatalf("size %d, %v", size, err)
		}
		if _, err := f.ReadAt(buf, 4093); err != nil || string(buf) != "\x00he\x00\x00\x00\x00" {
			t.Fatalf("after truncate: %q, %v", buf, err)
		}
		must(t, f.Close())
		if _, err := f.ReadAt(buf, 0); !errors.Is(err, fs.ErrClosed) {
			t.Fatalf("read of a closed file: %v", err)
		}
		must(t, files.SyncDir("d/e"))
		must(t, files.Rename("d/e/f", "d/g"))
		list, err := files.List("d")
		if err != nil || len(list) != 2 || list[0] != (fsys.Entry{Name: "e", Dir: true}) || list[1] != (fsys.Entry{Name: "g", Size: 5000}) {
			t.Fatalf("list %+v, %v", list, err)
		}
		if err := files.Remove("d"); err == nil {
			t.Fatal("removed a directory that was not empty")
		}
		must(t, fsys.RemoveAll(files, "d"))
		must(t, fsys.RemoveAll(files, "d"))
		if _, err := files.Open("d/g"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("open of a removed file: %v", err)
		}
		if space, err := files.Space(); err != nil || space.Total == 0 || space.Free > space.Total {
			t.Fatalf("space %+v, %v", space, err)
		}
	})
}

func TestNamesOutsideTheRootAreRefused(t *testing.T) {
	everyFS(t, func(t *testing.T, files fsys.FS) {
		for _, name := range []string{"", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "x\x00y", `..\x`} {
			if _, err := files.Create(name); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("create %q: %v", name, err)
			}
			if err := files.Rename("x", name); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("rename to %q: %v", name, err)
			}
		}
	})
}

func TestInstallReplacesAFileWhole(t *testing.T) {
	everyFS(t, func(t *testing.T, files fsys.FS) {
		for _, text := range []string{"first, rather long", "second"} {
			must(t, fsys.Install(files, "f", []byte(text)))
			got, err := fsys.ReadFile(files, "f", 100)
			if err != nil || string(got) != text {
				t.Fatalf("%q, %v", got, err)
			}
		}
		if _, err := fsys.ReadFile(files, "f", 3); err == nil || !strings.Contains(err.Error(), "limit is 3") {
			t.Fatalf("read above the limit: %v", err)
		}
		if list, _ := files.List("."); len(list) != 1 {
			t.Fatalf("left behind: %+v", list)
		}
	})
}

func TestASecondLockIsRefusedUntilTheFirstEnds(t *testing.T) {
	everyFS(t, func(t *testing.T, files fsys.FS) {
		first, err := files.Lock("LOCK")
		must(t, err)
		var refused *fsys.LockedError
		if _, err := files.Lock("LOCK"); !errors.As(err, &refused) || !errors.Is(err, fsys.ErrLocked) || refused.Holder == "" {
			t.Fatalf("second lock: %v", err)
		}
		must(t, first.Close())
		second, err := files.Lock("LOCK")
		must(t, err)
		must(t, second.Close())
	})
}

// TestASecondProcessIsToldWhoHoldsTheLock starts this test binary again as the second process.
func TestASecondProcessIsToldWhoHoldsTheLock(t *testing.T) {
	const variable = "FSYS_TEST_LOCK_DIR"
	if dir := os.Getenv(variable); dir != "" {
		_, err := fsys.OS(dir).Lock("LOCK")
		os.Stdout.WriteString(err.Error())
		return
	}
	dir := t.TempDir()
	held, err := fsys.OS(dir).Lock("LOCK")
	must(t, err)
	defer held.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestASecondProcessIsToldWhoHoldsTheLock$")
	cmd.Env = append(os.Environ(), variable+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	who, err := os.ReadFile(dir + "/LOCK")
	must(t, err)
	if !bytes.Contains(out, bytes.TrimSpace(who)) || !bytes.Contains(who, []byte("process ")) {
		t.Fatalf("the second process said %q, the lock file %q", out, who)
	}
}

func TestHolesCanBePassedOverAndNothingElse(t *testing.T) {
	everyFS(t, func(t *testing.T, files fsys.FS) {
		f, err := files.Create("f")
		must(t, err)
		defer f.Close()
		must(t, f.Preallocate(1<<20))
		must(t, f.Sync())
		covers := func(from, off int64) bool {
			t.Helper()
			list, err := fsys.DataRanges(f, from)
			must(t, err)
			at := from
			for _, r := range list {
				if r.From < at || r.To <= r.From || r.To > 1<<20 {
					t.Fatalf("from %d: %v", from, list)
				}
				at = r.To
				if r.From <= off && off < r.To {
					return true
				}
			}
			return false
		}
		for range 2 { // before and after the sync
			if _, err := f.WriteAt([]byte("x"), 500_000); err != nil {
				t.Fatal(err)
			}
			for _, from := range []int64{0, 4096, 499_999, 500_000} {
				if !covers(from, 500_000) {
					t.Fatalf("data was passed over from %d", from)
				}
			}
			must(t, f.Sync())
		}
		if covers(500_001+4096, 500_000) || covers(2<<20, 500_000) {
			t.Fatal("a range lies before where it was asked for")
		}
	})
}
