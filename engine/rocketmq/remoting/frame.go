// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
)

// ErrFrame is wrapped by every complaint about bytes that are no frame.
var ErrFrame = errors.New("malformed frame")

const (
	// Version is what requests say about who sends them: RocketMQ 5.5.0, the newest whose behaviour is known here. Brokers answer
	// in standard JSON and with GO_AWAY only to versions that know it.
	Version = 513
	// MaxFrame bounds a frame in either direction, in bytes without its length word.
	MaxFrame = 32 << 20
	// MaxHeader bounds the header within a frame, in bytes.
	MaxHeader = 1 << 20

	languageGo     = 9
	flagResponse   = 1
	flagOneWay     = 2
	formatJSON     = 0
	formatBinary   = 1
	binaryFixed    = 2 + 1 + 2 + 4 + 4 + 4 + 4
	maxHeaderWord  = 1<<24 - 1
	lengthWordSize = 4
)

// Frame is one command: a request or its answer.
type Frame struct {
	Code    Code
	Version int32
	Opaque  int32 // ties an answer to its request, per connection and direction
	Flag    int32
	Remark  string
	Fields  Fields
	Body    []byte
	JSON    bool // the header's format; codes beyond 16 bits are JSON in any case

	scratch []byte // memory for the fields of a JSON header, used again
	pooled  *pooled
}

// IsResponse tells whether the frame answers a request.
func (f *Frame) IsResponse() bool { return f.Flag&flagResponse != 0 }

// IsOneWay tells whether nobody waits for an answer.
func (f *Frame) IsOneWay() bool { return f.Flag&flagOneWay != 0 }

// MarkOneWay says that nobody waits for an answer.
func (f *Frame) MarkOneWay() { f.Flag |= flagOneWay }

// Into reads the fields into a typed header.
func (f *Frame) Into(h Header) error {
	w := Walker{fields: &f.Fields, reading: true}
	h.Walk(&w)
	return w.err
}

// Put writes a typed header's fields.
func (f *Frame) Put(h Header) {
	w := Walker{fields: &f.Fields}
	h.Walk(&w)
}

// AppendFrame appends a frame with its length word. The caller keeps it within MaxFrame.
func AppendFrame(b []byte, f *Frame) []byte {
	from := len(b)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	format := uint32(formatBinary)
	if f.JSON || f.Code > math.MaxInt16 || f.Code < math.MinInt16 {
		format = formatJSON
		b = appendJSONHeader(b, f)
	} else {
		b = appendBinaryHeader(b, f)
	}
	binary.BigEndian.PutUint32(b[from+4:], format<<24|uint32(len(b)-from-8))
	b = append(b, f.Body...)
	binary.BigEndian.PutUint32(b[from:], uint32(len(b)-from-lengthWordSize))
	return b
}

func appendBinaryHeader(b []byte, f *Frame) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(f.Code))
	b = append(b, languageGo)
	b = binary.BigEndian.AppendUint16(b, uint16(f.Version))
	b = binary.BigEndian.AppendUint32(b, uint32(f.Opaque))
	b = binary.BigEndian.AppendUint32(b, uint32(f.Flag))
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.Remark)))
	b = append(b, f.Remark...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.Fields.b)))
	return append(b, f.Fields.b...)
}

func appendJSONHeader(b []byte, f *Frame) []byte {
	b = strconv.AppendInt(append(b, `{"code":`...), int64(f.Code), 10)
	b = strconv.AppendInt(append(b, `,"flag":`...), int64(f.Flag), 10)
	b = append(b, `,"language":"GO"`...)
	b = strconv.AppendInt(append(b, `,"opaque":`...), int64(f.Opaque), 10)
	b = strconv.AppendInt(append(b, `,"serializeTypeCurrentRPC":"JSON","version":`...), int64(f.Version), 10)
	if f.Remark != "" {
		b = fastjson.AppendString(append(b, `,"remark":`...), f.Remark)
	}
	b = append(b, `,"extFields":{`...)
	first := true
	for rest := f.Fields.b; len(rest) > 0; {
		name, value, after, ok := cutField(rest)
		if !ok {
			break
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = fastjson.AppendString(b, name)
		b = fastjson.AppendString(append(b, ':'), value)
		rest = after
	}
	return append(b, "}}"...)
}

// ParseFrame reads a frame, without its length word, into f, whose Fields' memory is used again. The body, and the fields of
// a binary frame, are parts of data.
func ParseFrame(data []byte, f *Frame) error {
	if len(data) < 4 {
		return fmt.Errorf("%w: %d bytes, at least 4", ErrFrame, len(data))
	}
	word := binary.BigEndian.Uint32(data)
	format, size := word>>24, int(word&maxHeaderWord)
	data = data[4:]
	if size > len(data) || size > MaxHeader {
		return fmt.Errorf("%w: a header of %d bytes in %d, the limit is %d", ErrFrame, size, len(data), MaxHeader)
	}
	header, body := data[:size:size], data[size:]
	f.Code, f.Version, f.Opaque, f.Flag, f.Remark, f.Body = 0, 0, 0, 0, "", body
	switch format {
	case formatJSON:
		f.JSON = true
		return f.parseJSON(header)
	case formatBinary:
		f.JSON = false
		return f.parseBinary(header)
	}
	return fmt.Errorf("%w: header format %d is unknown", ErrFrame, format)
}

func (f *Frame) parseBinary(h []byte) error {
	if len(h) < binaryFixed {
		return fmt.Errorf("%w: a binary header of %d bytes, at least %d", ErrFrame, len(h), binaryFixed)
	}
	f.Code = Code(int16(binary.BigEndian.Uint16(h)))
	f.Version = int32(int16(binary.BigEndian.Uint16(h[3:])))
	f.Opaque = int32(binary.BigEndian.Uint32(h[5:]))
	f.Flag = int32(binary.BigEndian.Uint32(h[9:]))
	remark := int64(binary.BigEndian.Uint32(h[13:]))
	h = h[17:]
	if remark > int64(len(h)-4) {
		return fmt.Errorf("%w: a remark of %d bytes where %d are left", ErrFrame, remark, len(h)-4)
	}
	f.Remark = string(h[:remark])
	h = h[remark:]
	ext := int64(binary.BigEndian.Uint32(h))
	h = h[4:]
	if ext > int64(len(h)) || !wholeFields(h[:ext]) {
		return fmt.Errorf("%w: the extension fields do not fit their %d bytes", ErrFrame, ext)
	}
	f.Fields.b = h[:ext:ext]
	return nil
}

func (f *Frame) parseJSON(h []byte) error {
	f.Fields.b = f.scratch[:0] // not f.Fields.b: that may be a part of other bytes, which are somebody else's by now
	s := fastjson.NewScanner(h)
	for s.Enter('{'); s.Next('}'); {
		switch string(s.Key()) {
		case "code":
			f.Code = Code(s.Int())
		case "version":
			f.Version = int32(s.Int())
		case "opaque":
			f.Opaque = int32(s.Int())
		case "flag":
			f.Flag = int32(s.Int())
		case "remark":
			if text, quoted := s.Scalar(); quoted {
				f.Remark = string(text)
			}
		case "extFields":
			f.parseFields(&s)
		default:
			s.Skip()
		}
	}
	f.scratch = f.Fields.b
	if err := s.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return nil
}

func (f *Frame) parseFields(s *fastjson.Scanner) {
	if s.Peek() != '{' {
		s.Skip() // null
		return
	}
	for s.Enter('{'); s.Next('}'); {
		name := s.Key()
		if c := s.Peek(); c == '{' || c == '[' {
			s.Skip()
			continue
		}
		value, quoted := s.Scalar()
		if quoted || string(value) != "null" {
			f.Fields.addBytes(name, value)
		}
	}
}
