// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/kept"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// PutTopic makes or changes a topic on every primary; its queues are spread over them. It returns when the name servers route it.
func (e *Engine) PutTopic(ctx context.Context, spec mq.TopicSpec) error {
	primaries, err := e.primaries(ctx)
	if err != nil {
		return err
	}
	n := int32(max(len(primaries.Addresses), 1))
	share := max((int32(spec.Queues)+n-1)/n, 1)
	return e.putTopic(ctx, spec.Name, func(was admin.Topic) admin.Topic { return kept.TopicOf(spec, share, was) })
}

// Freeze takes the right to write from a topic on every primary: from then on sends to it are refused, while what is there is consumed, and what brokers
// themselves put there, scheduled messages and commits, still arrives. One that is frozen already is no error.
func (e *Engine) Freeze(ctx context.Context, name mq.Physical) error {
	err := e.everywhere(ctx, func(at target) error {
		t, err := e.topicAt(ctx, at, name)
		if err != nil {
			return err
		}
		if t.Permission == admin.ReadOnly {
			return nil
		}
		t.Permission, t.Attributes = admin.ReadOnly, nil // attributes that are not named stay
		return e.ask(ctx, at, remoting.Request{Code: remoting.CreateTopic, Header: admin.PutTopicOf(t), Timeout: 10 * time.Second}, nil)
	})
	e.routes.Forget(name)
	return err
}

// topicAt is the topic as one primary has it.
func (e *Engine) topicAt(ctx context.Context, at target, name mq.Physical) (admin.Topic, error) {
	f, err := e.call(ctx, at.route, at.broker, remoting.Request{Code: remoting.TopicConfig, Header: &admin.ByTopic{Topic: name.String()}})
	if err != nil {
		return admin.Topic{}, err
	}
	defer f.Release()
	t, err := admin.ParseTopic(f.Body)
	if err != nil {
		return t, mq.Refuse(mq.Internal, "configuration of topic %s: %v", name, err)
	}
	return t, nil
}

// putTopic makes or changes a topic on every primary, from what it has there.
func (e *Engine) putTopic(ctx context.Context, name mq.Physical, as func(was admin.Topic) admin.Topic) error {
	err := e.everywhere(ctx, func(at target) error {
		was, err := e.topicAt(ctx, at, name)
		if err != nil && mq.KindOf(err) != mq.TopicNotFound {
			return err
		}
		return e.ask(ctx, at, remoting.Request{Code: remoting.CreateTopic, Header: admin.PutTopicOf(as(was)), Timeout: 10 * time.Second}, nil)
	})
	if err != nil {
		return err
	}
	for {
		r, err := e.routes.Fetch(ctx, name) // not lookUp: that may share a question from before the topic was made
		if err == nil && len(r.Writable) > 0 {
			e.routes.Learn(name, r)
			return nil
		}
		if err != nil && mq.KindOf(err) != mq.TopicNotFound {
			return err
		}
		if clock.Rest(ctx, e.clock, 100*time.Millisecond) != nil {
			return mq.Doubt(mq.Timeout, ctx.Err(), "topic %s was made, but no name server routes it", name)
		}
	}
}

// everywhere asks every primary; the first error ends it.
func (e *Engine) everywhere(ctx context.Context, do func(target) error) error {
	primaries, err := e.primaries(ctx)
	if err != nil {
		return err
	}
	if len(primaries.Addresses) == 0 {
		return mq.Refuse(mq.Unavailable, "no primary is registered")
	}
	for broker := range primaries.Addresses {
		if err := do(target{primaries, broker}); err != nil {
			return mq.During("broker "+broker, err)
		}
	}
	return nil
}

// DropTopic removes a topic everywhere. One that is not there is no error. Where groups have consumed it, their offsets are removed once more when nothing can
// come after, unless somebody made the topic anew meanwhile.
func (e *Engine) DropTopic(ctx context.Context, name mq.Physical) error {
	consumed := false
	remove := func(at target) error {
		groups, err := e.names(ctx, at, remoting.Request{Code: remoting.TopicConsumers, Header: &admin.ByTopic{Topic: name.String()}}, admin.ParseConsumers)
		if err == nil {
			consumed = consumed || len(groups) > 0
			err = e.ask(ctx, at, remoting.Request{Code: remoting.DeleteTopic, Header: &admin.ByTopic{Topic: name.String()}}, nil)
		}
		if mq.KindOf(err) == mq.TopicNotFound {
			return nil
		}
		return err
	}
	if err := e.everywhere(ctx, remove); err != nil {
		return err
	}
	for _, server := range e.routes.NameServers() { // they do not talk to each other
		f, err := e.client.Call(ctx, server, remoting.Request{Code: remoting.DeleteTopicInNamesrv, Header: &admin.ByTopic{Topic: name.String()}})
		if err != nil {
			return err
		}
		f.Release()
	}
	e.routes.Forget(name)
	e.begun.Range(func(k, _ any) bool {
		if k.(begunKey).topic == name {
			e.begun.Delete(k)
		}
		return true
	})
	if !consumed {
		return nil
	}
	if err := clock.Rest(ctx, e.clock, lateCommits); err != nil {
		return mq.Doubt(mq.Timeout, err, "topic %s was removed, but offsets of its groups may come back for a moment", name)
	}
	return e.everywhere(ctx, func(at target) error {
		if _, err := e.topicAt(ctx, at, name); mq.KindOf(err) != mq.TopicNotFound {
			return err
		}
		return remove(at)
	})
}

// names asks a primary for a list of them.
func (e *Engine) names(ctx context.Context, at target, q remoting.Request, parse func([]byte) ([]string, error)) ([]string, error) {
	f, err := e.call(ctx, at.route, at.broker, q)
	if err != nil {
		return nil, err
	}
	defer f.Release()
	all, err := parse(f.Body)
	if err != nil {
		return nil, mq.Refuse(mq.Internal, "%v", err)
	}
	return all, nil
}

// PutGroup makes or changes a group on every primary, and the topic of its dead letters.
func (e *Engine) PutGroup(ctx context.Context, spec mq.GroupSpec) error {
	err := e.everywhere(ctx, func(at target) error {
		was, err := e.groupAt(ctx, at, spec.Name)
		if err != nil {
			return err
		}
		return e.ask(ctx, at, remoting.Request{Code: remoting.CreateGroup, Body: kept.GroupOf(spec, was).AppendJSON(nil)}, nil)
	})
	if err != nil {
		return err
	}
	_, err = e.deadRoute(ctx, mq.PhysicalDeadLetters(spec.Name))
	return err
}

// groupAt is the group as one primary has it, or as it would be made.
func (e *Engine) groupAt(ctx context.Context, at target, name mq.Physical) (admin.Group, error) {
	f, err := e.call(ctx, at.route, at.broker, remoting.Request{Code: remoting.GroupConfig, Header: &admin.ByGroup{Group: name.String()}})
	if mq.KindOf(err) == mq.GroupNotFound {
		return admin.NewGroup(name.String()), nil
	}
	if err != nil {
		return admin.Group{}, err
	}
	defer f.Release()
	g, err := admin.ParseGroup(f.Body)
	if err != nil {
		return g, mq.Refuse(mq.Internal, "configuration of group %s: %v", name, err)
	}
	return g, nil
}

// lateCommits is how long after a pop a broker may still store the offset that it moved: it does so beside, 5 ms or so after the pop, later under load
// (up to 25 ms were seen), and makes the offset of a deleted group or topic again. One of that name that is made anew would begin there.
const lateCommits = 500 * time.Millisecond

// DropGroup removes a group with its offsets. Its dead letters stay. Where it has consumed, its offsets are removed once more when nothing can come after.
func (e *Engine) DropGroup(ctx context.Context, name mq.Physical) error {
	e.begun.Range(func(k, _ any) bool {
		if k.(begunKey).group == name {
			e.begun.Delete(k)
		}
		return true
	})
	consumed := false
	remove := func(at target) error {
		topics, err := e.names(ctx, at, remoting.Request{Code: remoting.ConsumedTopics, Header: &admin.ByGroup{Group: name.String()}}, admin.ParseTopicNames)
		if err != nil {
			return err
		}
		consumed = consumed || len(topics) > 0
		return e.ask(ctx, at, remoting.Request{Code: remoting.DeleteGroup, Header: &admin.DropGroup{Group: name.String(), CleanOffsets: true}}, nil)
	}
	if err := e.everywhere(ctx, remove); err != nil || !consumed {
		return err
	}
	if err := clock.Rest(ctx, e.clock, lateCommits); err != nil {
		return mq.Doubt(mq.Timeout, err, "group %s was removed, but its offsets may come back for a moment", name)
	}
	return e.everywhere(ctx, remove)
}

// Inventory lists topics and groups that somebody made, from every primary's tables.
func (e *Engine) Inventory(ctx context.Context) (mq.Inventory, error) {
	all := kept.Tally{Cluster: e.opts.Cluster, Brokers: e.opts.BrokersName}
	err := e.everywhere(ctx, func(at target) error {
		topics, groups, err := e.tables(ctx, at)
		if err == nil {
			all.Add(at.broker, topics, groups)
		}
		return err
	})
	return all.Inventory(), err
}

// tables reads a primary's; without a page asked for, all of them come.
func (e *Engine) tables(ctx context.Context, at target) (topics []admin.Topic, groups []admin.Group, err error) {
	f, err := e.call(ctx, at.route, at.broker, remoting.Request{Code: remoting.AllTopicConfigs})
	if err != nil {
		return nil, nil, err
	}
	if topics, err = admin.ParseTopics(f.Body); err != nil {
		return nil, nil, mq.Refuse(mq.Internal, "%v", err)
	}
	if f, err = e.call(ctx, at.route, at.broker, remoting.Request{Code: remoting.AllGroupConfigs}); err != nil {
		return nil, nil, err
	}
	if groups, err = admin.ParseGroups(f.Body); err != nil {
		return nil, nil, mq.Refuse(mq.Internal, "%v", err)
	}
	return topics, groups, nil
}
