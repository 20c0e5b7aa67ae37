// SPDX-License-Identifier: Apache-2.0

package stored

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// MaxBatch is how many messages a broker takes in one batch.
const MaxBatch = 64

const batchFixed = 4 + 4 + 4 + 4 + 4 + 2

// Entry is one message of a batch body.
type Entry struct {
	Flag       int32
	Body       []byte
	Properties Properties
}

// BatchSize is how many bytes AppendEntry appends.
func BatchSize(body []byte, properties int) int { return batchFixed + len(body) + properties }

// AppendEntry appends one message of a batch body. properties must not be longer than MaxProperties.
func AppendEntry(b []byte, e Entry) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(BatchSize(e.Body, len(e.Properties))))
	b = binary.BigEndian.AppendUint32(b, 0) // magic and checksum are the broker's business
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(e.Flag))
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.Body)))
	b = append(b, e.Body...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.Properties)))
	return append(b, e.Properties...)
}

// Entries reads a batch body; bodies are parts of data. most bounds their number.
func Entries(data []byte, most int) ([]Entry, error) {
	var all []Entry
	for len(data) > 0 {
		if len(all) == most {
			return nil, fmt.Errorf("%w: more than %d messages in a batch", ErrCorrupt, most)
		}
		if len(data) < batchFixed {
			return nil, fmt.Errorf("%w: %d bytes are left, message %d of a batch has at least %d", ErrCorrupt, len(data), len(all), batchFixed)
		}
		size := binary.BigEndian.Uint32(data)
		if size < batchFixed || uint64(size) > uint64(len(data)) {
			return nil, fmt.Errorf("%w: message %d of a batch says %d bytes, %d are left", ErrCorrupt, len(all), size, len(data))
		}
		c := cursor{data: data[12:size]}
		e := Entry{Flag: c.i32()}
		e.Body = c.bytes(int64(c.i32()))
		e.Properties = Properties(c.bytes(int64(int16(c.u16()))))
		if c.short {
			return nil, fmt.Errorf("%w: message %d of a batch: a length points beyond its %d bytes", ErrCorrupt, len(all), size)
		}
		all, data = append(all, e), data[size:]
	}
	return all, nil
}

// Unwrap gives the messages inside an inner batch, m alone if it is none. Every message has a place of its own in the queue.
func Unwrap(m Message, most int) ([]Message, error) {
	if m.Sys&(InnerBatch|NeedUnwrap) != InnerBatch|NeedUnwrap {
		return []Message{m}, nil
	}
	entries, err := Entries(m.Body, most)
	if err != nil {
		return nil, fmt.Errorf("inner batch at offset %d: %w", m.Offset, err)
	}
	first := m.Offset
	if base, err := strconv.ParseInt(m.Properties.Get(InnerBase), 10, 64); err == nil {
		first = base
	}
	all := make([]Message, len(entries))
	for i, e := range entries {
		all[i] = m
		all[i].Sys &^= InnerBatch | NeedUnwrap
		all[i].Offset = first + int64(i)
		all[i].Flag, all[i].Body, all[i].Properties, all[i].CRC = e.Flag, e.Body, e.Properties, 0
	}
	return all, nil
}
