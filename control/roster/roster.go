// SPDX-License-Identifier: Apache-2.0

// Package roster knows who is connected to the proxies, as far as they said.
//
// Every proxy tells every control plane every ten seconds who came, changed and left (proxy/roll), so that each plane knows by itself and nothing is shared. All of it is in
// memory: a plane that starts anew is told the whole by each proxy within ten seconds, and says until then that it does not know everybody.
//
// What must hold:
//
//   - Who is not known is never shown as gone. A proxy that was silent for longer than Silent may still serve its clients; they are left out, and every answer
//     says so, until it speaks again, its next process does, or an hour has passed.
//   - A client keeps streams to several proxies and is one client. What it takes is what its newest settings say, at whichever proxy they came.
//   - Memory is bounded by clients of all proxies together.
package roster

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/roll"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Bounds.
const (
	// Silent is how long after its last report a proxy's clients are known.
	Silent = 35 * time.Second
	// settling is how long a roster needs to hear every proxy that there is.
	settling = 25 * time.Second
	// forgetRun is how long after its last report a process is forgotten.
	forgetRun = time.Hour
	// MaxClients is how many clients are known, counted at each proxy.
	MaxClients = 200_000
)

// Roster is safe for concurrent use.
type Roster struct {
	clock clock.Clock
	limit int

	mu    sync.RWMutex // guards all below; never held across a wait
	begun time.Time
	runs  map[string]*run
	size  int // clients of all runs
}

// run is a process of a proxy.
type run struct {
	proxy, zone string
	heard       time.Time
	number      uint64
	clients     map[mq.Tenant]map[session.ID]roll.Client
	short       bool // there was no room for all of them
}

// New begins with nobody. limit is MaxClients where it is 0.
func New(c clock.Clock, limit int) *Roster {
	if limit <= 0 {
		limit = MaxClients
	}
	return &Roster{clock: c, limit: limit, begun: c.Now(), runs: map[string]*run{}}
}

// Take takes what a proxy says. It is false for a report that adds to one that was never heard here: the whole is needed then.
func (r *Roster) Take(told roll.Report) bool {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	one, known := r.runs[told.Run]
	switch {
	case known && told.Number <= one.number:
		return true // it took longer than the one after it
	case told.Leaving:
		r.forget(told.Run)
		return true
	case told.After != 0 && (!known || told.After > one.number || one.short):
		return false // one that found no room may find it now
	case told.After == 0:
		r.forget(told.Run)
		one = &run{clients: map[mq.Tenant]map[session.ID]roll.Client{}}
		r.runs[told.Run] = one
		r.sweep(told.Proxy, told.Run, now)
	}
	one.proxy, one.zone, one.heard, one.number = told.Proxy, told.Zone, now, told.Number
	for _, id := range told.Gone {
		r.leave(one, id)
	}
	for _, c := range told.Here {
		r.come(one, c)
	}
	return true
}

// come needs mu.
func (r *Roster) come(one *run, c roll.Client) {
	some := one.clients[c.Tenant]
	if _, known := some[c.ID]; !known {
		if r.size >= r.limit {
			one.short = true
			return
		}
		r.size++
	}
	if some == nil {
		some = map[session.ID]roll.Client{}
		one.clients[c.Tenant] = some
	}
	some[c.ID] = c
}

// leave needs mu.
func (r *Roster) leave(one *run, id session.ID) {
	some := one.clients[id.Tenant]
	if _, known := some[id]; !known {
		return
	}
	r.size--
	if delete(some, id); len(some) == 0 {
		delete(one.clients, id.Tenant)
	}
}

// forget needs mu.
func (r *Roster) forget(id string) {
	if one := r.runs[id]; one != nil {
		for _, some := range one.clients {
			r.size -= len(some)
		}
		delete(r.runs, id)
	}
}

// sweep forgets the processes that this one of the same proxy took the place of, and those that were silent for very long. It needs mu.
func (r *Roster) sweep(proxy, keep string, now time.Time) {
	for id, one := range r.runs {
		if id != keep && (one.proxy == proxy || now.Sub(one.heard) > forgetRun) {
			r.forget(id)
		}
	}
}

// Seat is a client at one proxy.
type Seat struct {
	Proxy, Zone string
	Remote      string // the client's address there
	Since       time.Time
	Heard       time.Time
}

// Client is a client with its place at each proxy that has it.
type Client struct {
	roll.Client // as its newest settings have it; Since is the earliest of its seats, Heard the latest
	Seats       []Seat
}

// Mute is a proxy that did not speak for longer than Silent: who is connected to it is not known.
type Mute struct {
	Proxy, Zone string
	Heard       time.Time
}

// Listing is the clients of a tenant, as far as they are known.
type Listing struct {
	Clients []Client
	Mutes   []Mute // by name
	// Whole says that every proxy that may be there was heard of, and that there was room for all that it said.
	Whole bool
}

// Of lists the clients of a tenant, in no order. Those that were last heard of before a time are left out: they belong to a tenant of the same name that was there
// before.
func (r *Roster) Of(tenant mq.Tenant, since time.Time) Listing {
	now := r.clock.Now()
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := Listing{Whole: now.Sub(r.begun) >= settling}
	found := map[session.ID]int{}
	for _, one := range r.runs {
		if silent := now.Sub(one.heard); silent > forgetRun {
			continue
		} else if silent > Silent {
			out.Mutes = append(out.Mutes, Mute{one.proxy, one.zone, one.heard.UTC()})
			continue
		}
		out.Whole = out.Whole && !one.short
		for id, c := range one.clients[tenant] {
			if c.Heard.Before(since) {
				continue
			}
			at, known := found[id]
			if !known {
				at = len(out.Clients)
				found[id] = at
				out.Clients = append(out.Clients, Client{Client: c})
			}
			out.Clients[at].sit(c, Seat{one.proxy, one.zone, c.Remote, c.Since, c.Heard})
		}
	}
	out.Whole = out.Whole && len(out.Mutes) == 0
	slices.SortFunc(out.Mutes, func(a, b Mute) int { return cmp.Compare(a.Proxy, b.Proxy) })
	for i := range out.Clients {
		slices.SortFunc(out.Clients[i].Seats, func(a, b Seat) int { return cmp.Compare(a.Proxy, b.Proxy) })
	}
	return out
}

// sit adds what one proxy knows of a client.
func (c *Client) sit(told roll.Client, at Seat) {
	since, heard := c.Since, c.Heard
	if told.Settled.After(c.Settled) {
		c.Client = told
	}
	c.Since, c.Heard = since, heard
	if told.Since.Before(since) {
		c.Since = told.Since
	}
	if told.Heard.After(heard) {
		c.Heard = told.Heard
	}
	c.Seats = append(c.Seats, at)
}
