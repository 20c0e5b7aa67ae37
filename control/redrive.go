// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Redriving sends dead letters back to the topic that they came from.
//
// A group of the platform's own leases the dead-letter topic, each message is sent with its origin, then acknowledged in
// that group. Nothing is deleted: the dead letters stay readable until their age takes them, and the group remembers which
// ones went. A crash between send and acknowledgement sends a message twice, never not at all.
// Rejected: marking dead letters as moved in place, because an engine's log has no place to mark.

// Mover is what redriving asks of an engine: the verbs of produce and consume, with their contracts.
type Mover interface {
	Take(ctx context.Context, want mq.Want) ([]mq.Delivery, error)
	Send(ctx context.Context, topic mq.Topic, batch []mq.Message) []mq.Sent
	Ack(ctx context.Context, leases []mq.Lease) []error
}

const (
	redriveBatch = mq.MaxReceive
	redriveHold  = time.Minute
	redriveCall  = 10 * time.Second // one call to the engine
	// redriveMost bounds a job whose total is not known.
	redriveMost = 1_000_000
)

// redriverOf is the group that redrives for a group. '|' stands in no name that people choose, so it can't be taken.
func redriverOf(g Group) (mq.Group, error) {
	name, err := mq.ParsePhysical("redrive|" + g.Spec.Name.String())
	return mq.Group{
		Name:        name,
		Cluster:     g.Spec.Cluster,
		MaxAttempts: 1 << 20, // a dead letter of the dead-letter topic would be lost to sight
		Retry:       mq.DefaultRetry(),
		Start:       mq.Start{Kind: mq.StartEarliest},
	}, err
}

// Redrive starts to send a group's dead letters, as many as there are now and at most most (0 = all), back to where they
// came from.
func (p *Plane) Redrive(ctx context.Context, tenant mq.Tenant, name mq.GroupName, most int64) (Job, error) {
	g, err := p.Group(tenant, name)
	if err != nil {
		return Job{}, err
	}
	if p.opt.Mover == nil {
		return Job{}, mq.Refuse(mq.Unsupported, "this process reaches no engine to redrive with")
	}
	if most < 0 {
		return Job{}, refuse(OutOfRange, mq.BadRequest, "limit: %d is negative", most).on("limit")
	}
	by, err := redriverOf(g)
	if err != nil {
		return Job{}, err
	}
	if err := p.opt.Engine.PutGroup(ctx, by); err != nil {
		return Job{}, During("redrive", err)
	}
	total, err := p.waiting(ctx, by, g.DeadLetters())
	if err != nil {
		return Job{}, During("redrive", err)
	}
	if most > 0 && (total < 0 || most < total) {
		total = most
	}
	run := &redrive{plane: p, group: g, by: by, total: total}
	return p.jobs.start(Job{Tenant: tenant, Kind: "redrive", Group: name, Total: total}, run.work)
}

// waiting counts what is left to redrive, -1 when the engine does not know.
func (p *Plane) waiting(ctx context.Context, by mq.Group, from mq.Topic) (int64, error) {
	queues, err := p.opt.Inspector.Progress(ctx, by, from)
	if isAbsent(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	s := TopicProgress{Queues: queues}.Sum()
	if s.Ready < 0 || s.Leased < 0 || s.Retrying < 0 {
		return -1, nil
	}
	return s.Ready + s.Leased + s.Retrying, nil
}

type redrive struct {
	plane *Plane
	group Group
	by    mq.Group
	total int64 // stop there: what dies again meanwhile is for the next time
	moved int64
	left  int64
	why   string // of the last one left
}

func (r *redrive) work(ctx context.Context, update func(func(*Job))) {
	most := r.total
	if most < 0 {
		most = redriveMost
	}
	var err error
	for r.moved+r.left < most && err == nil {
		var some int
		some, err = r.batch(ctx, most-r.moved-r.left)
		update(func(j *Job) { j.Moved, j.Skipped = r.moved, r.left })
		if some == 0 {
			break
		}
	}
	update(func(j *Job) {
		switch {
		case err != nil:
			j.State, j.Detail = JobFailed, err.Error()
		case r.left > 0:
			j.State, j.Detail = JobPartial, fmt.Sprintf("%d left: %s", r.left, r.why)
		default:
			j.State = JobDone
		}
	})
}

// batch moves some messages and says how many it had in hand.
func (r *redrive) batch(ctx context.Context, most int64) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*redriveCall)
	defer cancel()
	hold, err := mq.ParseHold(redriveHold)
	if err != nil {
		return 0, err
	}
	got, err := r.plane.opt.Mover.Take(ctx, mq.Want{
		Topic: r.group.DeadLetters(), Group: r.by, Queue: mq.AnyQueue, Max: int(min(most, redriveBatch)), Hold: hold, Attempt: mq.AttemptID(random(16)),
	})
	if isAbsent(err) {
		return 0, nil
	}
	if err != nil {
		return 0, During("take dead letters", err)
	}
	leases := r.send(ctx, got)
	r.moved += int64(len(leases))
	for _, err := range r.plane.opt.Mover.Ack(ctx, leases) {
		if err != nil {
			return len(got), During("settle a dead letter that was sent", err)
		}
	}
	return len(got), nil
}

// send sends what it can, run by run of neighbours that go to the same topic, and gives the leases of what arrived. The rest
// stays leased until its time is over, and dead after it.
func (r *redrive) send(ctx context.Context, got []mq.Delivery) []mq.Lease {
	var arrived []mq.Lease
	for len(got) > 0 {
		n := 1
		for n < len(got) && got[n].Message.Origin.Topic == got[0].Message.Origin.Topic {
			n++
		}
		arrived = append(arrived, r.sendRun(ctx, got[:n])...)
		got = got[n:]
	}
	return arrived
}

func (r *redrive) sendRun(ctx context.Context, run []mq.Delivery) (arrived []mq.Lease) {
	to, ok := r.plane.book.topicNamed(run[0].Message.Origin.Topic)
	if !ok || to.Tenant != r.group.Tenant || !to.State.Visible() {
		r.leave(len(run), refuse(NoRedrive, mq.TopicNotFound, "the topic that message %s came from does not exist any more", run[0].Message.ID))
		return nil
	}
	batch := make([]mq.Message, len(run))
	for i, d := range run {
		batch[i] = fresh(d.Message)
	}
	for i, sent := range r.plane.opt.Mover.Send(ctx, to.Spec, batch) {
		if sent.Err != nil {
			r.leave(1, During("send to topic "+to.Name.String(), sent.Err))
			continue
		}
		arrived = append(arrived, run[i].Lease)
	}
	return arrived
}

func (r *redrive) leave(n int, why error) { r.left, r.why = r.left+int64(n), why.Error() }

// fresh is a dead letter as a message that is delivered at once: neither its delay nor its transaction begins again.
func fresh(m mq.Message) mq.Message {
	m.Type, m.DeliverAt, m.FirstCheck = mq.Normal, time.Time{}, 0
	if m.Group != (mq.MessageGroup{}) {
		m.Type = mq.FIFO
	}
	return m
}
