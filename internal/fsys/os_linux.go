// SPDX-License-Identifier: Apache-2.0

package fsys

import (
	"errors"

	"golang.org/x/sys/unix"
)

func (o osFile) Sync() error { return o.control("fdatasync", unix.Fdatasync) }

// Preallocate falls back to a longer sparse file where the file system has no fallocate: space is then not
// promised, and a full volume shows up as a failed write.
func (o osFile) Preallocate(size int64) error {
	if size <= 0 {
		return nil
	}
	err := o.control("fallocate", func(fd int) error { return unix.Fallocate(fd, 0, 0, size) })
	if !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	return o.extend(size)
}

// NextData implements Sparse where the file system knows its holes. It moves the descriptor's offset, which nothing
// here reads by.
func (o osFile) NextData(off int64) (Range, error) {
	size, err := o.Size()
	if err != nil || off >= size {
		return Range{size, size}, err
	}
	var r Range
	err = o.control("seek", func(fd int) error {
		var err error
		if r.From, err = unix.Seek(fd, off, unix.SEEK_DATA); err == nil {
			r.To, err = unix.Seek(fd, r.From, unix.SEEK_HOLE)
		}
		return err
	})
	switch {
	case errors.Is(err, unix.ENXIO):
		return Range{size, size}, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return Range{off, size}, nil
	case err != nil:
		return Range{}, err
	}
	return r, nil
}

// Forget implements Sparse.
func (o osFile) Forget(off int64) {
	_ = o.control("fadvise", func(fd int) error { return unix.Fadvise(fd, off, 0, unix.FADV_DONTNEED) }) // only a hint
}
