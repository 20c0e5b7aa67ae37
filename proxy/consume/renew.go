// SPDX-License-Identifier: Apache-2.0

package consume

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Renewal, the simple story: a push consumer holds messages for as long as it likes and settles them with the receipt that it
// was first given. So the proxy that delivered them extends their leases every Delivery.Keep until they are settled.
//
// What must hold: the first token goes on settling (mq.Keep), here or at any other proxy. A lease that this proxy forgets, by
// a crash or on purpose, runs out by the engine's clock. A client that is gone holds nothing for longer than one lease.
//
// The complication: a message may be settled at another proxy, where this one does not see it. Its next extension is then
// refused as Settled or Expired, which ends the renewal; nothing is made visible again by a renewal.
//
// Rejected: a timer per message (a heap operation per acknowledgement). Here an acknowledgement deletes one map entry, and a
// list of tokens per second is looked at when that second comes.

const (
	renewTick = time.Second
	// renewFactor is how many intervals one extension lasts: two renewals may be lost.
	renewFactor = 3
	// renewCap bounds how long a proxy keeps one message for a client that never settles it.
	renewCap = mq.MaxHold
	// renewBound is the time that one round of extensions may take.
	renewBound = 5 * time.Second
)

type heldLease struct {
	lease  mq.Lease
	client session.ID
	every  time.Duration
	since  time.Time
}

// leaseKey names a lease. Groups that get one message at the same time may have the same token.
type leaseKey struct {
	cluster mq.Cluster
	group   mq.Physical
	token   string
}

func keyOf(l mq.Lease) leaseKey { return leaseKey{l.Cluster, l.Group.Name, l.Token} }

type renewals struct {
	clock  clock.Clock
	origin time.Time
	log    *slog.Logger
	alive  func(session.ID) bool
	work   chan struct{} // capacity 1: there is something to do before the next tick

	mu       sync.Mutex // guards all below
	held     map[leaseKey]*heldLease
	due      map[int64][]leaseKey // by second since origin; may name leases that were settled since
	byClient map[session.ID]map[leaseKey]struct{}
	freeing  []mq.Lease // of clients that are gone
}

func newRenewals(c clock.Clock, alive func(session.ID) bool, log *slog.Logger) *renewals {
	return &renewals{
		clock:    c,
		origin:   c.Now(),
		log:      log,
		alive:    alive,
		work:     make(chan struct{}, 1),
		held:     make(map[leaseKey]*heldLease),
		due:      make(map[int64][]leaseKey),
		byClient: make(map[session.ID]map[leaseKey]struct{}),
	}
}

func (r *renewals) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.held)
}

// hold starts renewing what was granted. Deliveries that need no renewal (Keep 0) are remembered all the same, so that they
// are released when their client goes.
func (r *renewals) hold(client session.ID, granted []mq.Delivery) {
	if len(granted) == 0 {
		return
	}
	now := r.clock.Now()
	r.mu.Lock()
	first := len(r.held) == 0
	for i := range granted {
		d := &granted[i]
		h := &heldLease{lease: d.Lease, client: client, every: d.Keep, since: now}
		key := keyOf(d.Lease)
		// A repeated attempt is given the same lease again, perhaps by way of another client: it is held once, by the last.
		if was, ok := r.held[key]; ok {
			h.since = was.since
			r.forget(key)
			r.held[key] = h
			r.own(client, key)
			continue
		}
		r.held[key] = h
		r.own(client, key)
		r.schedule(key, h, now)
	}
	r.mu.Unlock()
	if first {
		r.nudge()
	}
}

// own needs mu.
func (r *renewals) own(client session.ID, key leaseKey) {
	mine := r.byClient[client]
	if mine == nil {
		mine = make(map[leaseKey]struct{})
		r.byClient[client] = mine
	}
	mine[key] = struct{}{}
}

// second counts from the start of this process, by the clock that nobody sets.
func (r *renewals) second(t time.Time) int64 { return int64(t.Sub(r.origin) / time.Second) }

// schedule needs mu.
func (r *renewals) schedule(key leaseKey, h *heldLease, now time.Time) {
	at := now.Add(h.every)
	if h.every == 0 { // nothing to renew: only to be forgotten when it is over
		at = h.lease.Until.Add(renewTick)
	}
	r.due[r.second(at)] = append(r.due[r.second(at)], key)
}

func (r *renewals) drop(leases []mq.Lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range leases {
		r.forget(keyOf(leases[i]))
	}
}

// forget needs mu.
func (r *renewals) forget(key leaseKey) {
	h, ok := r.held[key]
	if !ok {
		return
	}
	delete(r.held, key)
	mine := r.byClient[h.client]
	delete(mine, key)
	if len(mine) == 0 {
		delete(r.byClient, h.client)
	}
}

// release frees all that a client holds. It does not block: the renewal loop does the work.
func (r *renewals) release(client session.ID) {
	r.mu.Lock()
	for key := range r.byClient[client] {
		r.freeing = append(r.freeing, r.held[key].lease)
		delete(r.held, key)
	}
	delete(r.byClient, client)
	r.mu.Unlock()
	r.nudge()
}

func (r *renewals) nudge() {
	select {
	case r.work <- struct{}{}:
	default:
	}
}

// run frees and extends until ctx ends. While nothing is held it sleeps without a timer.
func (r *renewals) run(ctx context.Context, engine func(mq.Cluster) (Engine, error)) error {
	last := r.second(r.clock.Now())
	tick := r.clock.NewTimer(renewTick)
	defer tick.Stop()
	for {
		if r.len() > 0 {
			tick.Reset(renewTick)
		} else {
			tick.Stop()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.work:
		case <-tick.C():
		}
		now := r.clock.Now()
		r.free(ctx, engine)
		r.extend(ctx, engine, r.takeDue(last, now))
		last = r.second(now)
	}
}

// takeDue collects what is due in (last, now] and drops those whose client is gone or whose time is up.
func (r *renewals) takeDue(last int64, now time.Time) []*heldLease {
	r.mu.Lock()
	defer r.mu.Unlock()
	var due []*heldLease
	for second := last + 1; second <= r.second(now); second++ {
		keys := r.due[second]
		delete(r.due, second)
		for _, key := range keys {
			h, ok := r.held[key]
			switch {
			case !ok:
			case h.every == 0:
				r.forget(key)
			case now.Sub(h.since) > renewCap:
				r.log.Warn("a message was held for too long; its lease runs out now", "client", h.client.Client, "topic", h.lease.Topic.Name, "held", now.Sub(h.since))
				r.forget(key)
			case !r.alive(h.client):
				r.forget(key)
			default:
				r.schedule(key, h, now)
				due = append(due, h)
			}
		}
	}
	return due
}

type extension struct {
	cluster mq.Cluster
	length  time.Duration
}

func (r *renewals) extend(ctx context.Context, engine func(mq.Cluster) (Engine, error), due []*heldLease) {
	if len(due) == 0 {
		return
	}
	batches := make(map[extension][]mq.Lease)
	for _, h := range due {
		e := extension{h.lease.Cluster, renewFactor * h.every}
		batches[e] = append(batches[e], h.lease)
	}
	for e, leases := range batches {
		target, err := engine(e.cluster)
		if err != nil {
			continue
		}
		bound, cancel := context.WithTimeout(ctx, renewBound)
		answers := target.Extend(bound, leases, e.length, mq.Keep)
		cancel()
		for i, a := range answers {
			if a.Err != nil && over(a.Err) {
				r.drop(leases[i : i+1])
			}
		}
	}
}

func (r *renewals) free(ctx context.Context, engine func(mq.Cluster) (Engine, error)) {
	r.mu.Lock()
	leases := r.freeing
	r.freeing = nil
	r.mu.Unlock()
	byCluster := make(map[mq.Cluster][]mq.Lease)
	for _, l := range leases {
		byCluster[l.Cluster] = append(byCluster[l.Cluster], l)
	}
	for c, leases := range byCluster {
		target, err := engine(c)
		if err != nil {
			continue
		}
		bound, cancel := context.WithTimeout(ctx, renewBound)
		target.Extend(bound, leases, 0, mq.Replace)
		cancel()
	}
}
