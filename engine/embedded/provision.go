// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/state"
	"github.com/causeway-mq/causeway/mq"
)

// calledTopicLocked finds the topic that a caller named. It needs the lock.
func (e *Engine) calledTopicLocked(topic mq.Topic) (*state.Topic, error) {
	if e.opts.Provisioned && e.j.State().Topic(topic.Name) == nil {
		return nil, mq.Refuse(mq.TopicNotFound, "no topic %s", topic.Name)
	}
	return e.topicLocked(topic)
}

// calledGroupLocked finds the group that a caller named. It needs the lock.
func (e *Engine) calledGroupLocked(group mq.Group) (*state.Group, error) {
	if e.opts.Provisioned && e.j.State().Group(group.Name) == nil {
		return nil, mq.Refuse(mq.GroupNotFound, "no group %s", group.Name)
	}
	return e.groupLocked(group)
}

// topicLocked finds a topic or makes it from the value in the call. It needs the lock.
func (e *Engine) topicLocked(topic mq.Topic) (*state.Topic, error) {
	if t := e.j.State().Topic(topic.Name); t != nil {
		return t, nil
	}
	if _, err := e.putTopicLocked(topic); err != nil {
		return nil, err
	}
	return e.j.State().Topic(topic.Name), nil
}

// groupLocked finds a group or makes it from the value in the call. It needs the lock.
func (e *Engine) groupLocked(group mq.Group) (*state.Group, error) {
	if g := e.j.State().Group(group.Name); g != nil {
		return g, nil
	}
	if _, err := e.putGroupLocked(group); err != nil {
		return nil, err
	}
	return e.j.State().Group(group.Name), nil
}

// PutTopic gives a topic this spec. Queues that a smaller number leaves over stay readable.
func (e *Engine) PutTopic(ctx context.Context, spec mq.TopicSpec) error {
	return e.put(ctx, func() (log.Position, error) { return e.putTopicLocked(spec) })
}

// PutGroup gives a group this spec. Its mode never changes.
func (e *Engine) PutGroup(ctx context.Context, spec mq.GroupSpec) error {
	return e.put(ctx, func() (log.Position, error) { return e.putGroupLocked(spec) })
}

// put runs a change under the lock and waits for its record.
func (e *Engine) put(ctx context.Context, change func() (log.Position, error)) error {
	if err := e.j.Alive(ctx); err != nil {
		return err
	}
	e.j.Lock()
	pos, err := change()
	e.j.Unlock()
	if err != nil || pos == 0 {
		return err
	}
	return e.j.Wait(ctx, pos)
}

// putTopicLocked returns 0 when there is nothing to do. It needs the lock.
func (e *Engine) putTopicLocked(spec mq.TopicSpec) (log.Position, error) {
	if spec.Name == (mq.Physical{}) {
		return 0, mq.Refuse(mq.BadRequest, "topic: the name is missing")
	}
	if _, dead := spec.Name.DeadLettersOf(); dead {
		spec.Queues = max(spec.Queues, 1)
		if spec.Retention == 0 {
			spec.Retention = e.opts.DeadLetters
		}
	}
	if spec.Queues == 0 {
		spec.Queues = defaultQueues
	}
	if spec.Queues < 0 || spec.Queues > mq.MaxQueues {
		return 0, mq.Refuse(mq.BadRequest, "topic %s: %d queues, from 1 to %d", spec.Name, spec.Queues, mq.MaxQueues)
	}
	id := e.j.State().LastTopic + 1
	if t := e.j.State().Topic(spec.Name); t != nil {
		if t.Spec == spec {
			return e.j.LastOrNone(), nil
		}
		id = t.ID
	}
	return e.j.Append(true, record.Topic{ID: id, At: e.j.Now(), Spec: spec})
}

// putGroupLocked returns 0 when there is nothing to do. It needs the lock.
func (e *Engine) putGroupLocked(spec mq.GroupSpec) (log.Position, error) {
	if spec.Name == (mq.Physical{}) {
		return 0, mq.Refuse(mq.BadRequest, "group: the name is missing")
	}
	if spec.MaxAttempts <= 0 {
		spec.MaxAttempts = mq.DefaultMaxAttempts
	}
	id := e.j.State().LastGroup + 1
	if g := e.j.State().Group(spec.Name); g != nil {
		if g.Spec.Mode != spec.Mode {
			return 0, mq.Refuse(mq.Conflict, "group %s %s; the mode of a group never changes", spec.Name, g.Spec.Mode)
		}
		if bytes.Equal(record.AppendGroupSpec(nil, g.Spec), record.AppendGroupSpec(nil, spec)) {
			return e.j.LastOrNone(), nil
		}
		id = g.ID
		if g.Spec.Ordered != spec.Ordered {
			e.voidClaimsLocked(func(l record.Ledger) bool { return l.Group == id })
		}
	}
	return e.j.Append(true, record.Group{ID: id, At: e.j.Now(), Spec: spec})
}

// DropTopic ends a topic with all its messages. A topic that is not there is dropped.
func (e *Engine) DropTopic(ctx context.Context, name mq.Physical) error {
	return e.put(ctx, func() (log.Position, error) {
		t := e.j.State().Topic(name)
		if t == nil {
			return e.j.LastOrNone(), nil
		}
		e.voidClaimsLocked(func(l record.Ledger) bool { return l.Queue.Topic == t.ID })
		pos, err := e.j.Append(true, record.DropTopic{ID: t.ID, Name: name})
		if err == nil {
			for q := range t.Queues {
				e.j.Index().Forget(journal.Number(record.Queue{Topic: t.ID, Queue: mq.QueueID(q)}))
			}
		}
		return pos, err
	})
}

// DropGroup ends a group with its position and its leases. A group that is not there is dropped.
func (e *Engine) DropGroup(ctx context.Context, name mq.Physical) error {
	return e.put(ctx, func() (log.Position, error) {
		g := e.j.State().Group(name)
		if g == nil {
			return e.j.LastOrNone(), nil
		}
		e.voidClaimsLocked(func(l record.Ledger) bool { return l.Group == g.ID })
		return e.j.Append(true, record.DropGroup{ID: g.ID})
	})
}

// PutRights is not for this engine: whoever reaches it may do everything.
func (e *Engine) PutRights(context.Context, mq.Principal, []mq.Right) error {
	return mq.Refuse(mq.Unsupported, "the embedded engine has no access control of its own")
}

// Inventory lists topics and groups by name.
func (e *Engine) Inventory(context.Context) (mq.Inventory, error) {
	e.j.Lock()
	defer e.j.Unlock()
	var inv mq.Inventory
	for t := range maps.Values(e.j.State().Topics) {
		inv.Topics = append(inv.Topics, t.Spec)
	}
	for g := range maps.Values(e.j.State().Groups) {
		inv.Groups = append(inv.Groups, g.Spec)
	}
	slices.SortFunc(inv.Topics, func(a, b mq.TopicSpec) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	slices.SortFunc(inv.Groups, func(a, b mq.GroupSpec) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	return inv, nil
}
