// SPDX-License-Identifier: Apache-2.0

package h2

import (
	"encoding/binary"
	"fmt"
)

// kind is a frame's type.
type kind byte

const (
	kindData kind = iota
	kindHeaders
	kindPriority
	kindReset
	kindSettings
	kindPush
	kindPing
	kindGoAway
	kindWindow
	kindContinuation
)

const (
	flagEnd        = 0x1 // of DATA and HEADERS
	flagAck        = 0x1 // of SETTINGS and PING
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// Code is why a stream was reset or a connection is left.
type Code uint32

// Codes of RFC 9113 §7.
const (
	NoError Code = iota
	ProtocolError
	InternalError
	FlowControlError
	SettingsTimeout
	StreamClosed
	FrameSizeError
	RefusedStream
	Cancelled
	CompressionError
	ConnectError
	EnhanceYourCalm
)

// settings that matter to a server.
const (
	settingPush          = 2
	settingMaxStreams    = 3
	settingWindow        = 4
	settingMaxFrame      = 5
	settingMaxHeaderList = 6
)

const (
	headBytes    = 9
	frameBytes   = 16 << 10 // the longest payload that either side sends here
	firstWindow  = 65535
	largestFrame = 1<<24 - 1
	largestID    = 1<<31 - 1
)

// AnyStream is the last stream of a GOAWAY that names none: whatever was begun may have been done.
const AnyStream = largestID

// Preface is what a client says first.
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// connError ends a connection.
type connError struct {
	code Code
	why  string
}

// Error says what was wrong.
func (e connError) Error() string { return fmt.Sprintf("%s (HTTP/2 error %d)", e.why, e.code) }

func broken(why string) error { return connError{ProtocolError, why} }

// head is what stands before a payload.
type head struct {
	kind   kind
	flags  byte
	stream uint32
	size   int
}

func readHead(b []byte) head {
	return head{
		size: int(b[0])<<16 | int(b[1])<<8 | int(b[2]), kind: kind(b[3]), flags: b[4], stream: binary.BigEndian.Uint32(b[5:]) & largestID,
	}
}

func appendHead(b []byte, h head) []byte {
	return append(b, byte(h.size>>16), byte(h.size>>8), byte(h.size), byte(h.kind), h.flags, byte(h.stream>>24), byte(h.stream>>16), byte(h.stream>>8), byte(h.stream))
}

func appendReset(b []byte, stream uint32, code Code) []byte {
	b = appendHead(b, head{kind: kindReset, stream: stream, size: 4})
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func appendWindow(b []byte, stream uint32, n int) []byte {
	b = appendHead(b, head{kind: kindWindow, stream: stream, size: 4})
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

func appendPing(b []byte, flags byte, data [8]byte) []byte {
	return append(appendHead(b, head{kind: kindPing, flags: flags, size: 8}), data[:]...)
}

// AppendGoAway appends a GOAWAY frame: streams up to last may have been worked on.
func AppendGoAway(b []byte, last uint32, code Code, why string) []byte {
	b = appendHead(b, head{kind: kindGoAway, size: 8 + len(why)})
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, why...)
}

func appendSetting(b []byte, id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, id), value)
}

// unpadded is a payload without its padding.
func unpadded(h head, p []byte) ([]byte, error) {
	if h.flags&flagPadded == 0 {
		return p, nil
	}
	if len(p) == 0 || int(p[0]) >= len(p) {
		return nil, broken("more padding than payload")
	}
	return p[1 : len(p)-int(p[0])], nil
}
