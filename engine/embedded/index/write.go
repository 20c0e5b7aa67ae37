// SPDX-License-Identifier: Apache-2.0

package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/fsys"
)

// writeSidecar installs the sidecar of a segment, durably: after a crash it is there whole or not at all. m must not
// change any more.
func writeSidecar(files fsys.FS, info log.Segment, m *memory) error {
	name := sidecarName(info.Base)
	f, err := files.Create(name + tempSuffix)
	if err != nil {
		return fmt.Errorf("index: create %s: %w", name, err)
	}
	if err = errors.Join(m.write(f, info), f.Close()); err == nil {
		err = files.Rename(name+tempSuffix, name)
	}
	if err == nil {
		err = files.SyncDir(".")
	}
	if err != nil {
		// Gives the blocks back on a full disk; what stays is cut off by the next attempt or removed by Open.
		return errors.Join(fmt.Errorf("index: install %s: %w", name, err), ignoreMissing(files.Remove(name+tempSuffix)))
	}
	return nil
}

func (m *memory) write(f fsys.File, info log.Segment) error {
	queues, keys := m.queueNumbers(), m.keys.sorted()
	h := sidecarHeader{fanBits: fanBitsFor(len(keys)), oldest: m.oldest, newest: m.newest,
		keys: uint32(len(keys)), queues: uint32(len(queues))}
	for _, q := range queues {
		rs := m.queues[q].outline()
		h.runs += uint32(len(rs))
		for _, r := range rs {
			h.entries += r.count
		}
	}
	_, seed := bindingOf(info)
	w := newPageWriter(f, seed)
	e := encoder{w: w}
	e.bytes(h.encode(info))
	for _, q := range queues {
		e.entries(m.queues[q])
	}
	for _, k := range keys {
		e.uint64(k.hash)
		e.uint64(uint64(k.pos))
	}
	e.fan(keys, h.fanBits)
	for _, q := range queues {
		e.share(q, m.queues[q])
	}
	e.flush()
	if e.err != nil {
		return e.err
	}
	if err := w.finish(); err != nil {
		return err
	}
	return f.Sync()
}

// outline is the runs as they will stand in the sidecar: what two segments' worth of history cut in memory and what
// lies in order is one run there.
func (q *memQueue) outline() runs {
	var out runs
	for _, r := range q.runs {
		if n := len(out); n > 0 && out[n-1].end() == r.first && uint64(out[n-1].count)+uint64(r.count) <= math.MaxUint32 {
			out[n-1].count += r.count
			continue
		}
		out = append(out, r)
	}
	return out
}

// encoder collects small values for the page writer; the first error sticks.
type encoder struct {
	w   *pageWriter
	buf []byte
	err error
}

func (e *encoder) uint64(v uint64) { e.room(8); e.buf = binary.LittleEndian.AppendUint64(e.buf, v) }
func (e *encoder) uint32(v uint32) { e.room(4); e.buf = binary.LittleEndian.AppendUint32(e.buf, v) }
func (e *encoder) bytes(b []byte)  { e.room(len(b)); e.buf = append(e.buf, b...) }

func (e *encoder) room(n int) {
	if e.buf == nil {
		e.buf = make([]byte, 0, writeAhead)
	}
	if len(e.buf)+n > cap(e.buf) {
		e.flush()
	}
}

func (e *encoder) flush() {
	if e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
}

func (e *encoder) entries(q *memQueue) {
	for _, r := range q.runs {
		for _, it := range q.entries[r.at : r.at+r.count] {
			e.uint64(uint64(it.Position))
			e.uint64(uint64(it.Stored))
			e.uint32(it.Size)
			e.uint32(it.Tag)
		}
	}
}

func (e *encoder) fan(keys []keyEntry, fanBits uint32) {
	next := 0
	for b := uint64(0); b < 1<<fanBits; b++ {
		for next < len(keys) && keys[next].hash>>(64-fanBits) < b {
			next++
		}
		e.uint32(uint32(next))
	}
	e.uint32(uint32(len(keys)))
}

func (e *encoder) share(q Queue, m *memQueue) {
	oldest, newest := m.times()
	rs := m.outline()
	e.uint32(uint32(q))
	e.uint32(uint32(len(rs)))
	e.uint64(uint64(oldest))
	e.uint64(uint64(newest))
	for _, r := range rs {
		e.uint64(uint64(r.first))
		e.uint32(r.count)
	}
}

// times are the oldest and newest stored times of what counts.
func (q *memQueue) times() (oldest, newest int64) {
	oldest, newest = math.MaxInt64, math.MinInt64
	for _, r := range q.runs {
		for _, e := range q.entries[r.at : r.at+r.count] {
			oldest, newest = min(oldest, e.Stored), max(newest, e.Stored)
		}
	}
	return oldest, newest
}
