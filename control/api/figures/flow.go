// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/series"
	"github.com/causeway-mq/causeway/control/wire"
)

const (
	usualMinutes = 5
	maxMinutes   = 60
	// there is how long after its last word a proxy counts as standing in its zone.
	there = time.Minute
)

func flowOperation() door.Operation {
	return door.Operation{
		ID: "zoneFlow", Method: "GET", Path: "/v1/flow", Summary: "Shows what went through zones: where proxies and clusters stand that messages passed, and what crosses.", Scope: door.Installation,
		Right: identity.ReadZone, Query: []door.Parameter{{Name: "minutes", About: "of the time that is looked at; 5 by default", Kind: "integer", Min: 1, Max: maxMinutes}},
		Answer: wire.ZoneFlow{}, Status: 200, Handle: zoneFlow,
	}
}

func zoneFlow(r *door.Request) (door.Answer, error) {
	minutes := usualMinutes
	if q := r.URL.Query(); q.Has("minutes") {
		n, err := strconv.Atoi(q.Get("minutes"))
		if err != nil || n < 1 || n > maxMinutes {
			return door.Answer{}, door.Bad(string(control.OutOfRange), "minutes", "minutes: from 1 to "+strconv.Itoa(maxMinutes))
		}
		minutes = n
	}
	f := r.Series.Flow(time.Duration(minutes) * time.Minute)
	out := wire.ZoneFlow{From: f.From, To: f.To, KnownSeconds: f.Known.Seconds(), Ways: make([]wire.ZoneWay, 0, len(f.Ways)), Incomplete: f.Short}
	s := standingIn(r)
	for _, w := range f.Ways {
		one := wire.ZoneWay{Leg: "stored", Produce: w.Produce, Store: w.Store, Consume: w.Consume, Rate: wire.Rate(w.Rate), Crosses: crosses(w.Way)}
		if w.Delivered {
			one.Leg = "delivered"
		}
		if one.Crosses != nil && *one.Crosses {
			one.Reason = s.reason(w.Way)
		}
		out.Ways = append(out.Ways, one)
	}
	return door.OK(out)
}

// crosses tells whether a way leads into another zone, nil where nobody knows. Two zones that differ are enough to know that it does.
func crosses(w series.Way) *bool {
	zones := []string{w.Produce, w.Store}
	if w.Delivered {
		zones = append(zones, w.Consume)
	}
	known, first := true, ""
	for _, z := range zones {
		switch {
		case z == "":
			known = false
		case first == "":
			first = z
		case z != first:
			yes := true
			return &yes
		}
	}
	if !known {
		return nil
	}
	no := false
	return &no
}

// standing is what stands in each zone now.
type standing struct {
	proxies  map[string]bool // of which some told of itself of late
	clusters map[string]int
	silent   map[string]int
}

func standingIn(r *door.Request) standing {
	s := standing{map[string]bool{}, map[string]int{}, map[string]int{}}
	for _, p := range r.Series.Proxies() {
		if r.Clock.Now().Sub(p.Heard) <= there {
			s.proxies[p.Zone] = true
		}
	}
	for _, c := range r.Plane.Clusters() {
		s.clusters[c.Zone]++
		if c.Why != "" { // it did not answer the last time
			s.silent[c.Zone]++
		}
	}
	return s
}

// reason is why a way leads out of a proxy's zone, "" where that is not known: clients may choose proxies of another zone, and a topic lies where somebody put it.
func (s standing) reason(w series.Way) string {
	proxy := w.Produce
	if w.Delivered && w.Consume != w.Store && w.Consume != "" && w.Store != "" {
		proxy = w.Consume
	}
	switch {
	case proxy == "" || w.Store == "" || proxy == w.Store:
		return "" // it crosses elsewhere
	case s.clusters[proxy] == 0:
		return "no-cluster"
	case s.silent[proxy] == s.clusters[proxy]:
		return "silent-cluster"
	case !s.proxies[w.Store]:
		return "no-proxy"
	}
	return ""
}
