// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/show"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func progress(r *door.Request) (door.Answer, error) {
	tenant, name, err := r.Group()
	if err != nil {
		return door.Answer{}, err
	}
	q := r.URL.Query()
	var only *mq.TopicName
	if q.Has("topic") {
		t, err := mq.ParseTopicName(q.Get("topic"))
		if err != nil {
			return door.Answer{}, door.In("topic", err)
		}
		only = &t
	}
	all, err := r.Plane.Progress(r.Context(), tenant, name, only)
	if err != nil {
		return door.Answer{}, err
	}
	page := wire.Page[wire.Progress]{Items: make([]wire.Progress, 0, len(all))}
	for _, t := range all {
		sum := t.Sum()
		page.Items = append(page.Items, wire.Progress{
			Topic: t.Topic.String(), Ready: sum.Ready, Leased: sum.Leased, Retrying: sum.Retrying, Oldest: door.Optional(sum.Oldest), Queues: show.Queues(t.Queues),
		})
	}
	return door.OK(page)
}

func reset(r *door.Request) (door.Answer, error) {
	tenant, name, err := r.Group()
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.Reset
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	topic, err := mq.ParseTopicName(want.Topic)
	if err != nil {
		return door.Answer{}, door.In("topic", err)
	}
	to, err := positionOf(want)
	if err != nil {
		return door.Answer{}, err
	}
	done, err := r.Plane.Reset(r.Context(), r.Actor(), control.GroupReset{Tenant: tenant, Group: name, Topic: topic, To: to})
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(wire.ResetDone{Before: show.Queues(done.Before), After: show.Queues(done.After)})
}

func positionOf(want wire.Reset) (mq.Position, error) {
	p := mq.Position{Queue: mq.AnyQueue, Broker: want.Broker, Force: want.Force}
	if (want.To == "") == (want.Offset == nil) {
		return p, door.Bad("malformed", "to", "to: either to, or offset")
	}
	if want.Offset == nil {
		if want.Queue != nil || want.Broker != "" {
			return p, door.Bad("malformed", "queue", "queue: goes with offset only")
		}
		kind, at, err := door.ParsePlace("to", want.To)
		p.Kind = map[mq.StartKind]mq.PositionKind{mq.StartAt: mq.ToTime, mq.StartEarliest: mq.ToEarliest, mq.StartLatest: mq.ToLatest}[kind]
		p.Time = at
		return p, err
	}
	p.Kind, p.Offset = mq.ToOffset, mq.Offset(*want.Offset)
	if want.Queue != nil {
		if *want.Queue < 0 { // would be taken for every queue
			return p, door.Bad(string(control.OutOfRange), "queue", "queue: a number from 0 is wanted")
		}
		p.Queue = mq.QueueID(*want.Queue)
	}
	return p, nil
}
