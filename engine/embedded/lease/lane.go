// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"cmp"
	"container/heap"
	"slices"
)

// lane is the open entries of one message group.
type lane struct {
	order   uint64
	entries []*entry // by offset
	live    int      // of them leased
	place   int      // in ready, -1 when a lease is live
	name    string   // the attempt of the last grant, "" when it had no name
}

type lanes struct {
	byOrder map[uint64]*lane
	ready   laneHeap // lanes without a live lease, by first offset
	named   map[string]*lane
}

func newLanes() lanes {
	return lanes{byOrder: map[uint64]*lane{}, named: map[string]*lane{}}
}

func (s *lanes) put(e *entry) {
	ln := s.byOrder[e.Order]
	if ln == nil {
		ln = &lane{order: e.Order, place: -1}
		s.byOrder[e.Order] = ln
	}
	i, _ := slices.BinarySearchFunc(ln.entries, e.Offset, func(a *entry, o int64) int { return cmp.Compare(a.Offset, o) })
	ln.entries = slices.Insert(ln.entries, i, e)
	e.lane = ln
	ln.live++
	s.settle(ln)
}

func (s *lanes) take(e *entry) {
	ln := e.lane
	i, _ := slices.BinarySearchFunc(ln.entries, e.Offset, func(a *entry, o int64) int { return cmp.Compare(a.Offset, o) })
	ln.entries = slices.Delete(ln.entries, i, i+1)
	if e.leased {
		ln.live--
	}
	e.lane = nil
	s.settle(ln)
}

func (s *lanes) freed(e *entry) {
	e.lane.live--
	s.settle(e.lane)
}

// settle puts a lane where it belongs after a change.
func (s *lanes) settle(ln *lane) {
	isReady := ln.live == 0 && len(ln.entries) > 0
	switch {
	case isReady && ln.place >= 0:
		heap.Fix(&s.ready, ln.place)
	case isReady:
		heap.Push(&s.ready, ln)
	case ln.place >= 0:
		heap.Remove(&s.ready, ln.place)
	}
	if len(ln.entries) == 0 {
		delete(s.byOrder, ln.order)
		s.unname(ln)
	}
}

func (s *lanes) head(limit int, dst []Entry) []Entry {
	if len(s.ready) == 0 {
		return dst
	}
	for _, e := range s.ready[0].entries[:min(limit, len(s.ready[0].entries))] {
		dst = append(dst, e.Entry)
	}
	return dst
}

func (s *lanes) unname(ln *lane) {
	if ln.name != "" && s.named[ln.name] == ln {
		delete(s.named, ln.name)
	}
	ln.name = ""
}

func (s *lanes) setAttempt(order uint64, attempt string) {
	ln := s.byOrder[order]
	if ln == nil {
		return
	}
	s.unname(ln)
	if attempt == "" {
		return
	}
	if other := s.named[attempt]; other != nil {
		s.unname(other)
	}
	ln.name = attempt
	s.named[attempt] = ln
}

func (s *lanes) attempt(name string, dst []Entry) []Entry {
	ln := s.named[name]
	if ln == nil {
		return dst
	}
	for _, e := range ln.entries {
		if !e.leased {
			break // what was freed comes first again, so nothing behind it may come before
		}
		dst = append(dst, e.Entry)
	}
	return dst
}

func (s *lanes) attempts() []Attempt {
	var list []Attempt
	for name, ln := range s.named {
		list = append(list, Attempt{Order: ln.order, Name: name})
	}
	slices.SortFunc(list, func(a, b Attempt) int { return cmp.Compare(a.Order, b.Order) })
	return list
}

type laneHeap []*lane

func (h laneHeap) Len() int           { return len(h) }
func (h laneHeap) Less(i, j int) bool { return h[i].entries[0].Offset < h[j].entries[0].Offset }

func (h laneHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *laneHeap) Push(x any) {
	ln := x.(*lane)
	ln.place = len(*h)
	*h = append(*h, ln)
}

func (h *laneHeap) Pop() any {
	old := *h
	ln := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	ln.place = -1
	return ln
}
