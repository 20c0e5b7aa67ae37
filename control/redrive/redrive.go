// SPDX-License-Identifier: Apache-2.0

// Package redrive sends dead letters back to the topics that they came from.
//
// A group of the platform's own leases the dead-letter topic, each message is sent with its origin, then acknowledged in
// that group. Nothing is deleted: the dead letters stay readable until their age takes them, and the group remembers which
// ones went. A crash between send and acknowledgement sends a message twice, never not at all.
// Rejected: marking dead letters as moved in place, because an engine's log has no place to mark.
package redrive

import (
	"context"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Mover is what redriving asks of an engine: the verbs of produce and consume, with their contracts.
type Mover interface {
	Take(ctx context.Context, want mq.Want) ([]mq.Delivery, error)
	Send(ctx context.Context, topic mq.Topic, batch []mq.Message) []mq.Sent
	Ack(ctx context.Context, leases []mq.Lease) []error
}

const (
	batchSize = mq.MaxReceive
	// Hold is how long a letter is away that was taken and neither arrived nor was given back.
	Hold     = time.Minute
	callTime = 10 * time.Second // one call to the engine
	// most bounds a run whose total is not known.
	most = 1_000_000
)

// By is the group that redrives for a group. '|' stands in no name that people choose, so it can't be taken.
func By(g mq.Group) (mq.Group, error) {
	name, err := mq.ParsePhysical("redrive|" + g.Name.String())
	return mq.Group{
		Name:        name,
		Cluster:     g.Cluster,
		MaxAttempts: 1 << 20, // a dead letter of the dead-letter topic would be lost to sight
		Retry:       mq.DefaultRetry(),
		Start:       mq.Start{Kind: mq.StartEarliest},
	}, err
}

// Run is one redriving. All fields above moved are required.
type Run struct {
	Engine Mover
	From   mq.Topic // the dead letters
	By     mq.Group
	Total  int64                              // stop there: what dies again meanwhile is for the next time; -1: not known
	To     func(mq.Physical) (mq.Topic, bool) // where a message that came from there goes now
	Token  func() string                      // a fresh attempt id
	// Again, if not nil, is asked when nothing can be taken and less than Total is through: whether to look once more, after a rest.
	Again func(ctx context.Context) bool
	Moved int64  // messages that arrived
	Left  int64  // messages that stay dead
	Why   string // of the last one left
}

// Work redrives until nothing is left, Total is reached, ctx ends or the engine fails; progress is called after each batch. A batch that is in hand
// when ctx ends is settled before, so that nothing of it is sent again.
func (r *Run) Work(ctx context.Context, progress func()) error {
	bound := r.Total
	if bound < 0 {
		bound = most
	}
	for r.Moved+r.Left < bound {
		if err := ctx.Err(); err != nil {
			return err
		}
		some, err := r.batch(ctx, bound-r.Moved-r.Left)
		progress()
		if err != nil {
			return err
		}
		if some == 0 && (r.Again == nil || !r.Again(ctx)) {
			return ctx.Err()
		}
	}
	return nil
}

// Nothing tells whether an engine says that the dead letters' topic is not there: nothing ever died. That the group which redrives is not there, which is made
// before anything is asked, is a failure: dead letters that cannot be read are not none.
func Nothing(err error) bool {
	kind := mq.KindOf(err)
	return kind == mq.NotFound || kind == mq.TopicNotFound
}

// batch moves some messages and says how many it had in hand.
func (r *Run) batch(ctx context.Context, most int64) (int, error) {
	held, err := mq.ParseHold(Hold)
	if err != nil {
		return 0, err
	}
	bounded, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	got, err := r.Engine.Take(bounded, mq.Want{
		Topic: r.From, Group: r.By, Queue: mq.AnyQueue, Max: int(min(most, batchSize)), Hold: held, Attempt: mq.AttemptID(r.Token()),
	})
	if Nothing(err) {
		return 0, nil
	}
	if err != nil {
		return 0, mq.During("take dead letters", err)
	}
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*callTime)
	defer cancel()
	leases := r.send(settling, got)
	r.Moved += int64(len(leases))
	for _, err := range r.Engine.Ack(settling, leases) {
		if err != nil {
			return len(got), mq.During("settle a dead letter that was sent", err)
		}
	}
	return len(got), nil
}

// send sends what it can, run by run of neighbours that go to the same topic, and gives the leases of what arrived. The rest
// stays leased until its time is over, and dead after it.
func (r *Run) send(ctx context.Context, got []mq.Delivery) []mq.Lease {
	var arrived []mq.Lease
	for len(got) > 0 {
		n := 1
		for n < len(got) && got[n].Message.Origin.Topic == got[0].Message.Origin.Topic {
			n++
		}
		arrived = append(arrived, r.sendNeighbours(ctx, got[:n])...)
		got = got[n:]
	}
	return arrived
}

func (r *Run) sendNeighbours(ctx context.Context, run []mq.Delivery) (arrived []mq.Lease) {
	to, ok := r.To(run[0].Message.Origin.Topic)
	if !ok {
		r.leave(len(run), fmt.Sprintf("the topic that message %s came from does not exist any more, or this tenant may not publish to it", run[0].Message.ID))
		return nil
	}
	batch := make([]mq.Message, len(run))
	for i, d := range run {
		batch[i] = Fresh(d.Message)
	}
	for i, sent := range r.Engine.Send(ctx, to, batch) {
		if sent.Err != nil {
			r.leave(1, mq.Said(mq.During("send to topic "+to.Name.String(), sent.Err)))
			continue
		}
		arrived = append(arrived, run[i].Lease)
	}
	return arrived
}

func (r *Run) leave(n int, why string) { r.Left, r.Why = r.Left+int64(n), why }

// Fresh is a message as one that is delivered at once: neither its delay nor its transaction begins again.
func Fresh(m mq.Message) mq.Message {
	m.Type, m.DeliverAt, m.FirstCheck = mq.Normal, time.Time{}, 0
	if m.Group != (mq.MessageGroup{}) {
		m.Type = mq.FIFO
	}
	return m
}
