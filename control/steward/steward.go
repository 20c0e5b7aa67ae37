// SPDX-License-Identifier: Apache-2.0

// Package steward keeps the estate of an installation: quota plans, environments and zones come and go here, and tenants are changed, which name
// them. Nothing goes while something names it.
package steward

import (
	"context"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

// MaxItems bounds the plans, the environments and the zones.
const MaxItems = 500

// MaxLimit bounds what a plan may say.
const MaxLimit = 1_000_000

// InUse is why something stays that is named elsewhere.
const InUse control.Reason = "in_use"

// Steward keeps nothing but in the plane's store and is safe for concurrent use.
type Steward struct {
	plane *control.Plane
	now   func() time.Time
}

// New makes the steward of a control plane.
func New(plane *control.Plane, now func() time.Time) *Steward { return &Steward{plane, now} }

// Items lists what there is of a kind, by name.
func (s *Steward) Items(kind control.RecordKind) ([]estate.Item, error) {
	some := s.plane.Documents(kind, "")
	all := make([]estate.Item, 0, len(some))
	for _, d := range some {
		i, err := itemOf(d)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

// Item finds one by its name.
func (s *Steward) Item(kind control.RecordKind, name string) (estate.Item, error) {
	d, err := s.plane.Document(control.Ref{Kind: kind, Name: name})
	if err != nil {
		return estate.Item{}, err
	}
	return itemOf(d)
}

func itemOf(d control.Document) (estate.Item, error) {
	i, err := estate.Read(d.Ref(), d.Body)
	i.Revision = d.Revision
	return i, err
}

func document(i estate.Item) control.Document {
	return control.Document{Kind: i.Kind, Name: i.Name.String(), Body: i.Body(), Revision: i.Revision}
}

// Create makes a plan, an environment or a zone.
func (s *Steward) Create(ctx context.Context, by control.Actor, i estate.Item) (estate.Item, error) {
	if err := check(i); err != nil {
		return i, err
	}
	i.Created, i.Revision = s.now().UTC().Truncate(time.Microsecond), 0
	d, err := s.plane.AddDocument(ctx, by, document(i), func() error {
		if b := (estate.Bound{Most: MaxItems}); len(s.plane.Documents(i.Kind, "")) >= b.Most {
			return b.Over(i.Kind)
		}
		return nil
	})
	if err != nil {
		return i, err
	}
	return itemOf(d)
}

// Change names what to change; nil leaves a thing as it is.
type Change struct {
	Note       *string
	Limits     *estate.Limits // all of them
	Production *bool
	Revision   control.Version // that the caller saw; 0 = whatever there is
}

// Update changes a plan, an environment or a zone. What tenants have beyond a plan's new limits stays.
func (s *Steward) Update(ctx context.Context, by control.Actor, on control.Ref, c Change) (estate.Item, error) {
	i, err := s.Item(on.Kind, on.Name)
	if err != nil {
		return i, err
	}
	if c.Revision != 0 && c.Revision != i.Revision {
		return i, control.Outdated(on)
	}
	assign(&i.Note, c.Note)
	assign(&i.Limits, c.Limits)
	assign(&i.Production, c.Production)
	if err := check(i); err != nil {
		return i, err
	}
	d, err := s.plane.ChangeDocument(ctx, by, "update", document(i))
	if err != nil {
		return i, err
	}
	return itemOf(d)
}

// Delete forgets what nothing names; seen is the revision that the caller saw, 0 = whatever there is.
func (s *Steward) Delete(ctx context.Context, by control.Actor, on control.Ref, seen control.Version) error {
	d, err := s.plane.Document(on)
	if err != nil {
		return err
	}
	if seen != 0 && seen != d.Revision {
		return control.Outdated(on)
	}
	return s.plane.RemoveDocumentIf(ctx, by, d, func() error { return s.unused(on) })
}

// unused refuses what something names.
func (s *Steward) unused(on control.Ref) error {
	for _, c := range s.plane.Clusters() {
		if on.Kind == estate.Zone && c.Zone == on.Name {
			return refusal.New(InUse, mq.Conflict, "zone %q is that of cluster %q, as the configuration says", on.Name, c.Name)
		}
	}
	for _, t := range s.plane.Tenants() {
		if on.Kind == estate.Plan && t.Plan.String() == on.Name || on.Kind == estate.Environment && t.Environment.String() == on.Name {
			return refusal.New(InUse, mq.Conflict, "%s %q is that of tenant %q: give the tenant another one first", on.Kind, on.Name, t.ID)
		}
	}
	return nil
}

func check(i estate.Item) error {
	if audit.Clip(i.Note, control.MaxNote) != i.Note {
		return refusal.New(refusal.OutOfRange, mq.BadRequest, "note: %d bytes, the limit is %d bytes of UTF-8", len(i.Note), control.MaxNote).On("note").Beyond(strconv.Itoa(control.MaxNote))
	}
	l := i.Limits
	for field, n := range map[string]int{"topics": l.Topics, "groups": l.Groups, "applications": l.Applications, "members": l.Members, "tokens": l.Tokens} {
		if n < 0 || n > MaxLimit {
			return refusal.New(refusal.OutOfRange, mq.BadRequest, "limits.%s: %d, from 1 to %d are possible, or 0 for no limit of the plan", field, n, MaxLimit).On("limits." + field).Beyond("0.." + strconv.Itoa(MaxLimit))
		}
	}
	return nil
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
