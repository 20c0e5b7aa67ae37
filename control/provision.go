// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"maps"
	"slices"

	"github.com/causeway-mq/causeway/mq"
)

// provisioned is a record that an engine has to follow: a Topic or a Group.
type provisioned interface {
	Record
	state() State
	with(State) provisioned
	provide(context.Context, Provisioner) error
	withdraw(context.Context, Provisioner) error
}

// create keeps a new record and makes the engine follow. A refusal of the engine takes the record back.
func (p *Plane) create(ctx context.Context, r provisioned, room func() error) error {
	if _, taken := lookup[provisioned](p.book, r.Ref()); taken {
		return Taken(r.Ref())
	}
	if err := p.claim(r.Ref()); err != nil {
		return err
	}
	defer p.release(r.Ref())
	if err := p.addIf(ctx, r, room); err != nil {
		return err
	}
	return p.follow(ctx, r.Ref(), nil)
}

// update keeps a changed record and makes the engine follow. A refusal of the engine brings the old one back.
func (p *Plane) update(ctx context.Context, was, is provisioned) error {
	s, err := was.state().Begin(Update)
	if err != nil {
		return err
	}
	if err := p.claim(is.Ref()); err != nil {
		return err
	}
	defer p.release(is.Ref())
	if err := p.put(ctx, is.with(s)); err != nil {
		return err
	}
	return p.follow(ctx, is.Ref(), was)
}

// delete hides a record from proxies, makes the engine forget it, then forgets it.
func (p *Plane) delete(ctx context.Context, r provisioned) error {
	s, err := r.state().Begin(Delete)
	if err != nil {
		return err
	}
	if err := p.claim(r.Ref()); err != nil {
		return err
	}
	defer p.release(r.Ref())
	if err := p.put(ctx, r.with(s)); err != nil {
		return err
	}
	p.visible(ctx)
	return p.follow(ctx, r.Ref(), nil)
}

// claim marks a record as being worked at, which only one may do.
func (p *Plane) claim(ref Ref) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[ref] {
		return refuse(Busy, mq.Conflict, "another change of %s %q is under way: ask again when it is through", ref.Kind, ref.Name)
	}
	p.busy[ref] = true
	return nil
}

func (p *Plane) release(ref Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, ref)
}

// follow makes the engine follow the record as it is kept now, then settles it. was is what a refused update goes back to.
// It is seen through, within its bounds, even when the caller goes away: the intent is kept already.
func (p *Plane) follow(ctx context.Context, ref Ref, was provisioned) error {
	ctx = context.WithoutCancel(ctx)
	r, ok := lookup[provisioned](p.book, ref)
	if !ok {
		return nil
	}
	err := p.engine(ctx, r)
	switch {
	case err == nil && r.state() == Deleting:
		return p.remove(ctx, r)
	case err == nil:
		err = p.put(ctx, r.with(Ready))
		p.visible(ctx)
		return err
	case mq.Outcome(err) == mq.Refused && final(err) && (was != nil || r.state() == Creating):
		return p.takeBack(ctx, r, was, err)
	}
	p.opt.Log.Warn("the engine does not follow yet", "what", ref.Kind, "tenant", ref.Tenant, "name", ref.Name, "state", r.state(), "error", err)
	p.wakeRepair()
	return &Refusal{
		Err:    mq.Doubt(mq.Unavailable, err, "%s %q is kept as %s, the engine does not follow yet; this is tried again by itself", ref.Kind, ref.Name, r.state()),
		Reason: Pending,
	}
}

// final tells whether trying the same again would be in vain.
func final(err error) bool {
	switch mq.KindOf(err) {
	case mq.Unavailable, mq.Timeout, mq.TooManyRequests, mq.StorageFull, mq.Internal:
		return false
	}
	return true
}

func (p *Plane) takeBack(ctx context.Context, r, was provisioned, why error) error {
	var err error
	if was == nil {
		err = p.remove(ctx, r)
	} else {
		err = p.put(ctx, was.at(r.revision()))
	}
	if err != nil {
		p.opt.Log.Error("a refused change was not taken back", "what", r.Ref().Kind, "name", r.Ref().Name, "error", err)
	}
	return why
}

func (p *Plane) engine(ctx context.Context, r provisioned) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineTime)
	defer cancel()
	if r.state() != Deleting {
		return r.provide(ctx, p.opt.Engine)
	}
	if err := r.withdraw(ctx, p.opt.Engine); err != nil && !isAbsent(err) {
		return err
	}
	return nil
}

func isAbsent(err error) bool {
	switch mq.KindOf(err) {
	case mq.NotFound, mq.TopicNotFound, mq.GroupNotFound:
		return true
	}
	return false
}

// followAll compares what is wanted with what the engine has, and puts what differs. An engine that does not answer is left
// to the repair loop.
func (p *Plane) followAll(ctx context.Context) error {
	has, err := p.inventory(ctx)
	if err != nil {
		p.opt.Log.Warn("the engine's inventory is not known yet, trying again in the background", "error", err)
		p.wakeRepair()
		return ctx.Err()
	}
	for _, r := range p.astray(has) {
		if ctx.Err() != nil {
			return During("bring the engine up to date", ctx.Err())
		}
		if err := p.bring(ctx, r); err != nil {
			p.wakeRepair()
			if !final(err) {
				return nil // it does not answer now: the start goes on without it
			}
		}
	}
	return nil
}

func (p *Plane) inventory(ctx context.Context) (mq.Inventory, error) {
	ctx, cancel := context.WithTimeout(ctx, engineTime)
	defer cancel()
	return p.opt.Engine.Inventory(ctx)
}

// bring makes the engine follow one record, settled or not.
func (p *Plane) bring(ctx context.Context, r provisioned) error {
	if !r.state().Settled() {
		return p.follow(ctx, r.Ref(), nil)
	}
	err := p.engine(ctx, r)
	if err != nil {
		p.opt.Log.Warn("the engine lacks what is wanted", "what", r.Ref().Kind, "tenant", r.Ref().Tenant, "name", r.Ref().Name, "error", err)
	}
	return err
}

// astray lists what an engine with that inventory does not follow, and everything that is under way.
func (p *Plane) astray(has mq.Inventory) []provisioned {
	topics := map[mq.Physical]mq.TopicSpec{}
	for _, t := range has.Topics {
		topics[t.Name] = t
	}
	groups := map[mq.Physical]mq.GroupSpec{}
	for _, g := range has.Groups {
		groups[g.Name] = g
	}
	var all []provisioned
	for _, t := range of[Topic](p.book, "") {
		if is, ok := topics[t.Spec.Name]; !ok || is != t.Spec || !t.State.Settled() {
			all = append(all, t)
		}
	}
	for _, g := range of[Group](p.book, "") {
		_, letters := topics[g.DeadLetters().Name]
		if is, ok := groups[g.Spec.Name]; !ok || !letters || !sameGroup(is, g.Spec) || !g.State.Settled() {
			all = append(all, g)
		}
	}
	return all
}

func sameGroup(a, b mq.GroupSpec) bool {
	return a.Name == b.Name && a.Cluster == b.Cluster && a.Mode == b.Mode && a.Ordered == b.Ordered && a.MaxAttempts == b.MaxAttempts &&
		a.Start.Kind == b.Start.Kind && a.Start.Time.Equal(b.Start.Time) && a.Hold == b.Hold && sameRetry(a.Retry, b.Retry)
}

func sameRetry(a, b mq.RetryPolicy) bool {
	return slices.Equal(a.Steps, b.Steps) && a.Initial == b.Initial && a.Max == b.Max && a.Multiplier == b.Multiplier
}

func (p *Plane) wakeRepair() {
	select {
	case p.repair <- struct{}{}:
	default:
	}
}

// repairLoop compares again, after a rest, whenever something was left undone.
func (p *Plane) repairLoop(ctx context.Context) {
	for {
		select {
		case <-p.repair:
		case <-ctx.Done():
			return
		}
		rest := p.opt.Clock.NewTimer(repairPause)
		select {
		case <-rest.C():
			p.repairOnce(ctx)
		case <-ctx.Done():
			rest.Stop()
			return
		}
	}
}

// repairOnce keeps away from what a request is at work on.
func (p *Plane) repairOnce(ctx context.Context) {
	has, err := p.inventory(ctx)
	if err != nil {
		p.wakeRepair()
		return
	}
	for _, r := range p.astray(has) {
		ref := r.Ref()
		if ctx.Err() != nil || p.claim(ref) != nil {
			continue
		}
		if now, ok := lookup[provisioned](p.book, ref); ok && now.revision() == r.revision() { // not changed meanwhile
			if p.bring(ctx, r) != nil {
				p.wakeRepair()
			}
		}
		p.release(ref)
	}
}

// UnderWay lists what the engine does not follow yet.
func (p *Plane) UnderWay() []Ref {
	some := map[Ref]bool{}
	for _, t := range of[Topic](p.book, "") {
		if !t.State.Settled() {
			some[t.Ref()] = true
		}
	}
	for _, g := range of[Group](p.book, "") {
		if !g.State.Settled() {
			some[g.Ref()] = true
		}
	}
	return slices.Collect(maps.Keys(some))
}
