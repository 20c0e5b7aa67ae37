// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

// errNotKept means that a message is no longer there: retention took it, or its topic is gone.
var errNotKept = errors.New("the message is not kept any more")

// IsLost tells whether a message will never be readable again.
func IsLost(err error) bool {
	return errors.Is(err, errNotKept) || errors.Is(err, log.ErrGone) || errors.Is(err, log.ErrDamaged) || errors.Is(err, record.ErrMalformed)
}

// Trouble has a damaged part of the index rebuilt and says that to the caller.
func (j *Journal) Trouble(err error) error {
	var d *index.DamagedError
	if errors.As(err, &d) {
		j.mu.Lock()
		j.damaged[d.Base] = true
		j.mu.Unlock()
		signal(j.toKeep)
		return mq.Refuse(mq.Unavailable, "a part of the index is being rebuilt: %v", err)
	}
	return mq.Refuse(mq.Unavailable, "the index cannot be read: %v", err)
}

// ReadOne reads the message at an offset.
func (j *Journal) ReadOne(q record.Queue, offset int64) (mq.Stored, error) {
	entry, ok, err := j.index.Get(Number(q), mq.Offset(offset))
	if err != nil {
		return mq.Stored{}, j.Trouble(err)
	}
	if !ok {
		return mq.Stored{}, errNotKept
	}
	return j.ReadAt(entry.Position, entry.Size, q, offset)
}

// ReadRun reads n messages from an offset on; the answers stand in order.
func (j *Journal) ReadRun(q record.Queue, from int64, n int) ([]mq.Stored, []error) {
	stored, errs := make([]mq.Stored, n), make([]error, n)
	for i := range errs {
		errs[i] = errNotKept
	}
	entries, err := j.index.Range(Number(q), mq.Offset(from), n, make([]index.Entry, 0, n))
	if err != nil {
		err = j.Trouble(err)
		for i := range errs {
			errs[i] = err
		}
		return stored, errs
	}
	for i := range entries {
		if at := int64(entries[i].Offset) - from; at < int64(n) {
			stored[at], errs[at] = j.ReadAt(entries[i].Position, entries[i].Size, q, int64(entries[i].Offset))
		}
	}
	return stored, errs
}

// ReadAt reads the message of a queue's offset out of the record at pos, or from where retention carried it meanwhile.
func (j *Journal) ReadAt(pos log.Position, size uint32, q record.Queue, offset int64) (mq.Stored, error) {
	for {
		stored, err := j.readPlace(pos, size, q, offset)
		if !errors.Is(err, log.ErrGone) {
			return stored, err
		}
		entry, ok, lookErr := j.index.Get(Number(q), mq.Offset(offset))
		if lookErr != nil {
			return stored, j.Trouble(lookErr)
		}
		if !ok || entry.Position == pos {
			return stored, err
		}
		pos, size = entry.Position, entry.Size
	}
}

func (j *Journal) readPlace(pos log.Position, size uint32, q record.Queue, offset int64) (mq.Stored, error) {
	found := false
	var m record.Message
	err := j.ReadRecord(pos, size, func(p record.Part) error {
		if one, ok := p.(record.Message); ok && one.Queue == q && one.Offset == offset {
			m, found = one, true
		}
		return nil
	})
	if err != nil {
		return mq.Stored{}, err
	}
	if !found {
		return mq.Stored{}, fmt.Errorf("no message of offset %d at position %d: %w", offset, pos, log.ErrDamaged)
	}
	message, err := m.Raw.Message()
	if err != nil {
		return mq.Stored{}, err
	}
	return mq.Stored{Message: message, Queue: q.Queue, Offset: mq.Offset(offset), StoredAt: time.Unix(0, m.At)}, nil
}

// ReadRecord reads and decodes the record at pos. What f gets may be kept: every read has its own memory.
func (j *Journal) ReadRecord(pos log.Position, size uint32, f func(record.Part) error) error {
	const frame = 32 // the log wants room for its own header, too
	if size+frame > smallRead {
		payload, err := j.log.Read(pos, make([]byte, 0, size+frame))
		if err != nil {
			return err
		}
		return record.Each(payload, f)
	}
	buf, ok := j.reads.Get().(*[smallRead]byte)
	if !ok {
		buf = new([smallRead]byte)
	}
	payload, err := j.log.Read(pos, buf[:0])
	if err == nil {
		payload = bytes.Clone(payload)
	}
	j.reads.Put(buf)
	if err != nil {
		return err
	}
	return record.Each(payload, f)
}

// smallRead is the least that the log reads at once. Smaller records are read into a buffer of this size that is used again, so
// that a message keeps only its own memory.
const smallRead = 4096

// OffsetAt finds the first message of a queue, between lo and hi, that was stored at or after a time; hi when there is none.
func (j *Journal) OffsetAt(q record.Queue, at time.Time, lo, hi int64) (int64, error) {
	if lo == hi {
		return hi, nil
	}
	if at.Before(time.Unix(0, 0)) {
		return lo, nil
	}
	if at.After(time.Unix(0, j.Now())) {
		return hi, nil
	}
	o, err := j.index.FirstAt(Number(q), at.UnixNano())
	if err != nil {
		return 0, j.Trouble(err)
	}
	return min(max(int64(o), lo), hi), nil
}
