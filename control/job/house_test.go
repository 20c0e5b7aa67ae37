// SPDX-License-Identifier: Apache-2.0

package job_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// house is a store and an engine over which planes come and go. Jobs and engine live by a virtual clock.
type house struct {
	t      *testing.T
	dir    string
	engine *controltest.Engine
	clock  *clock.Virtual
	hook   atomic.Pointer[hook]
}

// hook is asked before each call to the engine.
type hook func(ctx context.Context, verb string) error

// plane is a plane with its board.
type plane struct {
	*control.Plane
	board *job.Board
	t     *testing.T
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, dir: t.TempDir(), engine: controltest.New(), clock: clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))}
	h.engine.Now = h.clock.Now
	h.engine.Hang = func(ctx context.Context, verb string) error {
		if ask := h.hook.Load(); ask != nil {
			return (*ask)(ctx, verb)
		}
		return nil
	}
	return h
}

func (h *house) ask(do hook) { h.hook.Store(&do) }

// open starts a plane; change says what is other than usual.
func (h *house) open(change ...func(*control.Options)) *plane {
	h.t.Helper()
	p, err := h.tryOpen(change...)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) tryOpen(change ...func(*control.Options)) (*plane, error) {
	h.t.Helper()
	s, err := sqlstore.OpenSQLite(context.Background(), h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	cluster := must(mq.ParseCluster("test"))
	o := control.Options{Store: s, Engine: h.engine, Inspector: h.engine, Mover: h.engine, Cluster: cluster, Clock: h.clock}
	for _, c := range change {
		c(&o)
	}
	opened, err := control.Open(context.Background(), o)
	if err != nil {
		return nil, err
	}
	p := &plane{opened, job.Open(job.Options{Plane: opened, Clock: h.clock}), h.t}
	h.t.Cleanup(p.close)
	return p, nil
}

// dying is a plane whose process dies at a step of its store, its engine, or its way to messages.
func dying(c *controltest.Crash, e *controltest.Engine) func(*control.Options) {
	return func(o *control.Options) {
		o.Store, o.Engine, o.Mover = c.Store(o.Store), c.Engine(e), c.Mover(e)
	}
}

// shared says that there are other planes. The database judges claims by its own time, which is not virtual.
func shared(o *control.Options) {
	o.Clock, o.Sharing = clock.System(), &control.Sharing{Poll: 10 * time.Millisecond, Claim: time.Second}
}

// unhurried is shared where no plane dies: a claim outlasts a plane that a busy machine does not let go on for a while.
func unhurried(o *control.Options) {
	shared(o)
	o.Sharing.Claim = time.Minute
}

func (p *plane) close() {
	p.board.Close()
	if err := p.Close(); err != nil {
		p.t.Error(err)
	}
}

// soon lets virtual time pass until something holds.
func (h *house) soon(what string, holds func() bool) {
	h.t.Helper()
	for bound := time.Now().Add(60 * time.Second); !holds(); {
		if time.Now().After(bound) {
			h.t.Fatalf("it never happens: %s", what)
		}
		h.clock.Advance(time.Second)
		<-time.After(time.Millisecond)
	}
}

// reached waits until a channel is closed.
func (h *house) reached(begun <-chan struct{}) {
	h.t.Helper()
	h.soon("it gets there", func() bool {
		select {
		case <-begun:
			return true
		default:
			return false
		}
	})
}

// ended waits for the end of a job.
func (h *house) ended(p *plane, j job.Job) job.Job {
	h.t.Helper()
	h.soon("the job ends", func() bool {
		var err error
		if j, err = p.board.Job(j.Place, j.ID); err != nil {
			h.t.Fatal(err)
		}
		return !j.State.Live()
	})
	return j
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func tester() control.Actor {
	return control.Actor{Kind: control.MemberActor, Name: "ada", Role: "operator", Remote: "192.0.2.7:4711", Request: "r-1"}
}

func tenantOf(s string) mq.Tenant { return must(mq.ParseTenant(s)) }

func (p *plane) topic(tenant, name string) control.Topic {
	p.t.Helper()
	t, err := p.CreateTopic(context.Background(), tester(), control.NewTopic{Tenant: tenantOf(tenant), Name: must(mq.ParseTopicName(name))})
	if err != nil {
		p.t.Fatal(err)
	}
	return t
}

func (p *plane) group(tenant, name string) control.Group {
	p.t.Helper()
	g, err := p.CreateGroup(context.Background(), tester(), control.NewGroup{Tenant: tenantOf(tenant), Name: must(mq.ParseGroupName(name))})
	if err != nil {
		p.t.Fatal(err)
	}
	return g
}

func (p *plane) tenant(name string) control.Tenant {
	p.t.Helper()
	t, err := p.CreateTenant(context.Background(), tester(), control.Tenant{ID: tenantOf(name)})
	if err != nil {
		p.t.Fatal(err)
	}
	return t
}

func (p *plane) rows(q control.AuditQuery) []control.Entry {
	p.t.Helper()
	q.Limit = control.MaxAuditPage
	page, err := p.Audit(context.Background(), q)
	if err != nil {
		p.t.Fatal(err)
	}
	return page.Entries
}

func wantRefusal(t *testing.T, err error, k mq.Kind, r control.Reason) {
	t.Helper()
	var refusal *control.Refusal
	reason := control.Reason("")
	if errors.As(err, &refusal) {
		reason = refusal.Reason
	}
	if mq.KindOf(err) != k || reason != r {
		t.Errorf("got %v (%v, %q), want kind %v, reason %q", err, mq.KindOf(err), reason, k, r)
	}
}
