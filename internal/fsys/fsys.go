// SPDX-License-Identifier: Apache-2.0

// Package fsys is the port through which the embedded engine touches a disk.
//
// The port is small, speaks of durability in the words that matter for it (sync of a file, sync of a directory,
// preallocation, lock, free space), and has three implementations: [OS] for a real disk, memfs for power loss in
// memory, and decorators (faultfs, stall) that wrap either.
//
// Names are slash-separated, relative to the root of the file system, and valid by [io/fs.ValidPath]; "." is the
// root itself. A name outside the root can't be expressed. Errors match the sentinels of io/fs (ErrNotExist,
// ErrExist, ErrClosed) and, for a full volume, [IsNoSpace].
package fsys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// FS is one directory tree on one volume. Every method is safe for concurrent use and blocks for as long as the
// disk takes.
type FS interface {
	// Create makes a file and opens it for reading and writing. A file of that name is cut to zero length first.
	// The entry is durable after the next SyncDir of its directory.
	Create(name string) (File, error)
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	// List returns the entries of a directory, sorted by name.
	List(dir string) ([]Entry, error)
	// Remove deletes a file or an empty directory; durable after SyncDir.
	Remove(name string) error
	// Rename moves a file, replacing a file of the new name at once; durable after SyncDir of both directories.
	Rename(from, to string) error
	// MkdirAll makes a directory with its parents. The new entries are durable after SyncDir of their parents.
	MkdirAll(dir string) error
	// SyncDir makes the entries of a directory durable. As with File.Sync, a failure is final.
	SyncDir(dir string) error
	// Lock takes an exclusive lock that ends with Close or with the process, and writes the holder into the file.
	// When somebody else holds it, the error is a [*LockedError], which matches [ErrLocked].
	Lock(name string) (io.Closer, error)
	// Space returns how full the volume is.
	Space() (Space, error)
}

// File is one open file. ReadAt, WriteAt, Sync and Close are safe for concurrent use.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes written bytes, and the size that is needed to read them, durable (fdatasync). After a failed Sync
	// nobody knows what is on disk; a second call that succeeds proves nothing.
	Sync() error
	// Truncate sets the size in bytes; a longer file reads zero in the new part.
	Truncate(size int64) error
	// Preallocate reserves blocks up to size and makes the file at least that long; unwritten parts read zero, and
	// a later write inside them does not fail for want of space.
	Preallocate(size int64) error
	// Size returns the size in bytes.
	Size() (int64, error)
}

// Entry is one entry of a directory.
type Entry struct {
	Name string // without its directory
	Dir  bool
	Size int64 // bytes; 0 for a directory
}

// Space is the room on a volume in bytes. Free is what this process may still use.
type Space struct {
	Free, Total uint64
}

// ErrLocked is matched by every refusal to lock what somebody else holds.
var ErrLocked = errors.New("locked")

// LockedError says who holds a lock.
type LockedError struct {
	Name   string // the lock file
	Holder string // what the holder wrote about itself, "" if unreadable
}

// Error names the lock file with its holder.
func (e *LockedError) Error() string {
	holder := e.Holder
	if holder == "" {
		holder = "an unknown process"
	}
	return fmt.Sprintf("%s: locked by %s", e.Name, holder)
}

// Is makes the error match ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// ErrTooLong is matched by the refusal to read a file that is longer than whoever reads it allows.
var ErrTooLong = errors.New("too long")

type tooLong struct {
	name        string
	size, limit int64 // bytes
}

func (e *tooLong) Error() string {
	return fmt.Sprintf("read %s: %d bytes, the limit is %d", e.name, e.size, e.limit)
}

func (e *tooLong) Is(target error) bool { return target == ErrTooLong }

// IsNoSpace reports whether err means a full volume or an exhausted quota.
func IsNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// CheckName returns an error matching fs.ErrInvalid unless name is a valid name of this port.
func CheckName(op, name string) error {
	if fs.ValidPath(name) && !strings.ContainsAny(name, "\x00\\") {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
}

// ReadFile returns the whole content of a file of at most limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, &tooLong{name, size, limit}
	}
	data := make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if err != nil && !(errors.Is(err, io.EOF) && int64(n) == size) {
		return nil, err
	}
	return data, nil
}

// Install puts data under name so that after a crash either the old or the new content is there, whole, and is
// durable when Install returns: written beside as name + ".tmp", synced, renamed, directory synced.
func Install(fsys FS, name string, data []byte) error {
	tmp := name + ".tmp"
	if err := writeSynced(fsys, tmp, data); err != nil {
		return fmt.Errorf("install %s: %w", name, err)
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return fmt.Errorf("install %s: %w", name, err)
	}
	if err := fsys.SyncDir(path.Dir(name)); err != nil {
		return fmt.Errorf("install %s: %w", name, err)
	}
	return nil
}

func writeSynced(fsys FS, name string, data []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(data, 0); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// RemoveAll deletes name and all below it; a name that is not there is no error. Durable after SyncDir of the parent.
func RemoveAll(fsys FS, name string) error {
	entries, err := fsys.List(name)
	if err == nil {
		for _, e := range entries {
			child := path.Join(name, e.Name)
			if e.Dir {
				err = RemoveAll(fsys, child)
			} else {
				err = fsys.Remove(child)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	if err = fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
