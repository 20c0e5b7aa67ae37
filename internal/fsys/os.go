// SPDX-License-Identifier: Apache-2.0

package fsys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// OS returns the directory root of this machine's disk; it must exist before the file system is used. Files are
// made readable for their owner only.
func OS(root string) FS { return osFS{root} }

type osFS struct{ root string }

type osFile struct{ f *os.File }

const (
	filePerm = 0o600
	dirPerm  = 0o700
)

func (o osFS) path(op, name string) (string, error) {
	if err := CheckName(op, name); err != nil {
		return "", err
	}
	return filepath.Join(o.root, filepath.FromSlash(name)), nil
}

func (o osFS) open(op, name string, flags int) (File, error) {
	p, err := o.path(op, name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(p, flags, filePerm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (o osFS) Create(name string) (File, error) {
	return o.open("create", name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (o osFS) Open(name string) (File, error) { return o.open("open", name, os.O_RDWR) }

func (o osFS) List(dir string) ([]Entry, error) {
	p, err := o.path("list", dir)
	if err != nil {
		return nil, err
	}
	list, err := os.ReadDir(p)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(list))
	for _, d := range list {
		e := Entry{Name: d.Name(), Dir: d.IsDir()}
		if !e.Dir {
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed since the directory was read
			}
			if err != nil {
				return nil, err
			}
			e.Size = info.Size()
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (o osFS) Remove(name string) error {
	p, err := o.path("remove", name)
	if err != nil {
		return err
	}
	return os.Remove(p)
}

func (o osFS) Rename(from, to string) error {
	pf, err := o.path("rename", from)
	if err != nil {
		return err
	}
	pt, err := o.path("rename", to)
	if err != nil {
		return err
	}
	return os.Rename(pf, pt)
}

func (o osFS) MkdirAll(dir string) error {
	p, err := o.path("mkdir", dir)
	if err != nil {
		return err
	}
	return os.MkdirAll(p, dirPerm)
}

func (o osFS) SyncDir(dir string) error {
	p, err := o.path("syncdir", dir)
	if err != nil {
		return err
	}
	d, err := os.Open(p)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (o osFS) Space() (Space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(o.root, &st); err != nil {
		return Space{}, &fs.PathError{Op: "statfs", Path: o.root, Err: err}
	}
	block := uint64(st.Bsize)
	return Space{Free: uint64(st.Bavail) * block, Total: uint64(st.Blocks) * block}, nil
}

// Lock uses flock, which the kernel gives back when the process dies however it dies; the text in the file only
// names the holder and is never trusted to decide anything.
func (o osFS) Lock(name string) (io.Closer, error) {
	p, err := o.path("lock", name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(p, os.O_RDWR|os.O_CREATE, filePerm)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &fs.PathError{Op: "lock", Path: p, Err: err}
		}
		text, _ := io.ReadAll(io.LimitReader(f, 256)) // a name for the message; "" is answered as unknown
		return nil, &LockedError{Name: p, Holder: strings.TrimSpace(string(text))}
	}
	holder := fmt.Sprintf("process %d (%s)\n", os.Getpid(), filepath.Base(os.Args[0]))
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(holder), 0)
	}
	if err != nil && !IsNoSpace(err) { // on a full volume the lock must still be had; it then names nobody
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (o osFile) ReadAt(p []byte, off int64) (int, error)  { return o.f.ReadAt(p, off) }
func (o osFile) WriteAt(p []byte, off int64) (int, error) { return o.f.WriteAt(p, off) }
func (o osFile) Truncate(size int64) error                { return o.f.Truncate(size) }
func (o osFile) Close() error                             { return o.f.Close() }

func (o osFile) Size() (int64, error) {
	info, err := o.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// extend makes the file at least size bytes long.
func (o osFile) extend(size int64) error {
	have, err := o.Size()
	if err != nil || have >= size {
		return err
	}
	return o.f.Truncate(size)
}

// control runs a system call on the descriptor without taking the file out of the runtime's care, again when a
// signal interrupts it.
func (o osFile) control(op string, call func(fd int) error) error {
	raw, err := o.f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	err = raw.Control(func(fd uintptr) {
		for {
			callErr = call(int(fd))
			if !errors.Is(callErr, unix.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if callErr != nil {
		return &fs.PathError{Op: op, Path: o.f.Name(), Err: callErr}
	}
	return nil
}
