// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"encoding/binary"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Payloads are fields one after the other without names: numbers as varints,
// times as varints of milliseconds since 1970 (0 for none), texts as a length
// and bytes. Message ids are mostly upper-case hexadecimal and are then kept
// as bytes: the lowest bit of their length says so.

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendVarint(b, t.UnixMilli())
}

func appendID(b []byte, s string) []byte {
	if !isUpperHex(s) {
		return append(binary.AppendUvarint(b, uint64(len(s))<<1), s...)
	}
	b = binary.AppendUvarint(b, uint64(len(s)/2)<<1|1)
	for i := 0; i < len(s); i += 2 {
		b = append(b, nibble(s[i])<<4|nibble(s[i+1]))
	}
	return b
}

func isUpperHex(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= '0' && c <= '9' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return len(s)%2 == 0 && s != ""
}

func nibble(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'A' + 10
}

// reader takes fields off a payload. Once something did not fit, bad is set
// and everything reads as zero. A payload that ends before a field gives the
// field's zero value: that is how an older version looks.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() uint64 {
	if len(r.rest) == 0 || r.bad {
		return 0
	}
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) time() time.Time {
	if len(r.rest) == 0 || r.bad {
		return time.Time{}
	}
	ms, size := binary.Varint(r.rest)
	if size <= 0 {
		r.bad = true
		return time.Time{}
	}
	r.rest = r.rest[size:]
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// bytes returns the next n bytes of the payload itself.
func (r *reader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes(r.number())) }

func (r *reader) id() string {
	n := r.number()
	b := r.bytes(n >> 1)
	if n&1 == 0 {
		return string(b)
	}
	const digits = "0123456789ABCDEF"
	var hex [mq.MaxMessageID]byte
	if len(b) > len(hex)/2 {
		r.bad = true
		return ""
	}
	for i, c := range b {
		hex[2*i], hex[2*i+1] = digits[c>>4], digits[c&15]
	}
	return string(hex[:2*len(b)])
}

// parsed reads a text that a parser of mq must accept; an empty one is the
// zero value.
func parsed[T any](r *reader, text string, parse func(string) (T, error)) T {
	var none T
	if text == "" || r.bad {
		return none
	}
	v, err := parse(text)
	if err != nil {
		r.bad = true
		return none
	}
	return v
}
