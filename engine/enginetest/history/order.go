// SPDX-License-Identifier: Apache-2.0

package history

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/causeway-mq/causeway/mq"
)

// unplaced judges order where a sender is not told the place of a message: one whose send was over before that of another began comes first, and is
// settled or in the same receive when the other one comes.
//
// A long record has many thousands of messages in one message group. Of those before a message only the one that was settled last is looked at, unless it
// accuses: then all are, backwards.
func (j *judge) unplaced(g *groupFacts) {
	lanes := map[mq.MessageGroup]*lane{}
	for _, id := range j.order {
		s := j.sends[id][0]
		if s.place.Topic != g.rules.Topic.String() || s.message.Group == (mq.MessageGroup{}) || s.place.Offset >= 0 || s.result != mq.Done || len(j.sends[id]) > 1 {
			continue
		}
		if g.rules.Wants != nil && !g.rules.Wants(&s.message) {
			continue
		}
		if lanes[s.message.Group] == nil {
			lanes[s.message.Group] = &lane{}
		}
		lanes[s.message.Group].sends = append(lanes[s.message.Group].sends, s)
	}
	for _, l := range lanes {
		l.prepare(j, g)
	}
	given := map[*lease]bool{}
	for _, t := range g.takes {
		for _, one := range t.got {
			l, own := lanes[one.group], j.sends[one.id]
			if given[one.lease] || l == nil || len(own) != 1 {
				continue
			}
			given[one.lease] = true
			l.judge(j, g, one, own[0])
		}
	}
}

// lane is the messages of one message group in the order in which their sends were over.
type lane struct {
	sends   []*sendOp
	settled []int64 // of each: when the first acknowledgement that may have settled it began
	last    []int64 // of each: the last of those times, of it and all before it
}

func (l *lane) prepare(j *judge, g *groupFacts) {
	slices.SortFunc(l.sends, func(a, b *sendOp) int { return cmp.Compare(a.Return, b.Return) })
	last := int64(0)
	for _, s := range l.sends {
		first := int64(math.MaxInt64)
		for _, e := range g.grants[s.message.ID] {
			for _, end := range e.settles {
				if end.result != mq.Refused {
					first = min(first, end.Call)
				}
			}
		}
		if g.dead[s.message.ID] > 0 {
			first = 0
		}
		last = max(last, first)
		l.settled, l.last = append(l.settled, first), append(l.last, last)
	}
}

func (l *lane) judge(j *judge, g *groupFacts, one *grant, own *sendOp) {
	before := sort.Search(len(l.sends), func(i int) bool { return l.sends[i].Return >= own.Call })
	for i := before - 1; i >= 0 && l.last[i] >= one.take.Return; i-- {
		if l.settled[i] < one.take.Return {
			continue
		}
		id := l.sends[i].message.ID
		at := slices.IndexFunc(one.take.got, func(x *grant) bool { return x.id == id })
		switch {
		case at < 0:
			j.accuse("order: %s of message group %s came to %s before %s was settled", one.id, one.group, g.rules.Name, id)
			j.tell(g, id, one.id)
			return
		case at > one.index:
			j.accuse("order: %s of message group %s came before %s in one receive", one.id, one.group, id)
		}
	}
}
