// SPDX-License-Identifier: Apache-2.0

package remoting

import "sync"

// Answers are small and many: their frames and bytes are used again. An answer larger than pooledSize gets memory of its own,
// so that one large pop does not keep a megabyte in the pool.
const pooledSize = 4096

type frames struct{ pool sync.Pool }

type pooled struct {
	frame Frame
	room  [pooledSize]byte
	home  *frames
}

// get gives an empty frame and size bytes to read it from.
func (p *frames) get(size int) (*Frame, []byte) {
	if size > pooledSize {
		return &Frame{}, make([]byte, size)
	}
	x, ok := p.pool.Get().(*pooled)
	if !ok {
		x = &pooled{home: p}
		x.frame.pooled = x
	}
	return &x.frame, x.room[:size]
}

// Release gives an answer's memory back. Nothing of the frame may be used after it: not the body, not a slice of a field. It
// is optional, and right once only.
func (f *Frame) Release() {
	if f == nil || f.pooled == nil {
		return
	}
	x := f.pooled
	f.Fields, f.Body, f.Remark = Fields{}, nil, ""
	x.home.pool.Put(x)
}
