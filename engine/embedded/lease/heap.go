// SPDX-License-Identifier: Apache-2.0

package lease

import "container/heap"

func byUntil(a, b *entry) bool {
	if a.Until != b.Until {
		return a.Until < b.Until
	}
	return a.Offset < b.Offset
}

func byOffset(a, b *entry) bool { return a.Offset < b.Offset }

// heapOf is a heap of entries that know their place, so that one can be taken out of the middle.
type heapOf struct {
	list []*entry
	less func(a, b *entry) bool
}

func (h *heapOf) Len() int           { return len(h.list) }
func (h *heapOf) Less(i, j int) bool { return h.less(h.list[i], h.list[j]) }

func (h *heapOf) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].place, h.list[j].place = i, j
}

func (h *heapOf) Push(x any) {
	e := x.(*entry)
	e.place = len(h.list)
	h.list = append(h.list, e)
}

func (h *heapOf) Pop() any {
	n := len(h.list) - 1
	e := h.list[n]
	h.list[n] = nil
	h.list = h.list[:n]
	return e
}

// smallest appends the first limit entries in order: it pops them and pushes them back, which costs limit * log n whatever
// the heap's size.
func (h *heapOf) smallest(limit int, dst []Entry) []Entry {
	from := len(dst)
	var popped [32]*entry
	list := popped[:0]
	for len(dst)-from < limit && len(h.list) > 0 {
		e := heap.Pop(h).(*entry)
		list = append(list, e)
		dst = append(dst, e.Entry)
	}
	for _, e := range list {
		heap.Push(h, e)
	}
	return dst
}
