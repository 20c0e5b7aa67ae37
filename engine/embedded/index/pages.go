// SPDX-License-Identifier: Apache-2.0

package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/causeway-mq/causeway/internal/fsys"
)

// A file of pages carries a stream of bytes in pages of 4 KiB, each ended by a CRC-32C over the page's bytes, its
// number and what the file is bound to. So a page is judged alone whenever it is read: a flipped bit, a torn write, a
// page at the wrong place and a page of another file all show, and opening need not read the whole file.
const (
	pageSize = 4096
	pageRoom = pageSize - 4 // bytes of the stream in one page

	writeAhead = 16 * pageSize
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errPage means that a page is not what was written there.
var errPage = errors.New("checksum mismatch")

// pagesFor is the size of a file that carries n bytes.
func pagesFor(n int64) int64 { return (n + pageRoom - 1) / pageRoom * pageSize }

func pageSum(seed uint32, number int64, room []byte) uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(number))
	return crc32.Update(crc32.Update(seed, castagnoli, b[:]), castagnoli, room)
}

// pageWriter writes a stream from the start of an empty file.
type pageWriter struct {
	file fsys.File
	seed uint32
	buf  []byte // whole pages with their sums, then the start of the next
	off  int64  // where buf goes
}

func newPageWriter(f fsys.File, seed uint32) *pageWriter {
	return &pageWriter{file: f, seed: seed, buf: make([]byte, 0, writeAhead)}
}

func (w *pageWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		room := pageRoom - len(w.buf)%pageSize
		part := p[:min(room, len(p))]
		w.buf = append(w.buf, part...)
		p = p[len(part):]
		if len(part) == room {
			if err := w.endPage(); err != nil {
				return n - len(p), err
			}
		}
	}
	return n, nil
}

// endPage sums the full page at the end of buf and writes when buf is full.
func (w *pageWriter) endPage() error {
	start := len(w.buf) - pageRoom
	number := (w.off + int64(start)) / pageSize
	w.buf = binary.LittleEndian.AppendUint32(w.buf, pageSum(w.seed, number, w.buf[start:]))
	if len(w.buf) == cap(w.buf) {
		return w.flush()
	}
	return nil
}

func (w *pageWriter) flush() error {
	if _, err := w.file.WriteAt(w.buf, w.off); err != nil {
		return err
	}
	w.off += int64(len(w.buf))
	w.buf = w.buf[:0]
	return nil
}

// finish fills the last page with zeros and writes what is left.
func (w *pageWriter) finish() error {
	if rest := len(w.buf) % pageSize; rest > 0 {
		if _, err := w.Write(make([]byte, pageRoom-rest)); err != nil {
			return err
		}
	}
	if len(w.buf) == 0 {
		return nil
	}
	return w.flush()
}

// pages is a file of pages to read from.
type pages struct {
	file fsys.File
	seed uint32
}

// read fills dst from offset off of the stream, by way of raw, which grows as needed. An error that matches errPage or
// io.ErrUnexpectedEOF means that the file is not what was written; any other is the disk's.
func (p pages) read(dst []byte, off int64, raw *[]byte) error {
	if len(dst) == 0 {
		return nil
	}
	first := off / pageRoom
	last := (off + int64(len(dst)) - 1) / pageRoom
	size := int((last - first + 1) * pageSize)
	*raw = slices.Grow((*raw)[:0], size)[:size]
	if n, err := p.file.ReadAt(*raw, first*pageSize); n < size {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	skip := off % pageRoom
	for number := first; number <= last; number++ {
		page := (*raw)[(number-first)*pageSize:][:pageSize]
		if pageSum(p.seed, number, page[:pageRoom]) != binary.LittleEndian.Uint32(page[pageRoom:]) {
			return fmt.Errorf("page %d: %w", number, errPage)
		}
		dst = dst[copy(dst, page[skip:pageRoom]):]
		skip = 0
	}
	return nil
}

// pageStream reads a stream from off to end in order, a stretch of pages at a time.
type pageStream struct {
	pages
	off, end int64
	buf      []byte // read and verified
	raw      []byte
	space    [pageRoom * 4]byte
}

func (r *pageStream) Read(p []byte) (int, error) {
	if len(r.buf) == 0 {
		if r.off >= r.end {
			return 0, io.EOF
		}
		// Stop at a page's end, so that no page is read twice.
		n := min(int64(len(r.space))-r.off%pageRoom, r.end-r.off)
		if err := r.pages.read(r.space[:n], r.off, &r.raw); err != nil {
			return 0, err
		}
		r.buf = r.space[:n]
		r.off += n
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}
