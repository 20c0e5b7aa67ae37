// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// PutTopic makes or changes a topic on every primary; its queues are spread over them. It returns when the name servers route it.
func (e *Engine) PutTopic(ctx context.Context, spec mq.TopicSpec) error {
	primaries, err := e.primaries(ctx)
	if err != nil {
		return err
	}
	n := int32(max(len(primaries.addresses), 1))
	queues := max((int32(spec.Queues)+n-1)/n, 1)
	return e.putTopic(ctx, admin.Topic{
		Name: spec.Name.String(), Read: queues, Write: queues, Permission: admin.ReadWrite, Attributes: map[string]string{admin.TypeAttribute: typeOf(spec.Accepts)},
	})
}

func (e *Engine) putTopic(ctx context.Context, t admin.Topic) error {
	err := e.everywhere(ctx, func(at target) error {
		return e.ask(ctx, at, remoting.Request{Code: remoting.CreateTopic, Header: admin.PutTopicOf(t), Timeout: 10 * time.Second}, nil)
	})
	if err != nil {
		return err
	}
	name, err := mq.ParsePhysical(t.Name)
	if err != nil {
		return err
	}
	for {
		r, err := e.fetch(ctx, name) // not lookUp: that may share a question from before the topic was made
		if err == nil && len(r.writable) > 0 {
			e.learn(name, r)
			return nil
		}
		if err != nil && mq.KindOf(err) != mq.TopicNotFound {
			return err
		}
		timer := e.clock.NewTimer(100 * time.Millisecond)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return mq.Doubt(mq.Timeout, ctx.Err(), "topic %s was made, but no name server routes it", t.Name)
		}
	}
}

// typeOf is the attribute that brokers and other proxies go by.
func typeOf(a mq.Accepts) string {
	types := a.Types()
	if len(types) != 1 {
		return admin.TypeMixed
	}
	switch types[0] {
	case mq.FIFO:
		return admin.TypeFIFO
	case mq.Delay:
		return admin.TypeDelay
	case mq.Transaction:
		return admin.TypeTransaction
	}
	return admin.TypeNormal
}

func acceptsOf(kind string) mq.Accepts {
	switch kind {
	case admin.TypeFIFO:
		return mq.AcceptsOf(mq.FIFO)
	case admin.TypeDelay:
		return mq.AcceptsOf(mq.Delay)
	case admin.TypeTransaction:
		return mq.AcceptsOf(mq.Transaction)
	case admin.TypeMixed:
		return mq.AcceptsOf(mq.Normal, mq.FIFO, mq.Delay, mq.Transaction)
	}
	return mq.AcceptsOf(mq.Normal)
}

// everywhere asks every primary; the first error ends it.
func (e *Engine) everywhere(ctx context.Context, do func(target) error) error {
	primaries, err := e.primaries(ctx)
	if err != nil {
		return err
	}
	if len(primaries.addresses) == 0 {
		return mq.Refuse(mq.Unavailable, "no primary is registered")
	}
	for broker := range primaries.addresses {
		if err := do(target{primaries, broker}); err != nil {
			return mq.During("broker "+broker, err)
		}
	}
	return nil
}

// DropTopic removes a topic everywhere. One that is not there is no error.
func (e *Engine) DropTopic(ctx context.Context, name mq.Physical) error {
	err := e.everywhere(ctx, func(at target) error {
		err := e.ask(ctx, at, remoting.Request{Code: remoting.DeleteTopic, Header: &admin.ByTopic{Topic: name.String()}}, nil)
		if mq.KindOf(err) == mq.TopicNotFound {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, server := range e.servers.all { // they do not talk to each other
		f, err := e.client.Call(ctx, server, remoting.Request{Code: remoting.DeleteTopicInNamesrv, Header: &admin.ByTopic{Topic: name.String()}})
		if err != nil {
			return err
		}
		f.Release()
	}
	e.routes.mu.Lock()
	delete(e.routes.all, name)
	e.routes.mu.Unlock()
	e.begun.Range(func(k, _ any) bool {
		if k.(begunKey).topic == name {
			e.begun.Delete(k)
		}
		return true
	})
	signal(e.changed)
	return nil
}

// PutGroup makes or changes a group on every primary, and the topic of its dead letters.
func (e *Engine) PutGroup(ctx context.Context, spec mq.GroupSpec) error {
	g := admin.NewGroup(spec.Name.String())
	g.Orderly = spec.Ordered
	if spec.MaxAttempts > 0 {
		g.RetryMost = int64(spec.MaxAttempts - 1)
	}
	if p := spec.Retry; len(p.Steps) > 0 {
		for _, s := range p.Steps {
			g.Retry.Steps = append(g.Retry.Steps, s.Milliseconds())
		}
	} else if p.Initial > 0 {
		g.Retry = admin.Retry{Initial: p.Initial.Milliseconds(), Max: p.Max.Milliseconds(), Multiplier: max(int64(p.Multiplier), 1)}
	}
	err := e.everywhere(ctx, func(at target) error {
		return e.ask(ctx, at, remoting.Request{Code: remoting.CreateGroup, Body: g.AppendJSON(nil)}, nil)
	})
	if err != nil {
		return err
	}
	_, err = e.deadRoute(ctx, mq.PhysicalDeadLetters(spec.Name))
	return err
}

// DropGroup removes a group with its offsets. Its dead letters stay.
func (e *Engine) DropGroup(ctx context.Context, name mq.Physical) error {
	e.begun.Range(func(k, _ any) bool {
		if k.(begunKey).group == name {
			e.begun.Delete(k)
		}
		return true
	})
	return e.everywhere(ctx, func(at target) error {
		return e.ask(ctx, at, remoting.Request{Code: remoting.DeleteGroup, Header: &admin.DropGroup{Group: name.String(), CleanOffsets: true}}, nil)
	})
}

// PutRights gives a principal exactly these rights, on every replica of every broker name: they are not copied between them.
func (e *Engine) PutRights(ctx context.Context, who mq.Principal, rights []mq.Right) error {
	acl := admin.ACL{Subject: "User:" + who.Name}
	for _, r := range rights {
		x := admin.Entry{Resource: "Topic:" + r.Topic.String(), Actions: []string{"Pub"}}
		if r.Verb == mq.Subscribe {
			x.Actions = []string{"Sub"}
		}
		if r.Topic == (mq.Physical{}) {
			x.Resource = "Group:" + r.Group.String()
		}
		acl.Entries = append(acl.Entries, x)
	}
	return e.everywhere(ctx, func(at target) error {
		user := remoting.Request{Code: remoting.CreateUser, Header: &admin.ByUser{Name: who.Name}, Body: admin.User{Name: who.Name, Secret: who.Secret}.AppendJSON(nil)}
		if err := e.ask(ctx, at, user, nil); err != nil {
			user.Code = remoting.UpdateUser
			if err := e.ask(ctx, at, user, nil); err != nil {
				return err
			}
		}
		_ = e.ask(ctx, at, remoting.Request{Code: remoting.DeleteACL, Header: &admin.DropACL{Subject: acl.Subject}}, nil) // there may be none
		if len(acl.Entries) == 0 {
			return nil
		}
		return e.ask(ctx, at, remoting.Request{Code: remoting.CreateACL, Header: &admin.BySubject{Subject: acl.Subject}, Body: acl.AppendJSON(nil)}, nil)
	})
}

// Inventory lists topics and groups that somebody made, from every primary's tables.
func (e *Engine) Inventory(ctx context.Context) (inv mq.Inventory, err error) {
	topics, groups := map[string]mq.TopicSpec{}, map[string]mq.GroupSpec{}
	err = e.everywhere(ctx, func(at target) error {
		f, err := e.call(ctx, at.route, at.broker, remoting.Request{Code: remoting.AllTopicConfigs, Header: admin.TopicPage(0)})
		if err != nil {
			return err
		}
		all, err := admin.ParseTopics(f.Body)
		if err != nil {
			return mq.Refuse(mq.Internal, "%v", err)
		}
		for _, t := range all {
			name, err := mq.ParsePhysical(t.Name)
			if err != nil || admin.IsSystemTopic(t.Name) || strings.HasPrefix(t.Name, "%RETRY%") || t.Name == at.broker || t.Name == e.opts.Cluster.String() {
				continue
			}
			spec := topics[t.Name]
			spec.Name, spec.Cluster, spec.Accepts = name, e.opts.Cluster, acceptsOf(t.Attributes[admin.TypeAttribute])
			spec.Queues += int(t.Write)
			topics[t.Name] = spec
		}
		return e.inventoryGroups(ctx, at, groups)
	})
	for _, t := range topics {
		inv.Topics = append(inv.Topics, t)
	}
	for _, g := range groups {
		inv.Groups = append(inv.Groups, g)
	}
	slices.SortFunc(inv.Topics, func(a, b mq.TopicSpec) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	slices.SortFunc(inv.Groups, func(a, b mq.GroupSpec) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	return inv, err
}

func (e *Engine) inventoryGroups(ctx context.Context, at target, groups map[string]mq.GroupSpec) error {
	f, err := e.call(ctx, at.route, at.broker, remoting.Request{Code: remoting.AllGroupConfigs, Header: admin.GroupPage(0)})
	if err != nil {
		return err
	}
	all, err := admin.ParseGroups(f.Body)
	if err != nil {
		return mq.Refuse(mq.Internal, "%v", err)
	}
	for _, g := range all {
		name, err := mq.ParsePhysical(g.Name)
		if err != nil || isSystemGroup(g.Name) {
			continue
		}
		spec := mq.GroupSpec{Name: name, Cluster: e.opts.Cluster, Ordered: g.Orderly, MaxAttempts: int(g.RetryMost) + 1}
		for _, s := range g.Retry.Steps {
			spec.Retry.Steps = append(spec.Retry.Steps, time.Duration(s)*time.Millisecond)
		}
		if g.Retry.Initial > 0 {
			spec.Retry = mq.RetryPolicy{
				Initial: time.Duration(g.Retry.Initial) * time.Millisecond, Max: time.Duration(g.Retry.Max) * time.Millisecond, Multiplier: float64(g.Retry.Multiplier),
			}
		}
		groups[g.Name] = spec
	}
	return nil
}

func isSystemGroup(name string) bool {
	switch name {
	case "TOOLS_CONSUMER", "FILTERSRV_CONSUMER", "__MONITOR_CONSUMER", "SELF_TEST_C_GROUP", "SELF_TEST_P_GROUP", "CLIENT_INNER_PRODUCER", "DEFAULT_CONSUMER", "SCHEDULE_CONSUMER", puller:
		return true
	}
	return strings.HasPrefix(name, "CID_")
}
