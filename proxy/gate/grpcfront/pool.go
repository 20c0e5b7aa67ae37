// SPDX-License-Identifier: Apache-2.0

package grpcfront

import (
	"math/bits"
	"sync"
)

const (
	smallestBuffer = 9  // 512 B
	largestBuffer  = 23 // 8 MiB
)

// pool keeps buffers by powers of two. Unlike grpc's own it has a tier for every size that messages come in and does not
// clear what it hands out, since whoever gets a buffer overwrites it.
type pool struct {
	tiers [largestBuffer + 1]sync.Pool
}

func newPool() *pool { return &pool{} }

// Get gives a buffer of the given length; its content is anything.
func (p *pool) Get(length int) *[]byte {
	tier := max(smallestBuffer, bits.Len(uint(max(length, 1)-1)))
	if tier > largestBuffer {
		b := make([]byte, length)
		return &b
	}
	if b, ok := p.tiers[tier].Get().(*[]byte); ok {
		*b = (*b)[:length]
		return b
	}
	b := make([]byte, length, 1<<tier)
	return &b
}

// Put takes a buffer back, at whatever length. One that did not come from here is dropped.
func (p *pool) Put(b *[]byte) {
	size := cap(*b)
	tier := bits.Len(uint(size)) - 1
	if size == 0 || size != 1<<tier || tier < smallestBuffer || tier > largestBuffer {
		return
	}
	*b = (*b)[:size]
	p.tiers[tier].Put(b)
}
