// SPDX-License-Identifier: Apache-2.0

// Package memfs is a file system in memory that can lose power.
//
// It keeps what was written apart from what was synced: file content in blocks of 4 KiB, file sizes, and directory
// entries. [FS.Crash] returns the disk as a machine could find it after power loss: all that was synced, and each
// unsynced block, size and entry with a chance. A rename inside one directory survives as a whole or not at all, as
// on a journaling file system; everything else is decided one by one.
//
// All is deterministic: the same operations and the same seed give the same disk.
package memfs

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/causeway-mq/causeway/internal/fsys"
)

const (
	blockSize  = 4096
	sectorSize = 512
)

// FS is one disk. The zero value is not usable; see New.
type FS struct {
	mu       sync.Mutex // guards everything below and all nodes
	root     *dir
	locks    map[string]bool
	capacity uint64
	used     uint64
}

var _ fsys.FS = (*FS)(nil)

// New returns an empty disk that is never full.
func New() *FS {
	return &FS{root: newDir(), locks: map[string]bool{}, capacity: 1 << 50}
}

// SetCapacity sets the size of the volume in bytes. What is there already stays, also when it is more.
func (m *FS) SetCapacity(bytes uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes
}

// Space returns the room on the volume.
func (m *FS) Space() (fsys.Space, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fsys.Space{Free: m.capacity - min(m.used, m.capacity), Total: m.capacity}, nil
}

// node is what a directory entry points to: *dir or *inode.
type node interface{ crash(c *crash) node }

// dir holds its entries as they are and as they were when the directory was last synced.
type dir struct {
	now, synced map[string]node
	joined      map[string]string // names that a rename ties together, until the next sync; a union-find forest
}

func newDir() *dir {
	return &dir{now: map[string]node{}, synced: map[string]node{}, joined: map[string]string{}}
}

// leader finds the name that stands for all names tied to this one.
func (d *dir) leader(name string) string {
	for {
		up, ok := d.joined[name]
		if !ok {
			return name
		}
		name = up
	}
}

func (d *dir) tie(a, b string) {
	if a, b = d.leader(a), d.leader(b); a != b {
		d.joined[a] = b
	}
}

func notExist(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// dirLocked walks to a directory.
func (m *FS) dirLocked(op, name string) (*dir, error) {
	if err := fsys.CheckName(op, name); err != nil {
		return nil, err
	}
	d := m.root
	if name == "." {
		return d, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		next, ok := d.now[part].(*dir)
		if !ok {
			return nil, notExist(op, name)
		}
		d = next
	}
	return d, nil
}

// parentLocked returns the directory of name with the last part of it.
func (m *FS) parentLocked(op, name string) (*dir, string, error) {
	if err := fsys.CheckName(op, name); err != nil {
		return nil, "", err
	}
	d, err := m.dirLocked(op, path.Dir(name))
	return d, path.Base(name), err
}

// Create implements fsys.FS.
func (m *FS) Create(name string) (fsys.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parentLocked("create", name)
	if err != nil {
		return nil, err
	}
	switch n := d.now[base].(type) {
	case *dir:
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.EISDIR}
	case *inode:
		m.resizeLocked(n, 0)
		return m.handleLocked(n, name), nil
	}
	n := newInode()
	d.now[base] = n
	n.links++
	return m.handleLocked(n, name), nil
}

// Open implements fsys.FS.
func (m *FS) Open(name string) (fsys.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parentLocked("open", name)
	if err != nil {
		return nil, err
	}
	n, ok := d.now[base].(*inode)
	if !ok {
		return nil, notExist("open", name)
	}
	return m.handleLocked(n, name), nil
}

// List implements fsys.FS.
func (m *FS) List(name string) ([]fsys.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.dirLocked("list", name)
	if err != nil {
		return nil, err
	}
	entries := make([]fsys.Entry, 0, len(d.now))
	for _, name := range slices.Sorted(maps.Keys(d.now)) {
		e := fsys.Entry{Name: name}
		switch n := d.now[name].(type) {
		case *dir:
			e.Dir = true
		case *inode:
			e.Size = n.size
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Remove implements fsys.FS.
func (m *FS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parentLocked("remove", name)
	if err != nil {
		return err
	}
	n, ok := d.now[base]
	if !ok {
		return notExist("remove", name)
	}
	if sub, ok := n.(*dir); ok && len(sub.now) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	delete(d.now, base)
	m.unlinkLocked(n)
	return nil
}

// Rename implements fsys.FS.
func (m *FS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	fromDir, fromBase, err := m.parentLocked("rename", from)
	if err != nil {
		return err
	}
	toDir, toBase, err := m.parentLocked("rename", to)
	if err != nil {
		return err
	}
	n, ok := fromDir.now[fromBase]
	if !ok {
		return notExist("rename", from)
	}
	if _, ok := toDir.now[toBase].(*dir); ok {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	if old, ok := toDir.now[toBase]; ok && old != n {
		m.unlinkLocked(old)
	}
	delete(fromDir.now, fromBase)
	toDir.now[toBase] = n
	if fromDir == toDir {
		fromDir.tie(fromBase, toBase)
	}
	return nil
}

// MkdirAll implements fsys.FS.
func (m *FS) MkdirAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := fsys.CheckName("mkdir", name); err != nil || name == "." {
		return err
	}
	d := m.root
	for part := range strings.SplitSeq(name, "/") {
		switch n := d.now[part].(type) {
		case nil:
			made := newDir()
			d.now[part] = made
			d = made
		case *dir:
			d = n
		default:
			return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
		}
	}
	return nil
}

// SyncDir implements fsys.FS.
func (m *FS) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, err := m.dirLocked("syncdir", name)
	if err != nil {
		return err
	}
	d.synced = maps.Clone(d.now)
	clear(d.joined)
	return nil
}

// Lock implements fsys.FS. A crash frees the lock.
func (m *FS) Lock(name string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parentLocked("lock", name)
	if err != nil {
		return nil, err
	}
	if m.locks[name] {
		return nil, &fsys.LockedError{Name: name, Holder: "this process"}
	}
	if d.now[base] == nil {
		n := newInode()
		n.links++
		d.now[base] = n
	}
	m.locks[name] = true
	return &lock{fs: m, name: name}, nil
}

type lock struct {
	fs   *FS
	name string
	once sync.Once
}

func (l *lock) Close() error {
	l.once.Do(func() {
		l.fs.mu.Lock()
		defer l.fs.mu.Unlock()
		delete(l.fs.locks, l.name)
	})
	return nil
}

// Files returns the names of all files, sorted.
func (m *FS) Files() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	var walk func(d *dir, at string)
	walk = func(d *dir, at string) {
		for name, n := range d.now {
			full := path.Join(at, name)
			if sub, ok := n.(*dir); ok {
				walk(sub, full)
			} else {
				names = append(names, full)
			}
		}
	}
	walk(m.root, "")
	slices.Sort(names)
	return names
}

// Damage changes the bytes of a file from off on as if the disk had done it: it calls change with the current bytes,
// at most n, and stores what that leaves, synced and unsynced alike.
func (m *FS) Damage(name string, off int64, n int, change func(b []byte)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.parentLocked("damage", name)
	if err != nil {
		return err
	}
	node, ok := d.now[base].(*inode)
	if !ok || off < 0 || off >= node.size {
		return fmt.Errorf("damage %s at %d: %w", name, off, fs.ErrNotExist)
	}
	b := make([]byte, min(int64(n), node.size-off))
	node.read(b, off)
	change(b)
	for i := off / blockSize; i <= (off+int64(len(b))-1)/blockSize; i++ {
		same := node.now[i] == node.synced[i]
		node.write(i, off, b)
		if same {
			node.synced[i] = node.now[i]
		}
	}
	return nil
}
