// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/mq"
)

// A snapshot is version and number of halves (uint32, uint64), then each half in order of ID: id, at, born, next
// (int64), round (uint32), length of the topic's name (uint8), the name. All little endian.
const (
	snapshotVersion = 1
	snapshotHeader  = 12
	fixedLen        = 4*8 + 4 + 1
	maxRound        = 1 << 30
	flushAbove      = 16 << 10
)

// Snapshot writes all live halves. Equal tables write equal bytes; the policy is not part of it.
func (t *Table) Snapshot(w io.Writer) error {
	b := make([]byte, 0, flushAbove+fixedLen+mq.MaxPhysicalTopic)
	b = binary.LittleEndian.AppendUint32(b, snapshotVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(t.halves)))
	for _, h := range t.sorted() {
		b = binary.LittleEndian.AppendUint64(b, uint64(h.ID))
		b = binary.LittleEndian.AppendUint64(b, uint64(h.At))
		b = binary.LittleEndian.AppendUint64(b, uint64(h.Born))
		b = binary.LittleEndian.AppendUint64(b, uint64(h.Next))
		b = binary.LittleEndian.AppendUint32(b, uint32(h.Round))
		name := h.Topic.String()
		b = append(b, byte(len(name)))
		b = append(b, name...)
		if len(b) > flushAbove {
			if _, err := w.Write(b); err != nil {
				return fmt.Errorf("transactions snapshot: %w", err)
			}
			b = b[:0]
		}
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("transactions snapshot: %w", err)
	}
	return nil
}

// Restore reads exactly what Snapshot wrote and returns a new table. Memory grows with the bytes that are really
// there, never with a number that the header claims.
func Restore(p Policy, r io.Reader) (*Table, error) {
	var header [snapshotHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, fmt.Errorf("transactions snapshot: header: %w", noEOF(err))
	}
	if v := binary.LittleEndian.Uint32(header[:]); v != snapshotVersion {
		return nil, fmt.Errorf("transactions snapshot: version %d, this program reads %d", v, snapshotVersion)
	}
	t := New(p)
	var last log.Position
	for n := binary.LittleEndian.Uint64(header[4:]); n > 0; n-- {
		h, err := readHalf(r)
		if err == nil && t.Len() > 0 && h.ID <= last {
			err = errors.New("out of order")
		}
		if err != nil {
			return nil, fmt.Errorf("transactions snapshot: half %d: %w", t.Len(), err)
		}
		t.Put(h)
		last = h.ID
	}
	return t, nil
}

func readHalf(r io.Reader) (Half, error) {
	var b [fixedLen + 255]byte
	if _, err := io.ReadFull(r, b[:fixedLen]); err != nil {
		return Half{}, noEOF(err)
	}
	name := b[fixedLen:][:b[fixedLen-1]]
	if _, err := io.ReadFull(r, name); err != nil {
		return Half{}, noEOF(err)
	}
	topic, err := mq.ParsePhysical(string(name))
	if err != nil {
		return Half{}, err
	}
	round := binary.LittleEndian.Uint32(b[32:])
	if round > maxRound {
		return Half{}, fmt.Errorf("round %d, the limit is %d", round, maxRound)
	}
	return Half{
		ID:    log.Position(binary.LittleEndian.Uint64(b[0:])),
		At:    log.Position(binary.LittleEndian.Uint64(b[8:])),
		Topic: topic,
		Born:  int64(binary.LittleEndian.Uint64(b[16:])),
		Next:  int64(binary.LittleEndian.Uint64(b[24:])),
		Round: int(round),
	}, nil
}

// noEOF names an end that comes too early as what it is.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
