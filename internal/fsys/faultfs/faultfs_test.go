// SPDX-License-Identifier: Apache-2.0

package faultfs_test

import (
	"errors"
	"sync"
	"syscall"
	"testing"

	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestARuleFailsTheCallItNames(t *testing.T) {
	f := faultfs.New(memfs.New())
	f.Inject(faultfs.Rule{Ops: []faultfs.Op{faultfs.Write}, Pattern: "*.log", First: 2, Err: syscall.EIO, Short: true})
	a, err := f.Create("a.log")
	must(t, err)
	b, err := f.Create("b.txt")
	must(t, err)
	for _, file := range []fsys.File{a, b, b} {
		_, err := file.WriteAt([]byte("1234"), 0)
		must(t, err)
	}
	n, err := a.WriteAt([]byte("abcd"), 0)
	if n != 2 || !errors.Is(err, syscall.EIO) {
		t.Fatalf("short write: %d, %v", n, err)
	}
	_, err = a.WriteAt([]byte("."), 3)
	must(t, err)
	got, err := fsys.ReadFile(f, "a.log", 10)
	if err != nil || string(got) != "ab3." {
		t.Fatalf("%q, %v", got, err)
	}
	if f.Hits() != 1 || f.Calls() < 10 {
		t.Fatalf("%d hits of %d calls", f.Hits(), f.Calls())
	}
}

func TestTheBudgetEndsInNoSpace(t *testing.T) {
	f := faultfs.New(memfs.New())
	f.SetBudget(5)
	a, err := f.Create("a")
	must(t, err)
	_, err = a.WriteAt([]byte("1234"), 0)
	must(t, err)
	if _, err = a.WriteAt([]byte("56"), 4); !fsys.IsNoSpace(err) {
		t.Fatalf("over the budget: %v", err)
	}
	f.Heal()
	_, err = a.WriteAt([]byte("56"), 4)
	must(t, err)
}

func TestEveryCallCanBeMadeToFail(t *testing.T) {
	work := func(files fsys.FS) error {
		if err := files.MkdirAll("d"); err != nil {
			return err
		}
		lock, err := files.Lock("d/LOCK")
		if err != nil {
			return err
		}
		err = fsys.Install(files, "d/f", []byte("text"))
		if err == nil {
			_, err = fsys.ReadFile(files, "d/f", 10)
		}
		if err == nil {
			_, err = files.Space()
		}
		if err == nil {
			err = fsys.RemoveAll(files, "d/f")
		}
		return errors.Join(err, lock.Close())
	}
	clean := faultfs.New(memfs.New())
	must(t, work(clean))
	for n := 1; n <= clean.Calls(); n++ {
		f := faultfs.New(memfs.New())
		last := faultfs.Call{}
		f.SetHook(func(c faultfs.Call) {
			if c.N == n {
				last = c
			}
		})
		f.Inject(faultfs.Rule{First: n, Err: syscall.EIO})
		err := work(f)
		closedAfterRead := last.Op == faultfs.Close || last.Op == faultfs.List
		if !errors.Is(err, syscall.EIO) && !closedAfterRead {
			t.Errorf("call %d (%s %s) failed and nobody noticed: %v", n, last.Op, last.Name, err)
		}
	}
}

func TestThePowerGoesBetweenWhatIsDoneAndWhatNeverWillBe(t *testing.T) {
	disk := memfs.New()
	f := faultfs.New(disk)
	a, err := f.Create("a")
	must(t, err)
	must(t, f.SyncDir("."))
	var after *memfs.FS
	f.CutPower(40, func() { after = disk.Crash(1, 0) })
	var wg sync.WaitGroup
	done := make([]int, 4) // blocks that each writer was told are on disk
	for w := range done {
		wg.Go(func() {
			for n := 0; ; n++ {
				_, err := a.WriteAt([]byte{byte(n + 1)}, int64(w)<<20+int64(n)*4096)
				if err == nil {
					err = a.Sync()
				}
				if err != nil {
					if !errors.Is(err, faultfs.ErrPowerOff) {
						t.Error(err)
					}
					return
				}
				done[w] = n + 1
			}
		})
	}
	wg.Wait()
	b, err := after.Open("a")
	must(t, err)
	for w, count := range done {
		for n := range count {
			var got [1]byte
			if _, err := b.ReadAt(got[:], int64(w)<<20+int64(n)*4096); err != nil || got[0] != byte(n+1) {
				t.Fatalf("writer %d was told that block %d is on disk: %v", w, n, err)
			}
		}
	}
}
