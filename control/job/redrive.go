// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/redrive"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// Redrive starts to send a group's dead letters, as many as there are now and at most most (0 = all), back to where they came from. A turn
// that follows another one goes on by the position of the group that redrives: what the one before had settled is not sent again, what it had
// in hand comes back when its leases are over. What it did and could not write down counts once more towards most.
func (b *Board) Redrive(ctx context.Context, by control.Actor, tenant mq.Tenant, name mq.GroupName, most int64) (Job, error) {
	g, err := b.plane.Group(tenant, name)
	if err != nil {
		return Job{}, err
	}
	at, err := b.mover(g)
	if err != nil {
		return Job{}, err
	}
	if most < 0 {
		return Job{}, refusal.New(control.OutOfRange, mq.BadRequest, "limit: %d is negative", most).On("limit")
	}
	var j Job
	e := control.Entry{Actor: by, Action: "group.redrive", Target: g.Ref()}
	err = b.plane.Audited(ctx, e, func() (any, error) {
		total, err := prepare(ctx, at, g)
		if err != nil {
			return nil, err
		}
		if most > 0 && (total < 0 || most < total) {
			total = most
		}
		j, err = b.start(ctx, by, Job{Place: tenant, Kind: Redrive, Target: name.String(), Total: total}, func() error {
			_, err := b.plane.Group(tenant, name)
			return err
		})
		return map[string]any{"job": j.ID, "total": total}, err
	})
	return j, control.During("redrive", err)
}

// mover is the group's cluster, where this process can redrive there.
func (b *Board) mover(g control.Group) (*site.Site, error) {
	at, err := b.plane.Site(g.Spec.Cluster)
	if err == nil && at.Mover == nil {
		err = mq.Refuse(mq.Unsupported, "this process reaches no engine to redrive with")
	}
	return at, err
}

// prepare makes the group that redrives, and counts what is left for it: -1 when the engine does not know.
func prepare(ctx context.Context, at *site.Site, g control.Group) (int64, error) {
	by, err := redrive.By(g.Spec)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, site.Bound)
	defer cancel()
	if err := at.Provisioner.PutGroup(ctx, by); err != nil {
		return 0, err
	}
	queues, err := at.Inspector.Progress(ctx, by, g.DeadLetters())
	if redrive.Nothing(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	s := control.TopicProgress{Queues: queues}.Sum()
	if s.Ready < 0 || s.Leased < 0 || s.Retrying < 0 {
		return -1, nil
	}
	return s.Ready + s.Leased + s.Retrying, nil
}

// redrive is the work of a redrive.
func (b *Board) redrive(ctx context.Context, r *Run) error {
	run, err := b.redriving(ctx, r)
	if err != nil {
		return err
	}
	return run.Work(ctx, func() {
		r.update(ctx, func(j *Job) {
			j.Moved, j.Skipped = run.Moved, run.Left
			if run.Left > 0 {
				j.Detail = fmt.Sprintf("%d left: %s", run.Left, run.Why)
			}
		})
	})
}

// redriving is the redrive of a turn. What the turns before left dead is met again, and counted anew.
func (b *Board) redriving(ctx context.Context, r *Run) (*redrive.Run, error) {
	name, err := mq.ParseGroupName(r.target)
	if err != nil {
		return nil, err
	}
	g, err := b.plane.Group(r.place, name)
	if err != nil {
		return nil, err
	}
	at, err := b.mover(g)
	if err != nil {
		return nil, err
	}
	by, err := redrive.By(g.Spec)
	if err != nil {
		return nil, err
	}
	j := r.Job()
	run := &redrive.Run{Engine: at.Mover, From: g.DeadLetters(), By: by, Total: j.Total, Token: rand.Text, To: b.originOf(g), Moved: j.Moved}
	if r.turn == 1 {
		return run, nil
	}
	bounded, cancel := context.WithTimeout(ctx, site.Bound)
	defer cancel()
	if err := at.Provisioner.PutGroup(bounded, by); err != nil { // it may have gone with the cluster's memory
		return nil, err
	}
	until, last := b.now().Add(redrive.Hold+time.Second), false
	run.Again = func(ctx context.Context) bool {
		if last { // what was in hand has come back before this look, if it ever does
			return false
		}
		last = !b.now().Before(until)
		return last || b.pause(ctx, again) == nil
	}
	return run, nil
}

// originOf finds the topic that the group's cluster knows under a name, where the tenant may send to it.
func (b *Board) originOf(g control.Group) func(mq.Physical) (mq.Topic, bool) {
	return func(name mq.Physical) (mq.Topic, bool) {
		return b.plane.Origin(g.Spec.Cluster, g.Tenant, name)
	}
}
