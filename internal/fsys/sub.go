// SPDX-License-Identifier: Apache-2.0

package fsys

import (
	"io"
	"path"
)

// Sub returns the tree below dir as a file system of its own. The directory must exist before it is used.
func Sub(parent FS, dir string) FS { return sub{parent, dir} }

type sub struct {
	parent FS
	dir    string
}

func (s sub) in(op, name string) (string, error) {
	if err := CheckName(op, name); err != nil {
		return "", err
	}
	return path.Join(s.dir, name), nil
}

func (s sub) Create(name string) (File, error) {
	full, err := s.in("create", name)
	if err != nil {
		return nil, err
	}
	return s.parent.Create(full)
}

func (s sub) Open(name string) (File, error) {
	full, err := s.in("open", name)
	if err != nil {
		return nil, err
	}
	return s.parent.Open(full)
}

func (s sub) List(dir string) ([]Entry, error) {
	full, err := s.in("list", dir)
	if err != nil {
		return nil, err
	}
	return s.parent.List(full)
}

func (s sub) Remove(name string) error {
	full, err := s.in("remove", name)
	if err != nil {
		return err
	}
	return s.parent.Remove(full)
}

func (s sub) Rename(from, to string) error {
	fullFrom, err := s.in("rename", from)
	if err != nil {
		return err
	}
	fullTo, err := s.in("rename", to)
	if err != nil {
		return err
	}
	return s.parent.Rename(fullFrom, fullTo)
}

func (s sub) MkdirAll(dir string) error {
	full, err := s.in("mkdir", dir)
	if err != nil {
		return err
	}
	return s.parent.MkdirAll(full)
}

func (s sub) SyncDir(dir string) error {
	full, err := s.in("syncdir", dir)
	if err != nil {
		return err
	}
	return s.parent.SyncDir(full)
}

func (s sub) Lock(name string) (io.Closer, error) {
	full, err := s.in("lock", name)
	if err != nil {
		return nil, err
	}
	return s.parent.Lock(full)
}

func (s sub) Space() (Space, error) { return s.parent.Space() }
