// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func showTopic(t control.Topic) wire.Topic {
	return wire.Topic{
		Name: t.Name.String(), Types: texts(t.Spec.Accepts.Types()), Queues: t.Spec.Queues, Durability: t.Spec.Durability.String(),
		Retention: t.Spec.Retention.String(), Note: t.Note, State: string(t.State), Created: t.Created, Updated: t.Updated, Revision: uint64(t.Revision),
	}
}

func topicOf(r *http.Request) (mq.Tenant, mq.TopicName, error) {
	t, err := tenantOf(r)
	if err != nil {
		return t, mq.TopicName{}, err
	}
	n, err := mq.ParseTopicName(r.PathValue("topic"))
	return t, n, in("topic", err)
}

func (s *server) listTopics(r *http.Request) (answer, error) {
	t, err := tenantOf(r)
	if err != nil {
		return answer{}, err
	}
	all, err := s.opt.Plane.Topics(t)
	if err != nil {
		return answer{}, err
	}
	return listing(s, r, all, lister[control.Topic, wire.Topic]{func(t control.Topic) string { return t.Name.String() }, showTopic})
}

func (s *server) createTopic(r *http.Request) (answer, error) {
	tenant, err := tenantOf(r)
	if err != nil {
		return answer{}, err
	}
	var want wire.NewTopic
	if err := decode(r, &want); err != nil {
		return answer{}, err
	}
	n := control.NewTopic{Tenant: tenant, Queues: want.Queues, Note: want.Note}
	if n.Name, err = mq.ParseTopicName(want.Name); err != nil {
		return answer{}, in("name", err)
	}
	types, err := parseAll("types", want.Types, mq.ParseMessageType)
	if err != nil {
		return answer{}, err
	}
	n.Accepts = mq.AcceptsOf(types...)
	if n.Durability, err = mq.ParseDurability(want.Durability); err != nil {
		return answer{}, in("durability", err)
	}
	if n.Retention, err = parseSpan("retention", want.Retention); err != nil {
		return answer{}, err
	}
	t, err := s.opt.Plane.CreateTopic(r.Context(), n)
	if err != nil {
		return answer{}, err
	}
	return created(showTopic(t))
}

func (s *server) getTopic(r *http.Request) (answer, error) {
	tenant, name, err := topicOf(r)
	if err != nil {
		return answer{}, err
	}
	find := s.opt.Plane.Topic
	if g, dead := name.DeadLettersOf(); dead {
		find = func(mq.Tenant, mq.TopicName) (control.Topic, error) { return s.opt.Plane.DeadLetterTopic(tenant, g) }
	}
	t, err := find(tenant, name)
	if err != nil {
		return answer{}, err
	}
	return ok(showTopic(t))
}

func (s *server) changeTopic(r *http.Request) (answer, error) {
	tenant, name, err := topicOf(r)
	if err != nil {
		return answer{}, err
	}
	var want wire.TopicChange
	if err := decode(r, &want); err != nil {
		return answer{}, err
	}
	c := control.TopicChange{Queues: want.Queues, Note: want.Note, Revision: control.Version(want.Revision)}
	if want.Durability != nil {
		d, err := mq.ParseDurability(*want.Durability)
		if err != nil {
			return answer{}, in("durability", err)
		}
		c.Durability = &d
	}
	if c.Retention, err = optionalSpan("retention", want.Retention); err != nil {
		return answer{}, err
	}
	t, err := s.opt.Plane.UpdateTopic(r.Context(), tenant, name, c)
	if err != nil {
		return answer{}, err
	}
	return ok(showTopic(t))
}

func optionalSpan(field string, text *string) (*time.Duration, error) {
	if text == nil {
		return nil, nil
	}
	if *text == "" {
		return nil, bad("malformed", field, field+": the duration is empty")
	}
	d, err := parseSpan(field, *text)
	return &d, err
}

func (s *server) deleteTopic(r *http.Request) (answer, error) {
	tenant, name, err := topicOf(r)
	if err != nil {
		return answer{}, err
	}
	meant, err := confirmed(r, name.String())
	if err != nil {
		return answer{}, err
	}
	if err := s.opt.Plane.DeleteTopic(r.Context(), tenant, name, meant); err != nil {
		return answer{}, err
	}
	return none()
}
