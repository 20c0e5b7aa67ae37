// SPDX-License-Identifier: Apache-2.0

// Package controltest gives tests an engine in memory behind the control plane's ports.
package controltest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// Engine keeps specs and messages in maps. It has one queue for each topic, and each group leases a message until it
// acknowledges it or the lease is over. Set its hooks before it is used.
type Engine struct {
	// Fail, if not nil, is asked before each call, with the verb's name, what error to give.
	Fail func(verb string) error
	// Hang, if not nil, is asked before Fail; it may wait, as an engine does that does not answer.
	Hang func(ctx context.Context, verb string) error
	// Blind says that the engine does not list what waits.
	Blind bool
	// Now is the engine's clock; time.Now by default.
	Now func() time.Time

	waiting atomic.Int32 // callers in Hang

	mu       sync.Mutex // guards all below
	topics   map[mq.Physical]mq.TopicSpec
	groups   map[mq.Physical]mq.GroupSpec
	messages map[mq.Physical][]mq.Stored
	held     []mq.Found // scheduled messages and halves, as they came
	settled  map[place]bool
	leased   map[place]time.Time // until when
	calls    map[string]int
}

// place is a message in the eyes of a group.
type place struct {
	group, topic mq.Physical
	offset       mq.Offset
}

var (
	_ control.Provisioner = (*Engine)(nil)
	_ control.Inspector   = (*Engine)(nil)
	_ control.Mover       = (*Engine)(nil)
	_ control.Courier     = (*Engine)(nil)
)

// New makes an empty engine.
func New() *Engine {
	return &Engine{
		topics: map[mq.Physical]mq.TopicSpec{}, groups: map[mq.Physical]mq.GroupSpec{}, messages: map[mq.Physical][]mq.Stored{},
		settled: map[place]bool{}, leased: map[place]time.Time{}, calls: map[string]int{},
	}
}

// enter counts a call and locks, unless the hook fails it.
func (e *Engine) enter(ctx context.Context, verb string) error {
	var err error
	if e.Hang != nil {
		e.waiting.Add(1)
		err = e.Hang(ctx, verb)
		e.waiting.Add(-1)
	}
	if err == nil && e.Fail != nil {
		err = e.Fail(verb)
	}
	e.mu.Lock()
	e.calls[verb]++
	if err != nil {
		e.mu.Unlock()
	}
	return err
}

func (e *Engine) now() time.Time {
	if e.Now != nil {
		return e.Now()
	}
	return time.Now()
}

// Waiting says how many calls are in Hang now.
func (e *Engine) Waiting() int { return int(e.waiting.Load()) }

// Calls says how often a verb was called.
func (e *Engine) Calls(verb string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls[verb]
}

// Topic gives the spec that the engine has.
func (e *Engine) Topic(name mq.Physical) (mq.TopicSpec, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.topics[name]
	return t, ok
}

// Group gives the spec that the engine has.
func (e *Engine) Group(name mq.Physical) (mq.GroupSpec, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g, ok := e.groups[name]
	return g, ok
}

// PutTopic implements control.Provisioner.
func (e *Engine) PutTopic(ctx context.Context, spec mq.TopicSpec) error {
	if err := e.enter(ctx, "PutTopic"); err != nil {
		return err
	}
	defer e.mu.Unlock()
	e.topics[spec.Name] = spec
	return nil
}

// DropTopic implements control.Provisioner.
func (e *Engine) DropTopic(ctx context.Context, name mq.Physical) error {
	if err := e.enter(ctx, "DropTopic"); err != nil {
		return err
	}
	defer e.mu.Unlock()
	if _, ok := e.topics[name]; !ok {
		return mq.Refuse(mq.TopicNotFound, "no topic %q", name)
	}
	delete(e.topics, name)
	delete(e.messages, name)
	return nil
}

// PutGroup implements control.Provisioner.
func (e *Engine) PutGroup(ctx context.Context, spec mq.GroupSpec) error {
	if err := e.enter(ctx, "PutGroup"); err != nil {
		return err
	}
	defer e.mu.Unlock()
	e.groups[spec.Name] = spec
	return nil
}

// DropGroup implements control.Provisioner.
func (e *Engine) DropGroup(ctx context.Context, name mq.Physical) error {
	if err := e.enter(ctx, "DropGroup"); err != nil {
		return err
	}
	defer e.mu.Unlock()
	if _, ok := e.groups[name]; !ok {
		return mq.Refuse(mq.GroupNotFound, "no group %q", name)
	}
	delete(e.groups, name)
	for p := range e.settled {
		if p.group == name {
			delete(e.settled, p)
		}
	}
	return nil
}

// PutRights implements control.Provisioner.
func (e *Engine) PutRights(context.Context, mq.Principal, []mq.Right) error {
	return mq.Refuse(mq.Unsupported, "no access control of its own")
}

// Inventory implements control.Provisioner.
func (e *Engine) Inventory(ctx context.Context) (mq.Inventory, error) {
	if err := e.enter(ctx, "Inventory"); err != nil {
		return mq.Inventory{}, err
	}
	defer e.mu.Unlock()
	var all mq.Inventory
	for _, t := range e.topics {
		all.Topics = append(all.Topics, t)
	}
	for _, g := range e.groups {
		all.Groups = append(all.Groups, g)
	}
	return all, nil
}

// Traits implements control.Courier.
func (e *Engine) Traits() mq.Traits {
	return mq.Traits{Name: "fake", MaxDelay: 24 * time.Hour, ListsWaiting: !e.Blind, TopicRetention: true, TopicDurability: true}
}

// Send implements control.Mover and control.Courier.
func (e *Engine) Send(ctx context.Context, topic mq.Topic, batch []mq.Message) []mq.Sent {
	sent := make([]mq.Sent, len(batch))
	if err := e.enter(ctx, "Send"); err != nil {
		for i := range sent {
			sent[i].Err = err
		}
		return sent
	}
	defer e.mu.Unlock()
	for i, m := range batch {
		token := strconv.Itoa(len(e.held) + 1)
		one := mq.Found{Stored: mq.Stored{Message: m, Topic: topic.Name, Offset: -1, Queue: -1, StoredAt: e.now()}}
		switch {
		case m.Type == mq.Delay && m.DeliverAt.After(e.now()):
			one.State, one.Due, one.Scheduled = mq.FoundScheduled, m.DeliverAt, mq.Scheduled{Message: m.ID, Token: token}
			sent[i].Scheduled = one.Scheduled
		case m.Type == mq.Transaction:
			one.State, one.Half, one.Round = mq.FoundHalf, mq.Half{Message: m.ID, Token: token}, 1
			sent[i].Half = one.Half
		default:
			sent[i].Offset = e.store(topic, m)
			continue
		}
		sent[i].Offset = -1
		e.held = append(e.held, one)
	}
	return sent
}

// release gives what waits under a token, which waits no more.
func (e *Engine) release(topic mq.Topic, token string) (mq.Found, bool) {
	i := slices.IndexFunc(e.held, func(m mq.Found) bool {
		return m.Topic == topic.Name && token != "" && (m.Scheduled.Token == token || m.Half.Token == token)
	})
	if i < 0 {
		return mq.Found{}, false
	}
	one := e.held[i]
	e.held[i] = mq.Found{} // tokens are numbers of places
	return one, true
}

// Recall implements control.Courier.
func (e *Engine) Recall(ctx context.Context, topic mq.Topic, s mq.Scheduled) error {
	if err := e.enter(ctx, "Recall"); err != nil {
		return err
	}
	defer e.mu.Unlock()
	if _, ok := e.release(topic, s.Token); !ok {
		return mq.Refuse(mq.MessageNotFound, "it waits no more")
	}
	return nil
}

// Settle implements control.Courier.
func (e *Engine) Settle(ctx context.Context, topic mq.Topic, half mq.Half, v mq.Verdict, _ mq.SettledBy) error {
	if err := e.enter(ctx, "Settle"); err != nil {
		return err
	}
	defer e.mu.Unlock()
	one, ok := e.release(topic, half.Token)
	if !ok {
		return mq.Refuse(mq.InvalidTransaction, "no such transaction")
	}
	if v == mq.Commit {
		e.store(topic, one.Message)
	}
	return nil
}

func (e *Engine) store(topic mq.Topic, m mq.Message) mq.Offset {
	e.topics[topic.Name] = topic
	at := mq.Offset(len(e.messages[topic.Name]))
	e.messages[topic.Name] = append(e.messages[topic.Name], mq.Stored{Message: m, Topic: topic.Name, Offset: at, StoredAt: e.now()})
	return at
}

// Take implements control.Mover.
func (e *Engine) Take(ctx context.Context, want mq.Want) ([]mq.Delivery, error) {
	if err := e.enter(ctx, "Take"); err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	var got []mq.Delivery
	for _, m := range e.messages[want.Topic.Name] {
		p := place{want.Group.Name, want.Topic.Name, m.Offset}
		if len(got) == want.Max || e.settled[p] || e.isLeased(p) {
			continue
		}
		e.leased[p] = e.now().Add(cmp.Or(want.Hold.Duration(), forGood))
		got = append(got, mq.Delivery{Stored: m, Attempt: 1, Lease: mq.Lease{Topic: want.Topic, Group: want.Group, Token: strconv.Itoa(int(m.Offset))}})
	}
	return got, nil
}

// forGood is how long a lease lasts that nobody says the length of.
const forGood = 10_000 * time.Hour

func (e *Engine) isLeased(p place) bool { return e.now().Before(e.leased[p]) }

// Ack implements control.Mover.
func (e *Engine) Ack(ctx context.Context, leases []mq.Lease) []error {
	errs := make([]error, len(leases))
	if err := e.enter(ctx, "Ack"); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	defer e.mu.Unlock()
	for i, l := range leases {
		n, err := strconv.Atoi(l.Token)
		errs[i] = err
		p := place{l.Group.Name, l.Topic.Name, mq.Offset(n)}
		e.settled[p] = true
		delete(e.leased, p)
	}
	return errs
}

// Find implements control.Inspector. Its cursor is the offset to go on from.
func (e *Engine) Find(ctx context.Context, f mq.Find) (mq.Page, error) {
	if err := e.enter(ctx, "Find"); err != nil {
		return mq.Page{}, err
	}
	defer e.mu.Unlock()
	if _, ok := e.topics[f.Topic.Name]; !ok {
		return mq.Page{}, mq.Refuse(mq.TopicNotFound, "no topic %q", f.Topic.Name)
	}
	from := 0
	if f.Cursor != "" {
		var err error
		if from, err = strconv.Atoi(f.Cursor); err != nil {
			return mq.Page{}, mq.Refuse(mq.BadRequest, "cursor: not one of this search")
		}
	}
	page := mq.Page{From: f.Begin, To: f.End}
	if f.Only != "" || f.ID != (mq.MessageID{}) && !e.Blind {
		for i, m := range e.held[min(from, len(e.held)):] {
			if m.Topic != f.Topic.Name || m.State == "" || f.Only != "" && m.State != f.Only || f.Only == "" && m.Message.ID != f.ID {
				continue
			}
			if len(page.Messages) == f.Limit {
				page.Next = strconv.Itoa(from + i)
				break
			}
			page.Messages = append(page.Messages, m)
		}
		if f.Only != "" {
			return page, nil
		}
	}
	all := e.messages[f.Topic.Name]
	for i := from; i < len(all); i++ {
		if !chosen(f, all[i]) {
			continue
		}
		if len(page.Messages) == f.Limit {
			page.Next = strconv.Itoa(i)
			break
		}
		page.Messages = append(page.Messages, mq.Found{Stored: all[i], State: mq.FoundStored})
	}
	return page, nil
}

func chosen(f mq.Find, m mq.Stored) bool {
	switch {
	case f.ID != mq.MessageID{}:
		return m.Message.ID == f.ID
	case f.Key != mq.Key{}:
		return slices.Contains(m.Message.Keys, f.Key)
	case f.Place != nil:
		return m.Queue == f.Place.Queue && m.Offset == f.Place.Offset
	}
	return !m.StoredAt.Before(f.Begin) && (f.End.IsZero() || m.StoredAt.Before(f.End))
}

// Progress implements control.Inspector.
func (e *Engine) Progress(ctx context.Context, g mq.Group, t mq.Topic) ([]mq.QueueProgress, error) {
	if err := e.enter(ctx, "Progress"); err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	return e.progress(g, t), nil
}

func (e *Engine) progress(g mq.Group, t mq.Topic) []mq.QueueProgress {
	q := mq.QueueProgress{Hi: mq.Offset(len(e.messages[t.Name])), Committed: -1}
	for _, m := range e.messages[t.Name] {
		p := place{g.Name, t.Name, m.Offset}
		switch {
		case e.settled[p]:
			q.Committed, q.Begun = max(q.Committed, m.Offset+1), true
		case e.isLeased(p):
			q.Leased++
			q.Begun = true
		default:
			q.Ready++
		}
	}
	return []mq.QueueProgress{q}
}

// Fate implements control.Inspector.
func (e *Engine) Fate(ctx context.Context, g mq.Group, t mq.Topic, at mq.Place) (mq.Fate, error) {
	if err := e.enter(ctx, "Fate"); err != nil {
		return mq.Fate{}, err
	}
	defer e.mu.Unlock()
	p := place{g.Name, t.Name, at.Offset}
	switch {
	case e.settled[p]:
		return mq.Fate{State: mq.FateSettled}, nil
	case e.isLeased(p):
		return mq.Fate{State: mq.FateLeased, Attempt: 1}, nil
	case int(at.Offset) < len(e.messages[t.Name]):
		return mq.Fate{State: mq.FateUnread, Ahead: int64(at.Offset)}, nil
	}
	return mq.Fate{State: mq.FateUnknown}, nil
}

// Reset implements control.Inspector.
func (e *Engine) Reset(ctx context.Context, g mq.Group, t mq.Topic, to mq.Position) (mq.ResetDone, error) {
	if err := e.enter(ctx, "Reset"); err != nil {
		return mq.ResetDone{}, err
	}
	defer e.mu.Unlock()
	before := e.progress(g, t)
	if before[0].Leased > 0 && !to.Force {
		return mq.ResetDone{}, mq.Refuse(mq.Conflict, "leases live")
	}
	if to.Kind == mq.ToOffset && to.Offset > before[0].Hi {
		return mq.ResetDone{}, mq.Refuse(mq.IllegalOffset, "offset %d, the queue ends at %d", to.Offset, before[0].Hi)
	}
	for _, m := range e.messages[t.Name] {
		p := place{g.Name, t.Name, m.Offset}
		delete(e.leased, p)
		e.settled[p] = to.Kind == mq.ToLatest || to.Kind == mq.ToOffset && m.Offset < to.Offset || to.Kind == mq.ToTime && m.StoredAt.Before(to.Time)
	}
	return mq.ResetDone{Before: before, After: e.progress(g, t)}, nil
}

// Nodes implements control.Inspector.
func (e *Engine) Nodes(ctx context.Context) (mq.Nodes, error) {
	if err := e.enter(ctx, "Nodes"); err != nil {
		return mq.Nodes{}, err
	}
	defer e.mu.Unlock()
	return mq.Nodes{
		Nodes: []mq.Node{
			{Broker: "broker-a", Address: "10.0.0.1:10911", Primary: true, Version: "V5_5_0", PutRate: 12.5, GetRate: 7, Disk: 0.42, From: 0, To: 9000, InSync: mq.InSync},
			{Broker: "broker-a", ID: 2, Address: "10.0.0.2:10911", PutRate: -1, GetRate: -1, Disk: -1, From: -1, To: -1, Behind: -1, InSync: mq.NotInSync, Why: "it does not answer"},
		},
		Controllers: []mq.Controller{{Address: "10.0.0.3:9878", Leader: true}},
	}, nil
}

// State implements control.Inspector.
func (e *Engine) State(ctx context.Context) (mq.ClusterState, error) {
	if err := e.enter(ctx, "State"); err != nil {
		return mq.ClusterState{}, err
	}
	defer e.mu.Unlock()
	cluster, err := mq.ParseCluster("test")
	return mq.ClusterState{Cluster: cluster, Engine: "fake", Healthy: true, Writable: true, DiskUsed: 1 << 20, Topics: len(e.topics), Groups: len(e.groups)}, err
}
