// SPDX-License-Identifier: Apache-2.0

package grpcfront

import "encoding/binary"

// HTTP/2 frame types that are counted.
const (
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameContinuation = 0x9

	frameHead = 9 // bytes before a frame's payload
)

// frames follows the frames in a stream of bytes that arrives in pieces of any size. It looks at the nine bytes before each
// payload and skips the rest.
type frames struct {
	skip int // bytes until the next head
	have int // bytes of the head that are here
	head [frameHead]byte
}

// feed calls seen for each frame whose head ends within b, with its type and its stream.
func (f *frames) feed(b []byte, seen func(kind byte, stream uint32)) {
	for len(b) > 0 {
		if f.skip > 0 {
			n := min(f.skip, len(b))
			f.skip -= n
			b = b[n:]
			continue
		}
		n := copy(f.head[f.have:], b)
		f.have += n
		b = b[n:]
		if f.have == frameHead {
			f.have = 0
			f.skip = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
			seen(f.head[3], binary.BigEndian.Uint32(f.head[5:])&(1<<31-1))
		}
	}
}

// between tells whether the bytes so far end with a whole frame.
func (f *frames) between() bool { return f.skip == 0 && f.have == 0 }
