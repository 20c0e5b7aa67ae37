// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// parse reads the decoder's next record, whose text is given.
func parse(dec *json.Decoder, text string) (read, error) {
	var l line
	if err := dec.Decode(&l); err != nil {
		return read{}, err
	}
	id, err := l.id()
	if err != nil {
		return read{}, err
	}
	say, err := l.says()
	if err != nil {
		return read{}, fmt.Errorf("%s %s of tenant %s: %w", id.Kind, id.Name, id.Tenant, err)
	}
	return read{id, text, l.Gone != nil, say}, nil
}

// says is what a line adds to a difference.
func (l line) says() (func(*catalog.Difference), error) {
	switch {
	case l.Gone != nil:
		return l.Gone.says()
	case l.Tenant != nil:
		v, err := l.Tenant.parse()
		return func(d *catalog.Difference) { d.Tenants = append(d.Tenants, v) }, err
	case l.App != nil:
		v, err := l.App.parse()
		return func(d *catalog.Difference) { d.Apps = append(d.Apps, v) }, err
	case l.Key != nil:
		v, err := l.Key.parse()
		return func(d *catalog.Difference) { d.Keys = append(d.Keys, v) }, err
	case l.Topic != nil:
		v, err := l.Topic.parse()
		return func(d *catalog.Difference) { d.Topics = append(d.Topics, v) }, err
	case l.Grant != nil:
		v, err := l.Grant.parse()
		return func(d *catalog.Difference) { d.Grants = append(d.Grants, v) }, err
	}
	v, err := l.Group.parse()
	return func(d *catalog.Difference) { d.Groups = append(d.Groups, v) }, err
}

// says is what the name of something that is gone adds to a difference.
func (id ID) says() (func(*catalog.Difference), error) {
	t, err := mq.ParseTenant(id.Tenant)
	if err != nil {
		return nil, err
	}
	switch id.Kind {
	case TenantKind:
		return func(d *catalog.Difference) { d.Gone.Tenants = append(d.Gone.Tenants, t) }, nil
	case ApplicationKind:
		return func(d *catalog.Difference) {
			d.Gone.Apps = append(d.Gone.Apps, catalog.AppID{Tenant: t, Name: id.Name})
		}, nil
	case GrantKind:
		return func(d *catalog.Difference) { d.Gone.Grants = append(d.Gone.Grants, id.Name) }, nil
	case KeyKind:
		return func(d *catalog.Difference) { d.Gone.Keys = append(d.Gone.Keys, id.Name) }, nil
	case TopicKind:
		n, err := mq.ParseTopicName(id.Name)
		return func(d *catalog.Difference) {
			d.Gone.Topics = append(d.Gone.Topics, catalog.TopicID{Tenant: t, Name: n})
		}, err
	case GroupKind:
		n, err := mq.ParseGroupName(id.Name)
		return func(d *catalog.Difference) {
			d.Gone.Groups = append(d.Gone.Groups, catalog.GroupID{Tenant: t, Name: n})
		}, err
	}
	return nil, errors.New("no record is of that kind")
}

func (t tenant) parse() (catalog.Tenant, error) {
	id, err := mq.ParseTenant(t.ID)
	out := catalog.Tenant{ID: id, Disabled: t.Disabled}
	switch t.Unsigned {
	case "":
	case "loopback":
		out.Unsigned = catalog.UnsignedLoopback
	case "anybody":
		out.Unsigned = catalog.UnsignedAnybody
	default:
		err = errors.Join(err, errors.New("unsigned: loopback or anybody"))
	}
	return out, err
}

func (a app) parse() (*catalog.App, error) {
	id, err := mq.ParseTenant(a.Tenant)
	if err != nil {
		return nil, err
	}
	out := &catalog.App{Tenant: id, Name: a.Name, Owner: a.Owner, Disabled: a.Disabled}
	if out.Publish, err = set(a.Publish, mq.ParseTopicName); err != nil {
		return nil, err
	}
	if out.Subscribe, err = set(a.Consume, mq.ParseGroupName); err != nil {
		return nil, err
	}
	out.SubscribeTopics, err = set(a.Read, mq.ParseTopicName)
	return out, err
}

func set[N comparable](all []string, parse func(string) (N, error)) (map[N]bool, error) {
	out := make(map[N]bool, len(all))
	for _, s := range all {
		n, err := parse(s)
		if err != nil {
			return nil, err
		}
		out[n] = true
	}
	return out, nil
}

func (k key) parse() (catalog.Key, error) {
	id, err := mq.ParseTenant(k.Tenant)
	if err == nil && (k.Secret == "" || k.App == "") {
		err = errors.New("a secret and an application are needed")
	}
	return catalog.Key{ID: k.ID, Secret: k.Secret, App: &catalog.App{Tenant: id, Name: k.App}, Expires: k.Expires, Revoked: k.Revoked}, err
}

func (t topic) parse() (out catalog.Topic, err error) {
	if out.Tenant, err = mq.ParseTenant(t.Tenant); err != nil {
		return out, err
	}
	if out.Name, err = mq.ParseTopicName(t.Name); err != nil {
		return out, err
	}
	if out.Topic.Name, err = mq.ParsePhysical(t.Physical); err != nil {
		return out, err
	}
	if out.Cluster, err = mq.ParseCluster(t.Cluster); err != nil {
		return out, err
	}
	for _, s := range t.Accepts {
		kind, err := mq.ParseMessageType(s)
		if err != nil {
			return out, err
		}
		out.Accepts |= mq.AcceptsOf(kind)
	}
	if out.Accepts == 0 || t.Queues < 0 || t.Queues > mq.MaxQueues {
		return out, fmt.Errorf("accepts and 0 to %d queues are needed", mq.MaxQueues)
	}
	out.Queues, out.Retention = t.Queues, time.Duration(t.Retention)
	if out.Durability, err = mq.ParseDurability(t.Durability); err != nil {
		return out, err
	}
	out.Move, err = t.Move.parse()
	return out, err
}

func (m *move) parse() (out catalog.Move, err error) {
	if m == nil {
		return out, nil
	}
	switch m.Stage {
	case "fencing":
		out.Stage = catalog.Fencing
	case "draining":
		out.Stage = catalog.Draining
	default:
		return out, errors.New("move: stage fencing or draining")
	}
	out.Peer, err = mq.ParseCluster(m.Peer)
	return out, err
}

func (g group) parse() (out catalog.Group, err error) {
	if out.Tenant, err = mq.ParseTenant(g.Tenant); err != nil {
		return out, err
	}
	if out.Name, err = mq.ParseGroupName(g.Name); err != nil {
		return out, err
	}
	if out.Group.Name, err = mq.ParsePhysical(g.Physical); err != nil {
		return out, err
	}
	if out.Cluster, err = mq.ParseCluster(g.Cluster); err != nil {
		return out, err
	}
	if g.MaxAttempts < 1 {
		return out, errors.New("max_attempts: at least 1")
	}
	out.Ordered, out.MaxAttempts, out.Hold, out.Paused = g.Ordered, g.MaxAttempts, time.Duration(g.Hold), g.Paused
	if g.Pulls {
		out.Mode = mq.Pulls
	}
	if r := g.Retry; r != nil {
		out.Retry = mq.RetryPolicy{Initial: time.Duration(r.Initial), Max: time.Duration(r.Max), Multiplier: r.Multiplier}
		for _, s := range r.Steps {
			out.Retry.Steps = append(out.Retry.Steps, time.Duration(s))
		}
	}
	if out.Start, err = start(g.Start); err != nil {
		return out, err
	}
	out.Move, err = g.Move.parse()
	return out, err
}

func start(s string) (mq.Start, error) {
	switch s {
	case "":
		return mq.Start{Kind: mq.StartEarliest}, nil
	case "latest":
		return mq.Start{Kind: mq.StartLatest}, nil
	case "engine":
		return mq.Start{Kind: mq.StartByEngine}, nil
	}
	when, err := time.Parse(time.RFC3339Nano, s)
	return mq.Start{Kind: mq.StartAt, Time: when}, err
}
