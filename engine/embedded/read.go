// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/index"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

// errNotKept means that a message is no longer there: retention took it, or its topic is gone.
var errNotKept = errors.New("the message is not kept any more")

// isLost tells whether a message will never be readable again.
func isLost(err error) bool {
	return errors.Is(err, errNotKept) || errors.Is(err, log.ErrGone) || errors.Is(err, log.ErrDamaged) || errors.Is(err, record.ErrMalformed)
}

// indexTrouble has a damaged part of the index rebuilt and says that to the caller.
func (e *Engine) indexTrouble(err error) error {
	var d *index.DamagedError
	if errors.As(err, &d) {
		e.mu.Lock()
		e.damaged[d.Base] = true
		e.mu.Unlock()
		signal(e.toKeep)
		return mq.Refuse(mq.Unavailable, "a part of the index is being rebuilt: %v", err)
	}
	return mq.Refuse(mq.Unavailable, "the index cannot be read: %v", err)
}

// readOne reads the message at an offset.
func (e *Engine) readOne(q record.Queue, offset int64) (mq.Stored, error) {
	entry, ok, err := e.index.Get(number(q), mq.Offset(offset))
	if err != nil {
		return mq.Stored{}, e.indexTrouble(err)
	}
	if !ok {
		return mq.Stored{}, errNotKept
	}
	return e.readAt(entry.Position, entry.Size, q, offset)
}

// readRun reads n messages from an offset on; the answers stand in order.
func (e *Engine) readRun(q record.Queue, from int64, n int) ([]mq.Stored, []error) {
	stored, errs := make([]mq.Stored, n), make([]error, n)
	for i := range errs {
		errs[i] = errNotKept
	}
	entries, err := e.index.Range(number(q), mq.Offset(from), n, make([]index.Entry, 0, n))
	if err != nil {
		err = e.indexTrouble(err)
		for i := range errs {
			errs[i] = err
		}
		return stored, errs
	}
	for i := range entries {
		if at := int64(entries[i].Offset) - from; at < int64(n) {
			stored[at], errs[at] = e.readAt(entries[i].Position, entries[i].Size, q, int64(entries[i].Offset))
		}
	}
	return stored, errs
}

// readAt reads the message of a queue's offset out of the record at pos, or from where retention carried it meanwhile.
func (e *Engine) readAt(pos log.Position, size uint32, q record.Queue, offset int64) (mq.Stored, error) {
	for {
		stored, err := e.readPlace(pos, size, q, offset)
		if !errors.Is(err, log.ErrGone) {
			return stored, err
		}
		entry, ok, lookErr := e.index.Get(number(q), mq.Offset(offset))
		if lookErr != nil {
			return stored, e.indexTrouble(lookErr)
		}
		if !ok || entry.Position == pos {
			return stored, err
		}
		pos, size = entry.Position, entry.Size
	}
}

func (e *Engine) readPlace(pos log.Position, size uint32, q record.Queue, offset int64) (mq.Stored, error) {
	found := false
	var m record.Message
	err := e.readRecord(pos, size, func(p record.Part) error {
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
	return mq.Stored{Message: message, Broker: e.opts.Broker, Queue: q.Queue, Offset: mq.Offset(offset), StoredAt: time.Unix(0, m.At)}, nil
}

// readRecord reads and decodes the record at pos. What f gets may be kept: every read has its own memory.
func (e *Engine) readRecord(pos log.Position, size uint32, f func(record.Part) error) error {
	const frame = 32 // the log wants room for its own header, too
	if size+frame > smallRead {
		payload, err := e.log.Read(pos, make([]byte, 0, size+frame))
		if err != nil {
			return err
		}
		return record.Each(payload, f)
	}
	buf, ok := e.reads.Get().(*[smallRead]byte)
	if !ok {
		buf = new([smallRead]byte)
	}
	payload, err := e.log.Read(pos, buf[:0])
	if err == nil {
		payload = bytes.Clone(payload)
	}
	e.reads.Put(buf)
	if err != nil {
		return err
	}
	return record.Each(payload, f)
}

// smallRead is the least that the log reads at once. Smaller records are read into a buffer of this size that is used again, so
// that a message keeps only its own memory.
const smallRead = 4096

// lost settles a message that was granted and cannot be read, if it never will be.
func (e *Engine) lost(ledger record.Ledger, offset int64, why error) {
	if !isLost(why) {
		e.journal.Warn("a granted message could not be read; it comes again when its lease is over", "queue", ledger.Queue, "offset", offset, "why", why)
		return
	}
	e.journal.Error("a message cannot be read and is settled", "queue", ledger.Queue, "offset", offset, "why", why)
	e.mu.Lock()
	defer e.mu.Unlock()
	if l := e.st.Ledger(ledger); l != nil {
		if _, open := l.Get(offset); open {
			_, _ = e.appendLocked(true, record.Settle{Ledger: ledger, Offsets: []int64{offset}})
		}
	}
}

// filters keeps compiled filters: consumers send the same text with every receive.
type filters struct {
	mu       sync.Mutex // guards compiled
	compiled map[mq.Filter]*filter.Filter
}

const maxFilters = 1024

func (f *filters) get(written mq.Filter) (*filter.Filter, error) {
	f.mu.Lock()
	c := f.compiled[written]
	f.mu.Unlock()
	if c != nil {
		return c, nil
	}
	c, err := filter.Compile(written)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.compiled == nil || len(f.compiled) >= maxFilters {
		f.compiled = map[mq.Filter]*filter.Filter{}
	}
	f.compiled[written] = c
	return c, nil
}
