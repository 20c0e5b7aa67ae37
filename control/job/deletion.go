// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"fmt"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// DeleteTenant starts to delete a tenant with all that it has. From the answer on nobody is let in with what is the tenant's; the rest follows, and is not
// taken back. The installation's default tenant stays, and one that has anything needs a confirmation.
func (b *Board) DeleteTenant(ctx context.Context, by control.Actor, id mq.Tenant, d control.Deletion) (Job, error) {
	if id.IsDefault() {
		return Job{}, refusal.New(control.Reserved, mq.Conflict, "tenant %q belongs to the installation: it cannot be deleted", id)
	}
	t, err := b.plane.Tenant(id)
	if err != nil {
		return Job{}, err
	}
	allowed := func() error {
		now, err := b.plane.Tenant(id)
		switch {
		case err != nil:
			return err
		case d.Seen != 0 && d.Seen != now.Revision:
			return control.Outdated(now.Ref())
		}
		if n := b.plane.Holds(id); n > 0 && !d.Confirmed {
			return refusal.New(control.Confirm, mq.Conflict, "tenant %q has %d things, which would be lost with all messages: confirm the deletion", id, n)
		}
		return nil
	}
	if err := allowed(); err != nil {
		return Job{}, control.During("delete tenant", err)
	}
	var j Job
	err = b.plane.Audited(ctx, control.Entry{Actor: by, Action: "tenant.delete", Target: t.Ref()}, func() (any, error) {
		j, err = b.start(ctx, by, Job{Kind: DeleteTenant, Target: id.String(), Total: int64(b.plane.Holds(id)) + 1}, allowed)
		if err != nil {
			return nil, err
		}
		// The job does this first as well. Here the caller waits for it.
		if err := b.plane.SwitchTenantOff(ctx, itself().Because(by), id); err != nil && mq.KindOf(err) != mq.NotFound {
			b.log.Warn("a tenant that is being deleted is not switched off yet", "tenant", id.String(), "error", err)
		}
		return map[string]any{"job": j.ID}, nil
	})
	return j, control.During("delete tenant", err)
}

// deleteTenant is the work of a tenant's deletion. It is tried until nothing is left, since a tenant of which a part is gone is of no use to anybody.
func (b *Board) deleteTenant(ctx context.Context, r *Run) error {
	id, err := mq.ParseTenant(r.target)
	if err != nil {
		return err
	}
	for {
		left := b.demolish(ctx, r, id)
		if left == nil {
			r.update(ctx, func(j *Job) { j.Moved, j.Detail = j.Total, "" })
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		b.log.Warn("a tenant is not deleted yet, this is tried again", "tenant", id.String(), "error", left)
		r.update(ctx, func(j *Job) { j.Detail = "tried again: " + mq.Said(left) })
		if err := b.pause(ctx, again); err != nil {
			return err
		}
	}
}

// demolish takes down what is left of a tenant, in an order in which nothing is used by what is still there. It gives the first thing that could not be done;
// others are done all the same, as far as they do not wait for it.
func (b *Board) demolish(ctx context.Context, r *Run, id mq.Tenant) error {
	if err := b.plane.Refresh(ctx); err != nil {
		return err
	}
	t, err := b.plane.Tenant(id)
	if err != nil || b.plane.Followed(t, r.ref.Name) {
		return nil
	}
	if err := b.plane.SwitchTenantOff(ctx, itself(), id); err != nil {
		return err
	}
	d := demolition{board: b, run: r, tenant: id, silent: map[mq.Cluster]error{}}
	for _, storey := range []func(context.Context){d.jobs, d.groups, d.topics, d.applications, d.documents} {
		if storey(ctx); d.failed != nil {
			return d.failed
		}
	}
	if err := b.plane.Bury(ctx, itself(), id, r.ref.Name); err != nil {
		return err
	}
	return b.plane.RemoveTenant(ctx, itself(), id)
}

// demolition is one pass over what a tenant has.
type demolition struct {
	board  *Board
	run    *Run
	tenant mq.Tenant
	silent map[mq.Cluster]error // clusters that do not answer: nothing else is asked of them in this pass
	failed error                // the first thing that could not be done
}

// at deletes one thing of a cluster. What is being deleted already is followed up by the cluster's own loop.
func (d *demolition) at(ctx context.Context, c mq.Cluster, s control.State, drop func() error) {
	d.each(ctx, func() error {
		if s == control.Deleting {
			return mq.Refuse(mq.Unavailable, "cluster %s has not deleted everything yet", c)
		}
		if d.silent[c] != nil {
			return d.silent[c]
		}
		err := drop()
		if err != nil && !site.Final(err) {
			d.silent[c] = err
		}
		return err
	})
}

// each does one thing after the other until ctx ends. Things that are gone already count as done.
func (d *demolition) each(ctx context.Context, do func() error) {
	if ctx.Err() != nil {
		d.failed = ctx.Err()
		return
	}
	err := do()
	if err == nil || site.Absent(err) {
		left := int64(d.board.plane.Holds(d.tenant)) + 1
		d.run.update(ctx, func(j *Job) { j.Total, j.Moved = max(j.Total, left), max(j.Total, left)-left })
	} else if d.failed == nil {
		d.failed = err
	}
}

// jobs ends what runs for the tenant. A job that is ending is waited for by the next pass.
func (d *demolition) jobs(ctx context.Context) {
	all, err := d.board.Jobs(d.tenant)
	if err != nil {
		d.failed = err
	}
	for _, j := range all {
		if j.State.Live() {
			d.each(ctx, func() error { return d.board.endOf(ctx, j) })
		}
	}
}

func (d *demolition) groups(ctx context.Context) {
	all, err := d.board.plane.Groups(d.tenant)
	if err != nil {
		d.failed = err
	}
	for _, g := range all {
		d.at(ctx, g.Spec.Cluster, g.State, func() error {
			return d.board.plane.DeleteGroup(ctx, itself(), d.tenant, g.Name, control.Deletion{Confirmed: true})
		})
	}
}

func (d *demolition) topics(ctx context.Context) {
	all, err := d.board.plane.Topics(d.tenant)
	if err != nil {
		d.failed = err
	}
	for _, t := range all {
		d.at(ctx, t.Spec.Cluster, t.State, func() error {
			return d.board.plane.DeleteTopic(ctx, itself(), d.tenant, t.Name, control.Deletion{Confirmed: true})
		})
	}
}

func (d *demolition) applications(ctx context.Context) {
	all, err := d.board.plane.Applications(d.tenant)
	if err != nil {
		d.failed = err
	}
	for _, a := range all {
		d.each(ctx, func() error {
			return d.board.plane.DeleteApplication(ctx, itself(), d.tenant, a.Name, control.Deletion{})
		})
	}
}

// documents forgets members, tokens, requests, jobs that have ended, and whatever else is the tenant's.
func (d *demolition) documents(ctx context.Context) {
	for _, one := range d.board.plane.Documents("", d.tenant.String()) {
		d.each(ctx, func() error { return d.board.plane.RemoveDocument(ctx, itself(), one) })
	}
}

// endOf cancels a job and waits a while for its end, by whichever plane does it.
func (b *Board) endOf(ctx context.Context, j Job) error {
	if _, err := b.Cancel(ctx, itself(), j.Place, j.ID); err != nil {
		return err
	}
	for until := b.now().Add(2 * again); b.now().Before(until); {
		now, err := b.Job(j.Place, j.ID)
		if err != nil || !now.State.Live() {
			return nil
		}
		if err := b.pause(ctx, b.beat()); err != nil {
			return err
		}
	}
	return fmt.Errorf("job %s has not ended yet", j.ID)
}
