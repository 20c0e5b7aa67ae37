// SPDX-License-Identifier: Apache-2.0

package faultfs

import "github.com/causeway-mq/causeway/internal/fsys"

type file struct {
	fs    *FS
	inner fsys.File
	name  string
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	hit, leave := f.fs.enter(Read, f.name, 0)
	defer leave()
	if hit != nil {
		return 0, hit.Err
	}
	return f.inner.ReadAt(p, off)
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	hit, leave := f.fs.enter(Write, f.name, int64(len(p)))
	defer leave()
	if hit != nil {
		if !hit.Short {
			return 0, hit.Err
		}
		n, err := f.inner.WriteAt(p[:len(p)/2], off)
		if err == nil {
			err = hit.Err
		}
		return n, err
	}
	return f.inner.WriteAt(p, off)
}

// Sync that is made to fail loses what was not synced, where the file system below can play that (memfs can).
func (f *file) Sync() error {
	hit, leave := f.fs.enter(Sync, f.name, 0)
	defer leave()
	if hit != nil {
		if lossy, ok := f.inner.(interface{ DropUnsynced() }); ok && hit.Err != ErrPowerOff {
			lossy.DropUnsynced()
		}
		return hit.Err
	}
	return f.inner.Sync()
}

func (f *file) Truncate(size int64) error {
	hit, leave := f.fs.enter(Truncate, f.name, 0)
	defer leave()
	if hit != nil {
		return hit.Err
	}
	return f.inner.Truncate(size)
}

func (f *file) Preallocate(size int64) error {
	hit, leave := f.fs.enter(Preallocate, f.name, size)
	defer leave()
	if hit != nil {
		return hit.Err
	}
	return f.inner.Preallocate(size)
}

func (f *file) Size() (int64, error) {
	hit, leave := f.fs.enter(Size, f.name, 0)
	defer leave()
	if hit != nil {
		return 0, hit.Err
	}
	return f.inner.Size()
}

// Close that is made to fail closes all the same, as the kernel does.
func (f *file) Close() error {
	hit, leave := f.fs.enter(Close, f.name, 0)
	defer leave()
	err := f.inner.Close()
	if hit != nil {
		return hit.Err
	}
	return err
}

// NextData is no call of the port and never fails by a rule.
func (f *file) NextData(off int64) (fsys.Range, error) {
	list, err := fsys.DataRanges(f.inner, off)
	if err != nil || len(list) == 0 {
		return fsys.Range{}, err
	}
	return list[0], nil
}

// Forget passes the hint on.
func (f *file) Forget(off int64) { fsys.Forget(f.inner, off) }
