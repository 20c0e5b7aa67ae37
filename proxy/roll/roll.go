// SPDX-License-Identifier: Apache-2.0

// Package roll tells control planes who is connected to a proxy.
//
// A report says who came, changed or left after another report. One that gets lost loses nothing: the next one says the same and more. A control plane that
// lacks the report that one adds to asks for the whole. When a client was last heard of is told to the minute: told each time, it would be most of what is said.
package roll

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/proxy/session"
)

// Bounds.
const (
	// MaxClients is how many clients a report may hold, as many as a proxy knows.
	MaxClients = session.DefaultLimit
	// heardEvery is how far a client's last call is ahead of what was told of it before it is told again.
	heardEvery = time.Minute
)

// Client is a client as it is told.
type Client struct {
	session.Client
	Untold int // topics beyond what is told of one client
}

// Report is who is at a proxy.
type Report struct {
	Proxy  string // what the proxy calls itself; whoever sends the report fills it in
	Zone   string // where it stands; "" where nobody said
	Run    string // of this process
	Number uint64 // grows with each look
	After  uint64 // the report that it adds to; 0: it is whole
	// Leaving says that the process ends: nobody is there any more.
	Leaving bool
	Here    []Client     // those who came or changed after the report that was asked for
	Gone    []session.ID // those who left after it
}

// Roll is safe for concurrent use.
type Roll struct {
	run string

	mu      sync.Mutex // guards all below
	clients func() []session.Client
	leaving bool
	number  uint64
	known   map[session.ID]*mark
	gone    map[session.ID]uint64 // the look that missed them first
	floor   uint64                // reports before this one can be added to no more: who left since then is forgotten
}

// mark is what was told of a client, the look that saw it change last, and the last one that saw it.
type mark struct {
	told session.Client
	look uint64
	seen uint64
}

// New begins without anybody.
func New() *Roll {
	return &Roll{run: rand.Text(), known: map[session.ID]*mark{}, gone: map[session.ID]uint64{}}
}

// Watch says where to look for clients. The lists that it gives are the roll's own.
func (r *Roll) Watch(clients func() []session.Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients = clients
}

// Leave says that the process ends: every report from now on has nobody.
func (r *Roll) Leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaving = true
}

// Report looks who is there, and says what is another than after a report, 0 for everything.
func (r *Roll) Report(after uint64) Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look()
	if after < r.floor {
		after = 0
	}
	out := Report{Run: r.run, Number: r.number, After: after, Leaving: r.leaving}
	for _, m := range r.known {
		if m.look > after {
			out.Here = append(out.Here, Client{Client: m.told})
		}
	}
	for id, look := range r.gone {
		if after != 0 && look > after {
			out.Gone = append(out.Gone, id)
		}
	}
	return out
}

// look needs mu.
func (r *Roll) look() {
	r.number++
	if r.clients != nil && !r.leaving {
		for _, c := range r.clients() {
			m, ok := r.known[c.ID]
			if !ok {
				m = &mark{}
				r.known[c.ID] = m
				delete(r.gone, c.ID)
			}
			if m.seen = r.number; !ok || m.told.Change != c.Change || c.Heard.Sub(m.told.Heard) >= heardEvery {
				m.told, m.look = c, r.number
			}
		}
	}
	for id, m := range r.known {
		if m.seen != r.number {
			delete(r.known, id)
			r.gone[id] = r.number
		}
	}
	if len(r.gone) > MaxClients {
		clear(r.gone)
		r.floor = r.number
	}
}
