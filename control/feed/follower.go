// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

// Bounds of what is remembered of proxies.
const (
	maxFollowers    = 10_000
	maxFollowerName = 200
	// quiet is how long after its last question a proxy is listed: longer than a question waits, with the rest after one that failed.
	quiet = 40 * time.Second
	// takes is how long a proxy that was given a document may take to ask again.
	takes = 2 * time.Second
	// glance is how often it is looked whether proxies that are waited for are still there.
	glance = 200 * time.Millisecond
)

// Follower is a proxy that asked this feed of late.
type Follower struct {
	Name    string // what it calls itself
	Remote  string
	Epoch   string
	Version catalog.Version // that it has
	Heard   time.Time
	By      string    // by which way it has it: wire.ByFeed or wire.ByDisk; "" where it does not say
	Since   time.Time // it has it; zero where it does not say
	Shared  []string  // clusters at which it signs as the control plane does, see user.go
	// Elsewhere: it asks another control plane over the same store. What it has is known from its last report, and so older by ten seconds at most.
	Elsewhere bool

	waiting int       // questions that are not answered
	told    time.Time // when it was given a document
}

// follow notes who asks, and with what it has wakes whoever waits for that.
func (f *Feed) follow(r *http.Request, h holding) *Follower {
	shared := f.shared(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.follower(r)
	one.has(r, h, f.opt.Clock.Now())
	one.Elsewhere = false
	f.noted(one, shared)
	one.waiting++
	f.stir()
	return one
}

// aside notes what a proxy says beside a report, unless it asks here.
func (f *Feed) aside(r *http.Request) {
	h, _, err := question(r)
	if err != nil || !r.URL.Query().Has("after") {
		return // a proxy that follows no control plane, or is older than this one
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if one := f.follower(r); one.waiting == 0 {
		one.has(r, h, f.opt.Clock.Now())
		one.Elsewhere = true
	}
}

// follower is who asks. It needs mu.
func (f *Feed) follower(r *http.Request) *Follower {
	name := r.Header.Get(wire.ProxyHeader)
	name = name[:min(len(name), maxFollowerName)]
	one := f.followers[name]
	if one == nil {
		one = &Follower{Name: name}
		if len(f.followers) >= maxFollowers {
			f.sweep()
		}
		if len(f.followers) < maxFollowers && name != "" { // somebody who only looks is nobody to wait for
			f.followers[name] = one
		}
	}
	return one
}

// has notes what it says that it has.
func (one *Follower) has(r *http.Request, h holding, now time.Time) {
	one.Remote, one.Epoch, one.Version, one.Heard = r.RemoteAddr, h.epoch, h.version, now
	one.By, one.Since = told(r.URL.Query())
}

// left notes that a question ended, with a document or without.
func (f *Feed) left(one *Follower, told bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one.waiting--
	if told {
		one.told = f.opt.Clock.Now()
	}
	f.stir()
}

// stir wakes whoever waits for proxies. It needs mu.
func (f *Feed) stir() {
	close(f.heard)
	f.heard = make(chan struct{})
}

// Followers lists the proxies that asked of late, here or elsewhere, by name.
func (f *Feed) Followers() []Follower {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sweep()
	var all []Follower
	for _, one := range f.followers {
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b Follower) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// sweep forgets who has not asked for long. It needs mu.
func (f *Feed) sweep() {
	now := f.opt.Clock.Now()
	for name, one := range f.followers {
		if one.waiting == 0 && now.Sub(one.Heard) > quiet {
			delete(f.followers, name)
		}
	}
}

// Now is the epoch and the version that proxies are to have, 0 before the first look at the plane.
func (f *Feed) Now() (wire.Epoch, catalog.Version) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ledger.epoch, f.ledger.version
}

// Newest is when what proxies are to have came to be. What one that follows elsewhere told before says nothing of it.
func (f *Feed) Newest() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.newest
}

// behind tells whether a proxy that is there lacks something.
func (f *Feed) behind() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.opt.Clock.Now()
	for _, one := range f.followers {
		if (one.waiting > 0 || now.Sub(one.told) < takes) && f.ledger.news(holding{epoch: one.Epoch, version: one.Version}) {
			return true
		}
	}
	return false
}

// Await returns when every proxy that is there has the plane's version, or ctx ends. One that is away is not waited for.
func (f *Feed) Await(ctx context.Context, v control.Version) error {
	f.mu.Lock()
	epoch, looked := f.ledger.epoch, f.ledger.looked
	f.mu.Unlock()
	if epoch.ID == "" {
		return nil // nobody can follow yet
	}
	if looked < v { // Run may not have come to it yet; where proxies see no difference it is not even woken
		if err := f.take(epoch); err != nil {
			return err
		}
	}
	for {
		f.mu.Lock()
		heard := f.heard
		f.mu.Unlock()
		if !f.behind() {
			return nil
		}
		timer := f.opt.Clock.NewTimer(glance)
		select {
		case <-heard:
		case <-timer.C():
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Written counts the documents that were made: many proxies at once cost one a version.
func (f *Feed) Written() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.written
}
