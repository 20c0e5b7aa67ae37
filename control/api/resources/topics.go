// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func topicOperations() []door.Operation {
	return []door.Operation{
		{ID: "listTopics", Method: "GET", Path: door.OfTenant + "/topics", Summary: "Lists a tenant's topics.", Scope: door.InTenant, Right: identity.ReadTopic,
			Query: byLabel(), Answer: wire.Page[wire.Topic]{}, Status: 200, Handle: listTopics},
		{ID: "createTopic", Method: "POST", Path: door.OfTenant + "/topics", Summary: "Makes a topic and answers when it can be used.", Scope: door.InTenant, Right: identity.CreateTopic,
			Request: wire.NewTopic{}, Answer: wire.Topic{}, Status: 201, Handle: createTopic},
		{ID: "getTopic", Method: "GET", Path: door.OfTopic, Summary: "Shows a topic.", Scope: door.InTenant, Right: identity.ReadTopic,
			Answer: wire.Topic{}, Status: 200, Handle: getTopic},
		{ID: "changeTopic", Method: "PATCH", Path: door.OfTopic, Summary: "Changes a topic.", Scope: door.InTenant, Right: identity.UpdateTopic,
			Request: wire.TopicChange{}, Answer: wire.Topic{}, Status: 200, Handle: changeTopic},
		{ID: "deleteTopic", Method: "DELETE", Path: door.OfTopic, Summary: "Deletes a topic with what it holds.", Scope: door.InTenant, Right: identity.DeleteTopic,
			Query: door.Confirm(), Status: 204, Handle: deleteTopic},
	}
}

// showTopic shows a topic without what its cluster has as a setting of its brokers: that would be a value that nobody applies.
func showTopic(r *door.Request) func(control.Topic) wire.Topic {
	return func(t control.Topic) wire.Topic {
		shown := wire.Topic{
			Name: t.Name.String(), Types: door.Texts(t.Spec.Accepts.Types()), Cluster: t.Spec.Cluster.String(), Queues: t.Spec.Queues, Durability: t.Spec.Durability.String(),
			Retention: t.Spec.Retention.String(), Note: t.Note, Labels: t.Labels.Map(), TakenOver: t.Taken, State: string(t.State), Created: t.Created, Updated: t.Updated, Revision: uint64(t.Revision),
		}
		for _, name := range r.Plane.BrokerSettings(t.Spec.Cluster) {
			switch name {
			case "durability":
				shown.Durability = ""
			case "retention":
				shown.Retention = ""
			}
		}
		return shown
	}
}

func listTopics(r *door.Request) (door.Answer, error) {
	t, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	all, err := r.Plane.Topics(t)
	if err == nil {
		all, err = labelled(r, all, func(one control.Topic) label.Labels { return one.Labels })
	}
	if err != nil {
		return door.Answer{}, err
	}
	return door.Listing(r, all, func(t control.Topic) string { return t.Name.String() }, showTopic(r))
}

func createTopic(r *door.Request) (door.Answer, error) {
	tenant, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.NewTopic
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	n := control.NewTopic{Tenant: tenant, Queues: want.Queues, Note: want.Note}
	if n.Name, err = mq.ParseTopicName(want.Name); err != nil {
		return door.Answer{}, door.In("name", err)
	}
	if n.Cluster, err = door.ParseCluster(want.Cluster); err != nil {
		return door.Answer{}, err
	}
	types, err := door.ParseAll("types", want.Types, mq.ParseMessageType)
	if err != nil {
		return door.Answer{}, err
	}
	n.Accepts = mq.AcceptsOf(types...)
	if want.Durability != "" {
		if n.Durability, err = parseDurability(want.Durability); err != nil {
			return door.Answer{}, err
		}
	}
	if want.Retention != "" {
		if n.Retention, err = door.OptionalSpan("retention", &want.Retention); err != nil {
			return door.Answer{}, err
		}
	}
	if n.Labels, err = label.Of(want.Labels); err != nil {
		return door.Answer{}, err
	}
	t, err := r.Plane.CreateTopic(r.Context(), r.Actor(), n)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Created(showTopic(r)(t))
}

func parseDurability(text string) (*mq.Durability, error) {
	d, err := mq.ParseDurability(text)
	if err != nil {
		return nil, door.In("durability", err)
	}
	return &d, nil
}

func getTopic(r *door.Request) (door.Answer, error) {
	tenant, name, err := r.Topic()
	if err != nil {
		return door.Answer{}, err
	}
	find := r.Plane.Topic
	if g, dead := name.DeadLettersOf(); dead {
		find = func(mq.Tenant, mq.TopicName) (control.Topic, error) { return r.Plane.DeadLetterTopic(tenant, g) }
	}
	t, err := find(tenant, name)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(showTopic(r)(t))
}

func changeTopic(r *door.Request) (door.Answer, error) {
	tenant, name, err := r.Topic()
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.TopicChange
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	c := control.TopicChange{Queues: want.Queues, Note: want.Note}
	if c.Revision, err = r.Seen(want.Revision); err != nil {
		return door.Answer{}, err
	}
	if want.Durability != nil {
		if c.Durability, err = parseDurability(*want.Durability); err != nil {
			return door.Answer{}, err
		}
	}
	if c.Retention, err = door.OptionalSpan("retention", want.Retention); err != nil {
		return door.Answer{}, err
	}
	if c.Labels, err = optionalLabels(want.Labels); err != nil {
		return door.Answer{}, err
	}
	t, err := r.Plane.UpdateTopic(r.Context(), r.Actor(), tenant, name, c)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(showTopic(r)(t))
}

func deleteTopic(r *door.Request) (door.Answer, error) {
	tenant, name, err := r.Topic()
	if err != nil {
		return door.Answer{}, err
	}
	meant, err := r.Confirmed(name.String())
	if err != nil {
		return door.Answer{}, err
	}
	seen, err := r.Seen(0)
	if err != nil {
		return door.Answer{}, err
	}
	if err := r.Plane.DeleteTopic(r.Context(), r.Actor(), tenant, name, control.Deletion{Confirmed: meant, Seen: seen}); err != nil {
		return door.Answer{}, err
	}
	return door.None()
}
