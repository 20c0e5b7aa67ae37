// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"encoding/binary"
	"iter"
	"math"
	"strconv"
)

// Fields is a command's extension fields, names and values, in the layout of the binary header: 2 bytes of length and the name, 4
// bytes of length and the value. A binary frame carries them as they are; a JSON frame is converted at its border.
type Fields struct{ b []byte }

// Len is the size in bytes.
func (f *Fields) Len() int { return len(f.b) }

// Reset drops all fields and keeps the memory.
func (f *Fields) Reset() { f.b = f.b[:0] }

// Clone gives fields that share no memory with f.
func (f *Fields) Clone() Fields { return Fields{append([]byte(nil), f.b...)} }

// Add appends a field. A name longer than 32767 bytes is cut.
func (f *Fields) Add(name, value string) {
	f.name(name)
	f.b = binary.BigEndian.AppendUint32(f.b, uint32(len(value)))
	f.b = append(f.b, value...)
}

// AddInt appends a field whose value is a decimal number.
func (f *Fields) AddInt(name string, value int64) {
	f.name(name)
	at := len(f.b)
	f.b = strconv.AppendInt(append(f.b, 0, 0, 0, 0), value, 10)
	binary.BigEndian.PutUint32(f.b[at:], uint32(len(f.b)-at-4))
}

func (f *Fields) addBytes(name, value []byte) {
	name = name[:min(len(name), math.MaxInt16)]
	f.b = append(binary.BigEndian.AppendUint16(f.b, uint16(len(name))), name...)
	f.b = append(binary.BigEndian.AppendUint32(f.b, uint32(len(value))), value...)
}

func (f *Fields) name(name string) {
	name = name[:min(len(name), math.MaxInt16)]
	f.b = append(binary.BigEndian.AppendUint16(f.b, uint16(len(name))), name...)
}

// All walks over the fields in their order. The bytes belong to f.
func (f *Fields) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for rest := f.b; len(rest) > 0; {
			name, value, after, ok := cutField(rest)
			if !ok || !yield(name, value) {
				return
			}
			rest = after
		}
	}
}

// Get finds a field by name. The bytes belong to f.
func (f *Fields) Get(name string) (value []byte, ok bool) {
	for rest := f.b; len(rest) > 0; {
		n, v, after, ok := cutField(rest)
		if !ok {
			return nil, false
		}
		if string(n) == name {
			return v, true
		}
		rest = after
	}
	return nil, false
}

// Text is a field's value, "" when it is missing.
func (f *Fields) Text(name string) string {
	v, _ := f.Get(name)
	return string(v)
}

// cutField takes the first field off; ok is false when a length points beyond the end.
func cutField(b []byte) (name, value, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	if len(b) < n+4 {
		return nil, nil, nil, false
	}
	name, b = b[:n], b[n:]
	v := int64(binary.BigEndian.Uint32(b))
	b = b[4:]
	if int64(len(b)) < v {
		return nil, nil, nil, false
	}
	return name, b[:v], b[v:], true
}

// wholeFields tells whether the bytes are nothing but fields.
func wholeFields(b []byte) bool {
	for len(b) > 0 {
		_, _, rest, ok := cutField(b)
		if !ok {
			return false
		}
		b = rest
	}
	return true
}
