// SPDX-License-Identifier: Apache-2.0

package control

import (
	"cmp"
	"context"
	"slices"

	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/control/redrive"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/mq"
)

// provisioned is a record that an engine has to follow: a Topic or a Group.
type provisioned interface {
	Record
	state() State
	cluster() mq.Cluster
	with(State) provisioned
	provide(context.Context, Provisioner) error
	withdraw(context.Context, Provisioner) error
}

// create keeps a new record and makes the engine follow. A refusal of the engine takes the record back.
func (p *Plane) create(ctx context.Context, by Actor, r provisioned, room func() error) error {
	if _, taken := lookup[provisioned](p.book, r.Ref()); taken {
		return Taken(r.Ref())
	}
	return p.claimed(ctx, r.Ref(), p.claims.Wait, func(work context.Context) error {
		if err := p.addIf(ctx, by, r, room); err != nil {
			return err
		}
		return p.follow(work, by, r.Ref(), nil)
	})
}

// update keeps a changed record and makes the engine follow. A refusal of the engine brings the old one back. change makes the new record of the one that is there; it is
// asked twice, since whom the claim was waited for may have changed it.
func (p *Plane) update(ctx context.Context, by Actor, change func() (was, is provisioned, err error)) error {
	was, is, err := change()
	if err != nil {
		return err
	}
	ref := was.Ref()
	return During("update "+string(ref.Kind), p.claimed(ctx, ref, p.claims.Wait, func(work context.Context) error {
		if was, is, err = change(); err != nil {
			return err
		}
		s, err := was.state().Begin(Update)
		if err == nil {
			err = p.put(ctx, what(by, "update", is.with(s)))
		}
		if err != nil {
			return err
		}
		return p.follow(work, by, ref, was)
	}))
}

// delete hides a record from proxies, makes the engine forget it, then forgets it. find is asked twice, as in update; loss refuses what would lose something.
func (p *Plane) delete(ctx context.Context, by Actor, find func() (provisioned, error), loss func(provisioned) error) error {
	r, err := find()
	if err != nil {
		return err
	}
	ref := r.Ref()
	return During("delete "+string(ref.Kind), p.claimed(ctx, ref, p.claims.Wait, func(work context.Context) error {
		if r, err = find(); err == nil && r.state().Visible() {
			err = loss(r)
		}
		if err != nil {
			return err
		}
		s, err := r.state().Begin(Delete)
		if err == nil {
			err = p.put(ctx, what(by, "delete", r.with(s)))
		}
		if err != nil {
			return err
		}
		p.Visible(ctx)
		return p.follow(work, by, ref, nil)
	}))
}

// follow makes the engine follow the record as it is kept now, then settles it. was is what a refused update goes back to.
// It is seen through, within its bounds, even when the caller goes away: the intent is kept already. ctx is the one of the claim on the record.
func (p *Plane) follow(ctx context.Context, by Actor, ref Ref, was provisioned) error {
	by = Itself("provisioning").Because(by)
	r, ok := lookup[provisioned](p.book, ref)
	if !ok {
		return nil
	}
	err := p.engine(ctx, r)
	switch {
	case err == nil && r.state() == Deleting:
		if err := p.lentNoMore(ctx, by, ref); err != nil {
			p.stir(r)
			return err
		}
		return p.remove(ctx, what(by, "forget", r))
	case err == nil:
		if err = p.put(ctx, what(by, "settle", r.with(Ready))); err != nil {
			p.stir(r) // who overtook this may have been overtaken at the cluster
		}
		p.Visible(ctx)
		return err
	case mq.Outcome(err) == mq.Refused && site.Final(err) && (was != nil || r.state() == Creating):
		return p.takeBack(ctx, what(by, "take-back", r), was, err)
	}
	p.opt.Log.Warn("the engine does not follow yet", "what", ref.Kind, "tenant", ref.Tenant, "name", ref.Name, "state", r.state(), "error", err)
	p.stir(r)
	return &Refusal{
		Err:    mq.Doubt(mq.Unavailable, err, "%s %q is kept as %s, cluster %s does not follow yet; this is tried again by itself", ref.Kind, ref.Name, r.state(), r.cluster()),
		Reason: Pending,
	}
}

func (p *Plane) takeBack(ctx context.Context, d deed, was provisioned, why error) error {
	ref, back := d.record.Ref(), p.remove
	if was != nil {
		back, d.record = p.put, was.at(d.record.revision())
	}
	if err := back(ctx, d); err != nil {
		p.opt.Log.Error("a refused change was not taken back", "what", ref.Kind, "name", ref.Name, "error", err)
	}
	return why
}

func (p *Plane) engine(ctx context.Context, r provisioned) error {
	s, err := p.Site(r.cluster())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, site.Bound)
	defer cancel()
	if r.state() != Deleting {
		return r.provide(ctx, s.Provisioner)
	}
	if err := r.withdraw(ctx, s.Provisioner); err != nil && !site.Absent(err) {
		return err
	}
	return nil
}

// stir makes the loop of a record's cluster look again.
func (p *Plane) stir(r provisioned) {
	if s, ok := p.sites[r.cluster()]; ok {
		s.Stir()
	}
}

// bring makes the engine follow one record, settled or not.
func (p *Plane) bring(ctx context.Context, r provisioned) error {
	if !r.state().Settled() {
		return p.follow(ctx, Itself("repair"), r.Ref(), nil)
	}
	err := p.engine(ctx, r)
	if err != nil {
		p.opt.Log.Warn("the engine lacks what is wanted", "cluster", r.cluster(), "what", r.Ref().Kind, "tenant", r.Ref().Tenant, "name", r.Ref().Name, "error", err)
	}
	return err
}

// wants lists what is wanted of a cluster. What was changed after the version is fresh.
func (p *Plane) wants(c mq.Cluster, since Version) []site.Want {
	var all []site.Want
	for _, t := range of[Topic](p.book, "") {
		if t.Spec.Cluster == c {
			all = append(all, site.Want{Ref: t.Ref(), Topic: t.Spec, Fresh: t.Revision > since})
		}
	}
	for _, g := range of[Group](p.book, "") {
		if g.Spec.Cluster != c {
			continue
		}
		w := site.Want{Ref: g.Ref(), Topic: g.DeadLetters(), Group: &g.Spec, Fresh: g.Revision > since}
		if by, err := redrive.By(g.Spec); err == nil {
			w.Also = []mq.Physical{by.Name}
		}
		all = append(all, w)
	}
	return all
}

// look compares what is wanted of a cluster with what it has, puts what is missing or different, and keeps what it found. Nothing that the
// cluster has beyond that is touched.
func (p *Plane) look(ctx context.Context, s *site.Site) {
	alone := p.alone(ctx, s)
	if alone {
		defer p.unclaim(ctx, claimAt(s))
	}
	since := p.Version()
	before := p.wants(s.Name, since)
	has, err := s.Inventory(ctx)
	if ctx.Err() != nil {
		return
	}
	if news := s.Saw(p.now(), err); news && err != nil {
		p.opt.Log.Warn("a cluster does not tell what it has, it is asked again", "cluster", s.Name, "error", err)
	}
	if err != nil {
		s.Stir()
		return
	}
	drift := site.Compare(has, p.wants(s.Name, since), before)
	open := p.UnderWayOn(s.Name)
	if !alone { // another plane is at it; if it dies it is our turn
		if len(open)+len(drift) > 0 {
			s.Stir()
		}
		s.Found(drift)
		return
	}
	s.Mend(ctx, open, drift, func(ref Ref) (bool, error) { return p.attempt(ctx, ref, slices.Contains(open, ref)) })
	users, err := s.Protect(ctx, site.Users{Rules: p.rules(s.Name), Taken: p.taken(s.Name), Mark: p.mark})
	if err != nil {
		p.opt.Log.Warn("who may what on a cluster is not known, it is asked again", "cluster", s.Name, "error", err)
		s.Stir()
	}
	s.Found(append(drift, users...))
}

// rules is what each tenant that has anything on a cluster may there.
func (p *Plane) rules(c mq.Cluster) map[mq.Tenant][]mq.Rule {
	topics, groups := map[mq.Tenant][]mq.Physical{}, map[mq.Tenant][]mq.Physical{}
	for _, t := range of[Topic](p.book, "") {
		if t.Spec.Cluster == c && t.State != Deleting {
			topics[t.Tenant] = append(topics[t.Tenant], t.Spec.Name)
		}
	}
	for _, g := range of[Group](p.book, "") {
		if g.Spec.Cluster == c && g.State != Deleting {
			groups[g.Tenant] = append(groups[g.Tenant], g.Spec.Name)
		}
	}
	all := map[mq.Tenant][]mq.Rule{}
	for _, g := range p.Borrowed(mq.Tenant{}) {
		if t, ok := p.Lent(g); ok && t.Spec.Cluster == c {
			all[g.Borrower] = append(all[g.Borrower], site.RuleOf(t.Spec.Name, g.Rights))
		}
	}
	for _, t := range p.Tenants() {
		switch {
		case t.Disabled:
			delete(all, t.ID)
		case len(topics[t.ID])+len(groups[t.ID])+len(all[t.ID]) > 0:
			all[t.ID] = append(site.RulesOf(t.ID, topics[t.ID], groups[t.ID]), all[t.ID]...)
		}
	}
	return all
}

// guard lets clusters that check who calls follow a change of who may what.
func (p *Plane) guard(r Record) {
	kind := r.Ref().Kind
	all := kind == TenantRecord || kind == grant.Kind || (kind == KeyRecord || kind == ApplicationRecord) && p.book.Count(site.UserRecord, "") > 0
	for c, s := range p.sites {
		if at, ok := r.(provisioned); s.Guard != nil && (ok && at.cluster() == c || all) {
			s.Stir()
		}
	}
}

// attempt brings one record, unless somebody is at work on it for longer than can be waited for, or what was open about it is settled by now. It goes before changes that
// wait: there may always be some.
func (p *Plane) attempt(ctx context.Context, ref Ref, open bool) (tried bool, err error) {
	var brought error
	err = p.claimed(ctx, ref, p.claims.WaitFirst, func(work context.Context) error {
		if r, ok := lookup[provisioned](p.book, ref); ok && (!open || !r.state().Settled()) {
			tried, brought = true, p.bring(work, r)
		}
		return nil
	})
	if r, ok := lookup[provisioned](p.book, ref); err != nil && ok && p.opt.Sharing != nil {
		p.stir(r) // the plane that has it may be dead
	}
	return tried, brought
}

// Drift is what the last look at each cluster found and what is wanted now does not explain. What was missing or different was put again then, see Mended.
type Drift struct {
	Cluster mq.Cluster
	Seen    site.Seen
	Items   []site.Drift
}

// Drift tells how clusters differ from what is wanted of them.
func (p *Plane) Drift() []Drift {
	all := make([]Drift, 0, len(p.sites))
	for name, s := range p.sites {
		all = append(all, Drift{Cluster: name, Seen: s.Seen(), Items: site.Since(s.Drift(), p.wants(name, 0))})
	}
	slices.SortFunc(all, func(a, b Drift) int { return cmp.Compare(a.Cluster.String(), b.Cluster.String()) })
	return all
}

// UnderWay lists what clusters do not follow yet.
func (p *Plane) UnderWay() []Ref { return p.UnderWayOn(mq.Cluster{}) }

// UnderWayOn lists what one cluster does not follow yet, the zero one standing for all.
func (p *Plane) UnderWayOn(c mq.Cluster) []Ref {
	var some []Ref
	for _, r := range p.unsettled() {
		if c == (mq.Cluster{}) || r.cluster() == c {
			some = append(some, r.Ref())
		}
	}
	return some
}
