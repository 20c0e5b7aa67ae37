// SPDX-License-Identifier: Apache-2.0

package park

import (
	"container/heap"

	"github.com/causeway-mq/causeway/engine/embedded/record"
)

// Alarms is when to look at ledgers, at most one time for each. The zero value is ready; its owner locks. Times are nanoseconds
// since the Unix epoch.
type Alarms struct {
	at   map[record.Ledger]int64
	heap alarmHeap // may hold times that were moved since; at decides
}

type alarm struct {
	at     int64
	ledger record.Ledger
}

// Set has a ledger looked at no later than at. It reports whether that is earlier than before.
func (a *Alarms) Set(ledger record.Ledger, at int64) bool {
	if old, ok := a.at[ledger]; ok && old <= at {
		return false
	}
	if a.at == nil {
		a.at = map[record.Ledger]int64{}
	}
	a.at[ledger] = at
	heap.Push(&a.heap, alarm{at, ledger})
	if len(a.heap) > 2*len(a.at)+64 {
		a.compact()
	}
	return true
}

// compact leaves one time for each ledger. A long lease whose ledger is looked at often would leave one behind with each look.
func (a *Alarms) compact() {
	a.heap = a.heap[:0]
	for ledger, at := range a.at {
		a.heap = append(a.heap, alarm{at, ledger})
	}
	heap.Init(&a.heap)
}

// Pop takes a ledger whose time has come, false when there is none.
func (a *Alarms) Pop(now int64) (record.Ledger, bool) {
	for len(a.heap) > 0 && a.heap[0].at <= now {
		x := heap.Pop(&a.heap).(alarm)
		if a.at[x.ledger] == x.at {
			delete(a.at, x.ledger)
			return x.ledger, true
		}
	}
	return record.Ledger{}, false
}

// Next is when Pop may have something, false when nothing is set. It may be too early.
func (a *Alarms) Next() (at int64, ok bool) {
	if len(a.heap) == 0 {
		return 0, false
	}
	return a.heap[0].at, true
}

type alarmHeap []alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h alarmHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *alarmHeap) Push(x any)        { *h = append(*h, x.(alarm)) }
func (h *alarmHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
