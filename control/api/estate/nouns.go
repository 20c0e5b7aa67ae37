// SPDX-License-Identifier: Apache-2.0

package estate

import (
	"time"

	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/steward"
	"github.com/causeway-mq/causeway/control/wire"
)

func plans() noun {
	return noun{
		kind: estate.Plan, one: "Plan", many: "plans", about: "quota plan", rights: rights{identity.ReadPlan, identity.CreatePlan, identity.UpdatePlan, identity.DeletePlan},
		page: wire.Page[wire.Plan]{}, shown: wire.Plan{}, making: wire.NewPlan{}, changing: wire.PlanChange{},
		fresh: func(r *door.Request) (estate.Item, error) {
			var want wire.NewPlan
			if err := r.Decode(&want); err != nil {
				return estate.Item{}, err
			}
			n, err := estate.ParseName("name", want.Name)
			return estate.Item{Kind: estate.Plan, Name: n, Note: want.Note, Limits: estate.Limits(want.Limits)}, err
		},
		change: func(r *door.Request) (steward.Change, error) {
			var want wire.PlanChange
			if err := r.Decode(&want); err != nil {
				return steward.Change{}, err
			}
			seen, err := r.Seen(want.Revision)
			return steward.Change{Note: want.Note, Limits: (*estate.Limits)(want.Limits), Revision: seen}, err
		},
		show: func(_ *door.Request, i estate.Item) any {
			return wire.Plan{Name: i.Name.String(), Note: i.Note, Limits: wire.PlanLimits(i.Limits), Created: i.Created, Revision: uint64(i.Revision)}
		},
	}
}

func environments() noun {
	return noun{
		kind: estate.Environment, one: "Environment", many: "environments", about: "environment",
		rights: rights{identity.ReadEnvironment, identity.CreateEnvironment, identity.UpdateEnvironment, identity.DeleteEnvironment},
		page:   wire.Page[wire.Environment]{}, shown: wire.Environment{}, making: wire.NewEnvironment{}, changing: wire.EnvironmentChange{},
		fresh: func(r *door.Request) (estate.Item, error) {
			var want wire.NewEnvironment
			if err := r.Decode(&want); err != nil {
				return estate.Item{}, err
			}
			n, err := estate.ParseName("name", want.Name)
			return estate.Item{Kind: estate.Environment, Name: n, Note: want.Note, Production: want.Production}, err
		},
		change: func(r *door.Request) (steward.Change, error) {
			var want wire.EnvironmentChange
			if err := r.Decode(&want); err != nil {
				return steward.Change{}, err
			}
			seen, err := r.Seen(want.Revision)
			return steward.Change{Note: want.Note, Production: want.Production, Revision: seen}, err
		},
		show: func(_ *door.Request, i estate.Item) any {
			return wire.Environment{Name: i.Name.String(), Note: i.Note, Production: i.Production, Created: i.Created, Revision: uint64(i.Revision)}
		},
	}
}

func zones() noun {
	return noun{
		kind: estate.Zone, one: "Zone", many: "zones", about: "zone", rights: rights{identity.ReadZone, identity.CreateZone, identity.UpdateZone, identity.DeleteZone},
		page: wire.Page[wire.Zone]{}, shown: wire.Zone{}, making: wire.NewZone{}, changing: wire.ZoneChange{},
		fresh: func(r *door.Request) (estate.Item, error) {
			var want wire.NewZone
			if err := r.Decode(&want); err != nil {
				return estate.Item{}, err
			}
			n, err := estate.ParseName("name", want.Name)
			return estate.Item{Kind: estate.Zone, Name: n, Note: want.Note}, err
		},
		change: func(r *door.Request) (steward.Change, error) {
			var want wire.ZoneChange
			if err := r.Decode(&want); err != nil {
				return steward.Change{}, err
			}
			seen, err := r.Seen(want.Revision)
			return steward.Change{Note: want.Note, Revision: seen}, err
		},
		show: showZone,
	}
}

func showZone(r *door.Request, i estate.Item) any {
	shown := wire.Zone{Name: i.Name.String(), Note: i.Note, Clusters: []string{}, Proxies: []string{}, Created: i.Created, Revision: uint64(i.Revision)}
	for _, c := range r.Plane.Clusters() {
		if c.Zone == shown.Name {
			shown.Clusters = append(shown.Clusters, c.Name.String())
		}
	}
	for _, p := range r.Series.Proxies() {
		if p.Zone == shown.Name && r.Clock.Now().Sub(p.Heard) <= time.Minute {
			shown.Proxies = append(shown.Proxies, p.Name)
		}
	}
	return shown
}
