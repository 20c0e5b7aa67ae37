// SPDX-License-Identifier: Apache-2.0

package log

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/causeway-mq/causeway/internal/fsys"
)

// window reads a file front to back in large pieces.
type window struct {
	file fsys.File
	buf  []byte
	at   int64 // offset of buf[0]
	lean bool  // read no more than is asked for
}

const windowSize = 256 << 10

// peek returns n bytes at off, fewer at the end of the file; they stay valid until the next peek.
func (w *window) peek(off int64, n int) ([]byte, error) {
	if off >= w.at && off+int64(n) <= w.at+int64(len(w.buf)) {
		return w.buf[off-w.at:][:n], nil
	}
	want := n
	if !w.lean {
		want = max(n, windowSize)
	}
	if cap(w.buf) < want {
		w.buf = make([]byte, want)
	}
	got, err := w.file.ReadAt(w.buf[:want], off)
	if err != nil && !errors.Is(err, io.EOF) {
		w.buf = w.buf[:0]
		return nil, err
	}
	w.buf, w.at = w.buf[:got], off
	return w.buf[:min(n, got)], nil
}

// walker finds the frames of one segment.
type walker struct {
	window
	seed  uint32
	base  Position
	limit int64 // offset where frames end at the latest
}

func (l *Log) walker(s *segment, limit int64) *walker {
	return &walker{window: window{file: s.file}, seed: l.seed, base: s.base, limit: limit}
}

// frameAt returns the frame at off if there is a whole one, with its payload valid until the next call.
func (w *walker) frameAt(off int64) (f frame, payload []byte, ok bool, err error) {
	b, err := w.peek(off, frameHeader)
	if err != nil {
		return frame{}, nil, false, err
	}
	f, ok = parseHeader(b, w.base+Position(off))
	if !ok || off+f.size() > w.limit {
		return frame{}, nil, false, nil
	}
	if b, err = w.peek(off, frameHeader+f.payload); err != nil {
		return frame{}, nil, false, err
	}
	if len(b) < frameHeader+f.payload || !f.intact(b, w.seed) {
		return frame{}, nil, false, nil
	}
	return f, b[frameHeader:], true, nil
}

// search returns the offset of the first whole frame at or behind off, or limit if there is none. Blocks that were
// never written are passed over, and read as little as possible, lest the file system takes them for data.
func (w *walker) search(off int64) (int64, error) {
	if off >= w.limit {
		return w.limit, nil
	}
	ranges, err := fsys.DataRanges(w.file, off)
	if err != nil {
		return 0, err
	}
	w.lean = true
	defer func() { w.lean = false }()
	for _, r := range ranges {
		found, err := w.searchRange(r.From&^(frameAlign-1), min(r.To, w.limit))
		if err != nil || found >= 0 {
			return found, err
		}
	}
	return w.limit, nil
}

// searchRange looks for a frame that begins between off and end, and returns -1 if there is none. A frame names its
// own position, so comparing that alone rules nearly every place out.
func (w *walker) searchRange(off, end int64) (int64, error) {
	for off < end {
		b, err := w.peek(off, int(min(windowSize, end-off+frameHeader)))
		if err != nil {
			return 0, err
		}
		if len(b) < frameHeader {
			break
		}
		i, hit := 0, false
		for ; i+frameHeader <= len(b) && !hit; i += frameAlign {
			hit = Position(binary.LittleEndian.Uint64(b[i+8:])) == w.base+Position(off)+Position(i)
		}
		off += int64(i)
		if !hit {
			continue
		}
		if _, _, ok, err := w.frameAt(off - frameAlign); ok || err != nil {
			return off - frameAlign, err
		}
	}
	return -1, nil
}

// gap is a place where the frames of a segment do not join.
type gap struct {
	from, to int64 // no whole frame in between
	suspect  int64 // start of the frame before, if its successor does not know it; else from
	records  int   // records before the gap
	last     uint32
	reason   string
}

// trail is what a walk through a segment found.
type trail struct {
	records int
	end     int64  // behind the last whole frame
	last    uint32 // its crc
	closed  bool   // it is a mark that says that all before it was durable
	gaps    []gap
	synced  Position // the highest synced mark of any frame
}

// walk goes through all whole frames from offset from, also behind places that are broken. visit, which may be nil,
// sees each with its payload, which is valid during the call.
func (w *walker) walk(from int64, visit func(f frame, payload []byte) error) (trail, error) {
	t := trail{end: from}
	before, joined := from, false
	for off := from; off < w.limit; {
		f, payload, ok, err := w.frameAt(off)
		if err != nil {
			return t, err
		}
		if !ok || joined && f.prev != t.last {
			g := gap{from: off, suspect: off, records: t.records, last: t.last, reason: "checksum mismatch"}
			if ok {
				g.suspect, g.reason = before, "a record that does not follow the one before it"
			}
			if g.to, err = w.search(off + frameAlign); err != nil {
				return t, err
			}
			if g.to >= w.limit {
				return t, nil
			}
			t.gaps = append(t.gaps, g)
			off, joined = g.to, false
			continue
		}
		if visit != nil {
			if err := visit(f, payload); err != nil {
				return t, err
			}
		}
		if f.kind == kindData {
			t.records++
		}
		t.closed = f.kind == kindMark && f.synced == f.pos
		t.last, joined, before = f.crc, true, off
		t.synced = max(t.synced, f.synced)
		off += f.size()
		t.end = off
	}
	return t, nil
}
