// SPDX-License-Identifier: Apache-2.0

package memfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Crash returns the disk after power loss: everything synced, and each unsynced block, size and directory entry with
// chance p between 0 and 1. The disk itself is not touched and may be in use. Nobody holds a lock on the result.
func (m *FS) Crash(seed uint64, p float64) *FS { return m.crash(seed, p, false) }

// CrashTorn is Crash on a disk that writes sectors of 512 bytes: the chance is taken for each sector of an unsynced
// block, so a block can survive in part.
func (m *FS) CrashTorn(seed uint64, p float64) *FS { return m.crash(seed, p, true) }

// Clone returns the disk as it is, all of it synced and unlocked: a copy of the disk while the machine is up.
func (m *FS) Clone() *FS { return m.crash(0, 1, false) }

// Killed returns what a killed process leaves to the next one: everything that was written can be read and nobody
// holds a lock, but what was not synced is still not synced.
func (m *FS) Killed() *FS {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &kill{done: map[node]node{}}
	out := New()
	out.capacity = m.capacity
	out.root = c.dir(m.root)
	for _, n := range c.done {
		if f, ok := n.(*inode); ok && f.links > 0 {
			out.used += f.charged
		}
	}
	return out
}

// kill copies a disk with both of its sides.
type kill struct{ done map[node]node }

func (c *kill) of(n node) node {
	if made, ok := c.done[n]; ok {
		return made
	}
	var made node
	switch n := n.(type) {
	case *dir:
		made = c.dir(n)
	case *inode:
		made = n.copy()
	}
	c.done[n] = made
	return made
}

func (c *kill) dir(d *dir) *dir {
	out := newDir()
	for name, n := range d.now {
		out.now[name] = c.of(n)
		if f, ok := out.now[name].(*inode); ok {
			f.links++
		}
	}
	for name, n := range d.synced {
		out.synced[name] = c.of(n)
	}
	out.joined = maps.Clone(d.joined)
	return out
}

// copy shares clean blocks, which nobody changes in place, and copies the others.
func (n *inode) copy() *inode {
	out := newInode()
	out.synced = maps.Clone(n.synced)
	for i, b := range n.now {
		if b != n.synced[i] {
			b = copyOf(b)
		}
		out.now[i] = b
		if n.lost[i] != nil {
			out.lost[i] = b
		}
	}
	out.size, out.syncedSize, out.charged = n.size, n.syncedSize, n.charged
	return out
}

func (m *FS) crash(seed uint64, p float64, torn bool) *FS {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &crash{rng: rand.New(rand.NewPCG(seed, 0x5ca1ab1e)), p: p, torn: torn, done: map[node]node{}}
	out := New()
	out.capacity = m.capacity
	out.root = m.root.crash(c).(*dir)
	for _, n := range c.done {
		if f, ok := n.(*inode); ok {
			out.used += f.charged
		}
	}
	return out
}

// crash is one power loss. The order of its draws is fixed by names, never by maps.
type crash struct {
	rng  *rand.Rand
	p    float64
	torn bool
	done map[node]node // an inode with two names stays one
}

func (c *crash) keep() bool {
	switch {
	case c.p >= 1:
		return true
	case c.p <= 0:
		return false
	}
	return c.rng.Float64() < c.p
}

func (c *crash) of(n node) node {
	if made, ok := c.done[n]; ok {
		return made
	}
	made := n.crash(c)
	c.done[n] = made
	return made
}

func (d *dir) crash(c *crash) node {
	names := maps.Clone(d.now)
	maps.Copy(names, d.synced)
	out := newDir()
	fate := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := d.synced[name]
		if d.now[name] != n {
			lead := d.leader(name)
			kept, decided := fate[lead]
			if !decided {
				kept = c.keep()
				fate[lead] = kept
			}
			if kept {
				n = d.now[name]
			}
		}
		if n != nil {
			made := c.of(n)
			if f, ok := made.(*inode); ok {
				f.links++
			}
			out.now[name] = made
			out.synced[name] = made
		}
	}
	return out
}

func (n *inode) crash(c *crash) node {
	out := newInode()
	out.size = n.syncedSize
	if n.size != n.syncedSize && c.keep() {
		out.size = n.size
	}
	indexes := maps.Clone(n.now)
	maps.Copy(indexes, n.synced)
	for _, i := range slices.Sorted(maps.Keys(indexes)) {
		now, synced := n.now[i], n.synced[i]
		b := synced
		if now != synced && n.lost[i] == nil {
			b = c.mix(now, synced)
		}
		if b != nil && i*blockSize < out.size {
			out.now[i] = b
		}
	}
	if part := out.size % blockSize; part > 0 && out.now[out.size/blockSize] != nil {
		cut := *out.now[out.size/blockSize]
		clear(cut[part:])
		out.now[out.size/blockSize] = &cut
	}
	out.synced = maps.Clone(out.now)
	out.syncedSize = out.size
	out.charged = uint64(out.size+blockSize-1) &^ (blockSize - 1)
	return out
}

// mix decides what is left of an unsynced block.
func (c *crash) mix(now, synced *block) *block {
	if !c.torn {
		if c.keep() {
			return copyOf(now)
		}
		return synced
	}
	out := block{}
	if synced != nil {
		out = *synced
	}
	for at := 0; at < blockSize; at += sectorSize {
		if c.keep() {
			if now != nil {
				copy(out[at:at+sectorSize], now[at:])
			} else {
				clear(out[at : at+sectorSize])
			}
		}
	}
	return &out
}

// copyOf copies a block that its owner may still change in place.
func copyOf(b *block) *block {
	if b == nil {
		return nil
	}
	made := *b
	return &made
}
