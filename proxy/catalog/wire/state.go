// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"cmp"
	"slices"

	"github.com/causeway-mq/causeway/internal/trie"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// State is what a receiver has: a catalog in lines, at one version of one epoch. A State is never changed; Apply makes another, at the cost of the document.
type State struct {
	head    Head
	sum     Sum
	lines   trie.Map[ID, string]
	tenants int
	lost    Loss
}

// Loss is how many tenants a document took away.
type Loss struct{ Gone, Of int }

// Empty is the state before the first document.
func Empty() *State { return &State{} }

// Epoch is the epoch of the state's version.
func (s *State) Epoch() Epoch { return s.head.Epoch }

// Version is the version within the epoch, 0 before the first document.
func (s *State) Version() catalog.Version { return s.head.Version }

// Sum is the sum of all records, whatever version they are called.
func (s *State) Sum() Sum { return s.sum }

// Len is the number of records.
func (s *State) Len() int { return s.lines.Len() }

// Lost is what the document that made this state took away from the one before it.
func (s *State) Lost() Loss { return s.lost }

// Apply lays a document over the state: a snapshot replaces it, a delta has to be made for it. The error is a Conflict for a delta over another version,
// BadRequest for a document whose sum does not fit.
func (s *State) Apply(d Document) (*State, error) {
	next := &State{head: d.Head}
	if d.After != 0 {
		if s.head.Epoch != d.Epoch || s.head.Version != d.After {
			return nil, mq.Refuse(mq.Conflict, "catalog: the delta goes over version %d of epoch %s, here is version %d of epoch %s", d.After, d.Epoch.ID, s.head.Version, s.head.Epoch.ID)
		}
		next.sum, next.lines, next.tenants = s.sum, s.lines, s.tenants
	}
	lines := next.lines.Edit()
	for _, r := range d.records {
		was, there := lines.Get(r.id)
		if there {
			next.sum.Take(was)
			next.count(r.id, -1)
		}
		if r.gone {
			lines.Delete(r.id)
			continue
		}
		next.sum.Add(r.line)
		next.count(r.id, 1)
		lines.Set(r.id, r.line)
	}
	next.lines = lines.Map()
	if want := next.sum.Of(d.Epoch, d.Version); want != d.Sum {
		return nil, mq.Refuse(mq.BadRequest, "catalog: version %d is damaged: its sum is not the one it names", d.Version)
	}
	next.lost = s.lossTo(next, d)
	return next, nil
}

func (s *State) count(id ID, n int) {
	if id.Kind == TenantKind {
		s.tenants += n
	}
}

// lossTo counts the tenants of s that next lacks; of a delta it looks at what that says is gone.
func (s *State) lossTo(next *State, d Document) Loss {
	loss := Loss{Of: s.tenants}
	lacks := func(id ID) bool {
		_, was := s.lines.Get(id)
		_, is := next.lines.Get(id)
		return id.Kind == TenantKind && was && !is
	}
	if d.After != 0 {
		for _, r := range d.records {
			if r.gone && lacks(r.id) {
				loss.Gone++
			}
		}
		return loss
	}
	for id := range s.lines.All {
		if lacks(id) {
			loss.Gone++
		}
	}
	return loss
}

// Encode writes the state as a snapshot, in the order of names.
func (s *State) Encode() ([]byte, error) {
	ids := slices.SortedFunc(s.ids, func(a, b ID) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	lines := make([]string, len(ids))
	for i, id := range ids {
		lines[i], _ = s.lines.Get(id)
	}
	return Encode(Head{Epoch: s.head.Epoch, Version: s.head.Version, Sum: s.sum.Of(s.head.Epoch, s.head.Version)}, lines)
}

func (s *State) ids(yield func(ID) bool) {
	for id := range s.lines.All {
		if !yield(id) {
			return
		}
	}
}
