// SPDX-License-Identifier: Apache-2.0

package timer

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/causeway-mq/causeway/engine/embedded/log"
)

const (
	snapshotVersion = 1
	headerLen       = 16 // version, zero, number of entries
	entryLen        = 24
	chunkEntries    = 512
)

// Snapshot writes all entries in order. Equal queues write equal bytes.
func (q *Queue) Snapshot(w io.Writer) error {
	buf := make([]byte, 0, chunkEntries*entryLen)
	buf = binary.LittleEndian.AppendUint64(buf, snapshotVersion)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(q.n))
	var err error
	q.Each(func(e Entry) bool {
		if len(buf)+entryLen > cap(buf) {
			_, err = w.Write(buf)
			buf = buf[:0]
		}
		buf = binary.LittleEndian.AppendUint64(buf, uint64(e.Due))
		buf = binary.LittleEndian.AppendUint64(buf, uint64(e.ID))
		buf = binary.LittleEndian.AppendUint64(buf, uint64(e.At))
		return err == nil
	})
	if err == nil {
		_, err = w.Write(buf)
	}
	if err != nil {
		return fmt.Errorf("timer snapshot: %w", err)
	}
	return nil
}

// Restore reads exactly what Snapshot wrote and returns a new queue. Memory grows with the bytes that are really
// there, never with a number that the header claims.
func Restore(r io.Reader) (*Queue, error) {
	var header [headerLen]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, fmt.Errorf("timer snapshot: header: %w", noEOF(err))
	}
	if v := binary.LittleEndian.Uint64(header[:]); v != snapshotVersion {
		return nil, fmt.Errorf("timer snapshot: version %d, this program reads %d", v, snapshotVersion)
	}
	left := binary.LittleEndian.Uint64(header[8:])
	q := &Queue{}
	chunk := make([]byte, chunkEntries*entryLen)
	var last Entry
	for left > 0 {
		part := chunk[:min(left, chunkEntries)*entryLen]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, fmt.Errorf("timer snapshot: entry %d: %w", q.n, noEOF(err))
		}
		for ; len(part) > 0; part = part[entryLen:] {
			e := Entry{
				Due: int64(binary.LittleEndian.Uint64(part)),
				ID:  log.Position(binary.LittleEndian.Uint64(part[8:])),
				At:  log.Position(binary.LittleEndian.Uint64(part[16:])),
			}
			if q.n > 0 && !last.before(e.Due, e.ID) {
				return nil, fmt.Errorf("timer snapshot: entry %d is out of order", q.n)
			}
			q.Add(e)
			last = e
			left--
		}
	}
	return q, nil
}

// noEOF names an end that comes too early as what it is.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
