// SPDX-License-Identifier: Apache-2.0

package index

import (
	"slices"
	"sort"

	"github.com/causeway-mq/causeway/mq"
)

// run is a stretch of consecutive offsets that one segment holds in consecutive entries.
type run struct {
	first mq.Offset
	count uint32
	at    uint32 // number of its first entry: in the queue's list in memory, or in the sidecar
	src   *segment
}

func (r run) end() mq.Offset { return r.first + mq.Offset(r.count) }

// head is what lies before o, tail what lies at or after it.
func (r run) head(o mq.Offset) run {
	r.count = uint32(o - r.first)
	return r
}

func (r run) tail(o mq.Offset) run {
	skip := uint32(o - r.first)
	r.first, r.at, r.count = o, r.at+skip, r.count-skip
	return r
}

// joins tells whether n goes on where r ends, in offsets and in storage.
func (r run) joins(n run) bool {
	return r.src == n.src && r.end() == n.first && r.at+r.count == n.at
}

// runs are disjoint and ascending.
type runs []run

// from is the first run that ends after o.
func (l runs) from(o mq.Offset) int {
	if n := len(l); n > 0 && l[n-1].first <= o { // readers and writers are mostly at the end
		if l[n-1].end() > o {
			return n - 1
		}
		return n
	}
	return sort.Search(len(l), func(i int) bool { return l[i].end() > o })
}

// insert adds r. Offsets that a newer segment holds stay with it, all others go to r.
func (l *runs) insert(r run) {
	old := *l
	if n := len(old); n == 0 || old[n-1].end() <= r.first {
		if n > 0 && old[n-1].joins(r) {
			old[n-1].count += r.count
			return
		}
		*l = append(old, r)
		return
	}
	i, j, put := old.replacement(r)
	// Join with the neighbours: carried messages come one by one and must not cost a run each.
	if i > 0 {
		i--
		put = slices.Insert(put, 0, old[i])
	}
	if j < len(old) {
		put = append(put, old[j])
		j++
	}
	*l = slices.Replace(old, i, j, put.joined()...)
}

// replacement is what stands in place of the runs from i to j when r comes.
func (l runs) replacement(r run) (i, j int, put runs) {
	i = l.from(r.first)
	rest, tail := r, run{}
	for j = i; j < len(l) && l[j].first < r.end(); j++ {
		o := l[j]
		if o.src != r.src && o.src.newer(r.src) {
			if o.first > rest.first {
				put = append(put, rest.head(o.first))
			}
			put = append(put, o)
			if o.end() < rest.end() {
				rest = rest.tail(max(o.end(), rest.first))
			} else {
				rest.count = 0
			}
			continue
		}
		if o.first < r.first {
			put = append(put, o.head(r.first))
		}
		if o.end() > r.end() {
			tail = o.tail(r.end())
		}
	}
	if rest.count > 0 {
		put = append(put, rest)
	}
	if tail.count > 0 {
		put = append(put, tail)
	}
	return i, j, put
}

func (l runs) joined() runs {
	n := 0
	for _, r := range l[1:] {
		if l[n].joins(r) {
			l[n].count += r.count
			continue
		}
		n++
		l[n] = r
	}
	return l[:n+1]
}

// drop removes the runs of a segment.
func (l *runs) drop(s *segment) {
	*l = slices.DeleteFunc(*l, func(r run) bool { return r.src == s })
	if len(*l) == 0 {
		*l = nil
	}
}

// dropWithin removes the runs of a segment that has nothing outside of from and to: it looks at no others.
func (l *runs) dropWithin(s *segment, from, to mq.Offset) {
	i := l.from(from)
	j := i
	for j < len(*l) && (*l)[j].first < to {
		j++
	}
	kept := slices.DeleteFunc((*l)[i:j], func(r run) bool { return r.src == s })
	*l = slices.Delete(*l, i+len(kept), j)
}
