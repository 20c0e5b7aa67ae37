// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func showQueues(all []mq.QueueProgress) []wire.QueueProgress {
	shown := make([]wire.QueueProgress, 0, len(all))
	for _, q := range all {
		shown = append(shown, wire.QueueProgress{
			Broker: q.Broker, Queue: int32(q.Queue), Lo: int64(q.Lo), Hi: int64(q.Hi), Committed: int64(q.Committed),
			Ready: q.Ready, Leased: q.Leased, Retrying: q.Retrying, Oldest: optional(q.Oldest),
		})
	}
	return shown
}

func (s *server) progress(r *http.Request) (answer, error) {
	tenant, name, err := groupOf(r)
	if err != nil {
		return answer{}, err
	}
	q, err := parameters(r, "topic")
	if err != nil {
		return answer{}, err
	}
	var only *mq.TopicName
	if q.Has("topic") {
		t, err := mq.ParseTopicName(q.Get("topic"))
		if err != nil {
			return answer{}, in("topic", err)
		}
		only = &t
	}
	all, err := s.opt.Plane.Progress(r.Context(), tenant, name, only)
	if err != nil {
		return answer{}, err
	}
	page := wire.Page[wire.Progress]{Items: make([]wire.Progress, 0, len(all))}
	for _, t := range all {
		sum := t.Sum()
		page.Items = append(page.Items, wire.Progress{
			Topic: t.Topic.String(), Ready: sum.Ready, Leased: sum.Leased, Retrying: sum.Retrying, Oldest: optional(sum.Oldest), Queues: showQueues(t.Queues),
		})
	}
	return ok(page)
}

func (s *server) reset(r *http.Request) (answer, error) {
	tenant, name, err := groupOf(r)
	if err != nil {
		return answer{}, err
	}
	var want wire.Reset
	if err := decode(r, &want); err != nil {
		return answer{}, err
	}
	topic, err := mq.ParseTopicName(want.Topic)
	if err != nil {
		return answer{}, in("topic", err)
	}
	to, err := positionOf(want)
	if err != nil {
		return answer{}, err
	}
	done, err := s.opt.Plane.Reset(r.Context(), tenant, name, topic, to)
	if err != nil {
		return answer{}, err
	}
	return ok(wire.ResetDone{Before: showQueues(done.Before), After: showQueues(done.After)})
}

func positionOf(want wire.Reset) (mq.Position, error) {
	p := mq.Position{Queue: mq.AnyQueue, Broker: want.Broker, Force: want.Force}
	if (want.To == "") == (want.Offset == nil) {
		return p, bad("malformed", "to", "to: either to, or offset")
	}
	if want.Offset == nil {
		if want.Queue != nil || want.Broker != "" {
			return p, bad("malformed", "queue", "queue: goes with offset only")
		}
		kind, at, err := parsePlace("to", want.To)
		p.Kind = map[mq.StartKind]mq.PositionKind{mq.StartAt: mq.ToTime, mq.StartEarliest: mq.ToEarliest, mq.StartLatest: mq.ToLatest}[kind]
		p.Time = at
		return p, err
	}
	p.Kind, p.Offset = mq.ToOffset, mq.Offset(*want.Offset)
	if want.Queue != nil {
		if *want.Queue < 0 { // would be taken for every queue
			return p, bad(string(control.OutOfRange), "queue", "queue: a number from 0 is wanted")
		}
		p.Queue = mq.QueueID(*want.Queue)
	}
	return p, nil
}

func (s *server) redrive(r *http.Request) (answer, error) {
	tenant, name, err := groupOf(r)
	if err != nil {
		return answer{}, err
	}
	var want wire.Redrive
	if err := decode(r, &want); err != nil {
		return answer{}, err
	}
	j, err := s.opt.Plane.Redrive(r.Context(), tenant, name, want.Limit)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusAccepted, showJob(j)}, nil
}

func showJob(j control.Job) wire.Job {
	return wire.Job{
		ID: j.ID, Kind: j.Kind, Group: j.Group.String(), State: string(j.State), Percent: j.Percent(), Total: j.Total, Moved: j.Moved, Skipped: j.Skipped,
		Detail: j.Detail, Started: j.Started, Ended: optional(j.Ended),
	}
}

func (s *server) listJobs(r *http.Request) (answer, error) {
	tenant, err := tenantOf(r)
	if err != nil {
		return answer{}, err
	}
	all, err := s.opt.Plane.Jobs(tenant)
	if err != nil {
		return answer{}, err
	}
	page := wire.Page[wire.Job]{Items: make([]wire.Job, 0, len(all))}
	for _, j := range all {
		page.Items = append(page.Items, showJob(j))
	}
	return ok(page)
}

func (s *server) getJob(r *http.Request) (answer, error) {
	tenant, err := tenantOf(r)
	if err != nil {
		return answer{}, err
	}
	j, err := s.opt.Plane.Job(tenant, r.PathValue("job"))
	if err != nil {
		return answer{}, err
	}
	return ok(showJob(j))
}
