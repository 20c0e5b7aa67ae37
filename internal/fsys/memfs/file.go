// SPDX-License-Identifier: Apache-2.0

package memfs

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"syscall"

	"github.com/causeway-mq/causeway/internal/fsys"
)

type block [blockSize]byte

// inode holds a file's content as it is and as it was when the file was last synced. A block that is in both maps
// as one pointer is clean and never changed in place; a block that is in none reads zero.
type inode struct {
	now, synced      map[int64]*block
	lost             map[int64]*block // written, then dropped by a failed sync: reads see it, no later sync saves it
	size, syncedSize int64
	links, handles   int
	charged          uint64 // bytes of the volume that it takes
}

func newInode() *inode {
	return &inode{now: map[int64]*block{}, synced: map[int64]*block{}, lost: map[int64]*block{}}
}

func (n *inode) read(p []byte, off int64) {
	for len(p) > 0 {
		at := off % blockSize
		k := min(int64(len(p)), blockSize-at)
		if b := n.now[off/blockSize]; b != nil {
			copy(p[:k], b[at:])
		} else {
			clear(p[:k])
		}
		p, off = p[k:], off+k
	}
}

// write puts into block i what p, written at off, has for it.
func (n *inode) write(i, off int64, p []byte) {
	old := n.now[i]
	b := old
	if old == nil || old == n.synced[i] {
		b = new(block)
		if old != nil {
			*b = *old
		}
		n.now[i] = b
	}
	delete(n.lost, i)
	if start := i * blockSize; off >= start {
		copy(b[off-start:], p)
	} else {
		copy(b[:], p[start-off:])
	}
}

// resizeLocked sets the size and gives back or takes room on the volume, which the caller has checked.
func (m *FS) resizeLocked(n *inode, size int64) {
	if size < n.size {
		for i := range n.now {
			if i*blockSize >= size {
				delete(n.now, i)
				delete(n.lost, i)
			}
		}
		if part := size % blockSize; part > 0 && n.now[size/blockSize] != nil {
			n.write(size/blockSize, size, make([]byte, blockSize-part))
		}
	}
	n.size = size
	charge := uint64(size+blockSize-1) &^ (blockSize - 1)
	m.used = m.used - n.charged + charge
	n.charged = charge
}

func (m *FS) growLocked(n *inode, size int64) error {
	if size <= n.size {
		return nil
	}
	charge := uint64(size+blockSize-1) &^ (blockSize - 1)
	if charge > n.charged && m.used-n.charged+charge > m.capacity {
		return syscall.ENOSPC
	}
	m.resizeLocked(n, size)
	return nil
}

func (m *FS) unlinkLocked(n node) {
	if f, ok := n.(*inode); ok {
		f.links--
		m.releaseLocked(f)
	}
}

func (m *FS) releaseLocked(n *inode) {
	if n.links == 0 && n.handles == 0 {
		m.used -= n.charged
		n.charged = 0
	}
}

type file struct {
	fs     *FS
	node   *inode
	name   string
	closed bool // guarded by fs.mu
}

func (m *FS) handleLocked(n *inode, name string) *file {
	n.handles++
	return &file{fs: m, node: n, name: name}
}

// begin takes the lock of the file system; the returned function gives it back.
func (f *file) begin(op string) (func(), error) {
	f.fs.mu.Lock()
	if f.closed {
		f.fs.mu.Unlock()
		return nil, f.fail(op, fs.ErrClosed)
	}
	return f.fs.mu.Unlock, nil
}

func (f *file) fail(op string, err error) error { return &fs.PathError{Op: op, Path: f.name, Err: err} }

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	end, err := f.begin("read")
	if err != nil {
		return 0, err
	}
	defer end()
	if off < 0 {
		return 0, f.fail("read", fs.ErrInvalid)
	}
	n := max(0, min(int64(len(p)), f.node.size-off))
	f.node.read(p[:n], off)
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	end, err := f.begin("write")
	if err != nil {
		return 0, err
	}
	defer end()
	if off < 0 {
		return 0, f.fail("write", fs.ErrInvalid)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := f.fs.growLocked(f.node, off+int64(len(p))); err != nil {
		return 0, f.fail("write", err)
	}
	for i := off / blockSize; i <= (off+int64(len(p))-1)/blockSize; i++ {
		f.node.write(i, off, p)
	}
	return len(p), nil
}

func (f *file) Sync() error {
	end, err := f.begin("sync")
	if err != nil {
		return err
	}
	defer end()
	n := f.node
	saved := maps.Clone(n.now)
	for i := range n.lost {
		if old := n.synced[i]; old != nil {
			saved[i] = old
		} else {
			delete(saved, i)
		}
	}
	n.synced, n.syncedSize = saved, n.size
	return nil
}

// DropUnsynced makes the file behave as after a failed fdatasync on Linux: what was not synced stays readable and
// counts as clean, but no later Sync writes it, unless it is written again.
func (f *file) DropUnsynced() {
	end, err := f.begin("sync")
	if err != nil {
		return
	}
	defer end()
	for i, b := range f.node.now {
		if f.node.synced[i] != b {
			f.node.lost[i] = b
		}
	}
}

func (f *file) Truncate(size int64) error {
	end, err := f.begin("truncate")
	if err != nil {
		return err
	}
	defer end()
	if size < 0 {
		return f.fail("truncate", fs.ErrInvalid)
	}
	if err := f.fs.growLocked(f.node, size); err != nil {
		return f.fail("truncate", err)
	}
	f.fs.resizeLocked(f.node, size)
	return nil
}

func (f *file) Preallocate(size int64) error {
	end, err := f.begin("preallocate")
	if err != nil {
		return err
	}
	defer end()
	if err := f.fs.growLocked(f.node, size); err != nil {
		return f.fail("preallocate", err)
	}
	return nil
}

func (f *file) Size() (int64, error) {
	end, err := f.begin("size")
	if err != nil {
		return 0, err
	}
	defer end()
	return f.node.size, nil
}

func (f *file) Close() error {
	end, err := f.begin("close")
	if err != nil {
		return err
	}
	defer end()
	f.closed = true
	f.node.handles--
	f.fs.releaseLocked(f.node)
	return nil
}

// NextData implements fsys.Sparse.
func (f *file) NextData(off int64) (fsys.Range, error) {
	end, err := f.begin("seek")
	if err != nil {
		return fsys.Range{}, err
	}
	defer end()
	size := f.node.size
	for ; off < size; off = (off/blockSize + 1) * blockSize {
		if f.node.now[off/blockSize] != nil {
			return fsys.Range{From: off, To: min(size, (off/blockSize+1)*blockSize)}, nil
		}
	}
	return fsys.Range{From: size, To: size}, nil
}

// Forget does nothing: there is no cache.
func (f *file) Forget(int64) {}

var _ fsys.File = (*file)(nil)
var _ fsys.Sparse = (*file)(nil)

// String names the file in test output.
func (f *file) String() string { return fmt.Sprintf("memfs:%s", f.name) }
