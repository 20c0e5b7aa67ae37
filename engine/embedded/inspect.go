// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/find"
	"github.com/causeway-mq/causeway/engine/embedded/journal"
	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/state"
	"github.com/causeway-mq/causeway/mq"
)

// Progress tells how far a group is in each queue of a topic. Ready counts what waits for its first delivery, Leased what is
// with a consumer, Retrying what came free after a delivery; nothing is counted twice. A queue that the group never touched
// counts from where the group would begin, if that is known without reading.
func (e *Engine) Progress(ctx context.Context, g mq.Group, topic mq.Topic) ([]mq.QueueProgress, error) {
	if err := e.j.Alive(ctx); err != nil {
		return nil, err
	}
	e.j.Lock()
	t, group, err := e.bothLocked(g.Name, topic.Name)
	var list []mq.QueueProgress
	if err == nil {
		list = e.progressLocked(t, group)
	}
	e.j.Unlock()
	if err != nil {
		return nil, err
	}
	for i := range list {
		e.age(t.ID, &list[i])
	}
	return list, nil
}

func (e *Engine) bothLocked(group, topic mq.Physical) (*state.Topic, *state.Group, error) {
	t, g := e.j.State().Topic(topic), e.j.State().Group(group)
	switch {
	case t == nil:
		return nil, nil, mq.Refuse(mq.TopicNotFound, "no topic %s", topic)
	case g == nil:
		return nil, nil, mq.Refuse(mq.GroupNotFound, "no group %s", group)
	}
	return t, g, nil
}

// progressLocked needs the lock.
func (e *Engine) progressLocked(t *state.Topic, g *state.Group) []mq.QueueProgress {
	now := e.j.Now()
	list := make([]mq.QueueProgress, len(t.Queues))
	for i := range list {
		id := record.Queue{Topic: t.ID, Queue: mq.QueueID(i)}
		q := &t.Queues[i]
		p := &list[i]
		*p = mq.QueueProgress{Broker: e.opts.Broker, Queue: id.Queue, Lo: mq.Offset(q.Lo), Hi: mq.Offset(q.Visible), Committed: -1, Ready: -1}
		l := g.Ledgers[id]
		if l == nil {
			if at, known := e.beginLocked(g.Spec.Start, id); known {
				p.Committed, p.Ready = mq.Offset(at), q.Visible-at
			}
			continue
		}
		counts := l.Count(now)
		p.Committed, p.Begun = mq.Offset(l.Floor()), true
		p.Leased, p.Retrying = counts.Leased, counts.Retrying
		p.Ready = max(q.Visible-l.Next(), 0) + counts.Waiting
	}
	return list
}

// age finds when the oldest unsettled message of a queue was stored.
func (e *Engine) age(topic record.TopicID, p *mq.QueueProgress) {
	if p.Committed < 0 || p.Committed >= p.Hi {
		return
	}
	entries, err := e.j.Index().Range(journal.Number(record.Queue{Topic: topic, Queue: p.Queue}), p.Committed, 1, nil)
	if err == nil && len(entries) > 0 {
		p.Oldest = time.Unix(0, entries[0].Stored)
	}
}

// Reset moves a group; leases that it ends are void.
func (e *Engine) Reset(ctx context.Context, g mq.Group, topic mq.Topic, p mq.Position) (mq.ResetDone, error) {
	var done mq.ResetDone
	if err := e.j.Alive(ctx); err != nil {
		return done, err
	}
	e.j.Lock()
	t, err := e.calledTopicLocked(topic)
	if err == nil {
		_, err = e.calledGroupLocked(g)
	}
	var bounds []state.Queue
	if err == nil {
		bounds = append(bounds, t.Queues...)
	}
	e.j.Unlock()
	if err != nil {
		return done, err
	}
	targets, err := e.targets(t.ID, bounds, p)
	if err != nil {
		return done, err
	}
	pos, err := e.moveGroup(move{group: g.Name, topic: topic.Name, targets: targets, force: p.Force}, &done)
	if err != nil {
		return done, err
	}
	if err := e.j.Wait(ctx, pos); err != nil {
		return done, err
	}
	for i := range done.Before {
		e.age(t.ID, &done.Before[i])
		e.age(t.ID, &done.After[i])
	}
	return done, nil
}

// targets is where a reset moves each queue; -1 where it moves nothing.
func (e *Engine) targets(topic record.TopicID, queues []state.Queue, p mq.Position) ([]int64, error) {
	targets := make([]int64, len(queues))
	touched := false
	for i, q := range queues {
		switch p.Kind {
		case mq.ToEarliest:
			targets[i] = q.Lo
		case mq.ToLatest:
			targets[i] = q.Visible
		case mq.ToTime:
			at, err := e.j.OffsetAt(record.Queue{Topic: topic, Queue: mq.QueueID(i)}, p.Time, q.Lo, q.Visible)
			if err != nil {
				return nil, err
			}
			targets[i] = at
		case mq.ToOffset:
			if p.Queue != mq.AnyQueue && p.Queue != mq.QueueID(i) {
				targets[i] = -1
				continue
			}
			if int64(p.Offset) < q.Lo || int64(p.Offset) > q.Visible {
				return nil, mq.Refuse(mq.IllegalOffset, "offset %d of queue %d: from %d to %d", p.Offset, i, q.Lo, q.Visible)
			}
			targets[i] = int64(p.Offset)
		default:
			return nil, mq.Refuse(mq.BadRequest, "position of an unknown kind %d", p.Kind)
		}
		touched = true
	}
	if !touched {
		return nil, mq.Refuse(mq.NotFound, "no queue %d", p.Queue)
	}
	return targets, nil
}

// move is a reset whose offsets are known.
type move struct {
	group, topic mq.Physical
	targets      []int64 // by queue; -1 moves nothing
	force        bool
}

func (e *Engine) moveGroup(m move, done *mq.ResetDone) (log.Position, error) {
	e.j.Lock()
	t, g, err := e.bothLocked(m.group, m.topic)
	if err == nil && !m.force {
		if n := leasesOf(t, g, e.j.Now()); n > 0 {
			err = mq.Refuse(mq.Conflict, "group %s holds %d leases of topic %s; a forced reset makes them void", m.group, n, m.topic)
		}
	}
	if err != nil {
		e.j.Unlock()
		return 0, err
	}
	done.Before = e.progressLocked(t, g)
	var parts []record.Part
	for i, at := range m.targets {
		if at >= 0 && i < len(t.Queues) {
			ledger := record.Ledger{Group: g.ID, Queue: record.Queue{Topic: t.ID, Queue: mq.QueueID(i)}}
			parts = append(parts, record.Position{Ledger: ledger, Next: max(at, t.Queues[i].Lo)})
			e.voidClaimsLocked(func(l record.Ledger) bool { return l == ledger })
		}
	}
	pos, err := e.j.Append(true, parts...)
	var rings []ring
	if err == nil {
		done.After = e.progressLocked(t, g)
		for _, p := range parts {
			if ledger := p.(record.Position).Ledger; e.hasWorkLocked(ledger) {
				rings = append(rings, e.ringOf(ledger))
			}
		}
	}
	e.j.Unlock()
	e.wakeAll(rings)
	return pos, err
}

// Find searches messages; see control.Inspector.
func (e *Engine) Find(ctx context.Context, f mq.Find) (mq.Page, error) {
	return find.Finder{Journal: e.j, Broker: e.opts.Broker, Cluster: e.opts.Cluster}.Find(ctx, f)
}

// Nodes is this engine itself, its only server. It keeps no rates and is not asked over an address.
func (e *Engine) Nodes(context.Context) (mq.Nodes, error) {
	n := mq.Node{Broker: e.opts.Broker, ID: -1, Primary: true, PutRate: -1, GetRate: -1, Disk: -1, From: -1, To: -1}
	_, _, n.Why = e.j.Health()
	used := int64(0)
	for i, s := range e.j.Segments() {
		if used += s.Bytes; i == 0 {
			n.From = int64(s.Base)
		}
		n.To = int64(s.End)
	}
	if e.opts.MaxBytes > 0 {
		n.Disk = float64(used) / float64(e.opts.MaxBytes)
	}
	return mq.Nodes{Nodes: []mq.Node{n}}, nil
}

// State is the engine's own view of itself.
func (e *Engine) State(context.Context) (mq.ClusterState, error) {
	st := mq.ClusterState{Cluster: e.opts.Cluster, Engine: "embedded", DiskLimit: e.opts.MaxBytes}
	st.Healthy, st.Writable, st.Why = e.j.Health()
	for _, s := range e.j.Segments() {
		st.DiskUsed += s.Bytes
	}
	e.j.Lock()
	defer e.j.Unlock()
	now := e.j.Now()
	st.Topics, st.Groups = len(e.j.State().Topics), len(e.j.State().Groups)
	st.Scheduled, st.Halves = int64(e.j.State().Timers.Len()), int64(e.j.State().Halves.Len())
	for _, g := range e.j.State().Groups {
		for _, l := range g.Ledgers {
			st.Leased += int64(l.Leased(now))
		}
	}
	return st, nil
}
