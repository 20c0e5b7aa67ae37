// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"cmp"
	"slices"

	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/wire"
)

// listProxies puts together what proxies counted and what they asked for: they call themselves the same in both.
func listProxies(r *door.Request) (door.Answer, error) {
	all := map[string]wire.ProxyStatus{}
	for _, p := range r.Series.Proxies() {
		in, out := wire.Rate(p.In), wire.Rate(p.Out)
		all[p.Name] = wire.ProxyStatus{Name: p.Name, Zone: p.Zone, Heard: p.Heard, In: &in, Out: &out}
	}
	if r.Follows != nil {
		now := r.Follows()
		for _, f := range now.Proxies {
			one := all[f.Name]
			one.Name, one.Catalog, one.SharedUser = f.Name, held(r, now, f), f.Shared
			if f.Heard.After(one.Heard) {
				one.Heard = f.Heard.UTC()
			}
			all[f.Name] = one
		}
	}
	page := wire.Page[wire.ProxyStatus]{Items: make([]wire.ProxyStatus, 0, len(all))}
	for _, one := range all {
		page.Items = append(page.Items, one)
	}
	slices.SortFunc(page.Items, func(a, b wire.ProxyStatus) int { return cmp.Compare(a.Name, b.Name) })
	return door.OK(page)
}

// held is what a proxy has of the catalog. Versions of another epoch do not compare with those of this one.
func held(r *door.Request, now door.Following, f door.Follower) *wire.ProxyCatalog {
	c := wire.ProxyCatalog{Version: f.Version, Current: f.Version > 0 && f.Version >= now.Version && f.Epoch == now.Epoch, Asked: f.Heard.UTC(), Elsewhere: f.Elsewhere}
	if f.Version == 0 {
		return &c
	}
	c.By, c.Since = f.By, door.Optional(f.Since)
	if c.Since != nil {
		age := max(r.Clock.Now().Sub(f.Since).Seconds(), 0)
		c.AgeSeconds = &age
	}
	return &c
}
