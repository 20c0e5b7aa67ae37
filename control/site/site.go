// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Bound is how long one change at a cluster, or one question to it, may take.
const Bound = 15 * time.Second

// Engine is how a plane reaches one cluster. Provisioner and Inspector are required.
type Engine struct {
	Provisioner Provisioner
	Inspector   Inspector
	Mover       Mover   // moves dead letters; nil: redrive is Unsupported
	Courier     Courier // sends for people; nil: that is Unsupported
	Guard       Guard   // nil: the cluster itself checks nobody
	Traits      mq.Traits
	Kind        string // what runs there, for people: "embedded", "rocketmq"
	Note        string
	Zone        string // where it stands, "" where nobody says
}

// State is what is known of a cluster from the last look at it.
type State string

// The states.
const (
	Unseen State = "unseen" // it was not asked yet
	Serves State = "serves"
	Silent State = "silent" // it did not answer, or not with what it has
)

// Seen is what the last look gave.
type Seen struct {
	State State
	Why   string    // of a silent one
	At    time.Time // zero before the first look
}

// Site is a cluster at work. Its methods are safe for concurrent use.
type Site struct {
	Engine
	Name mq.Cluster
	Rest time.Duration // between something that was left undone and the next look
	wake chan struct{} // something is left to do; holds at most one

	mu    sync.Mutex // guards all below
	seen  Seen
	drift []Drift
}

// New makes a site that was not looked at yet.
func New(name mq.Cluster, e Engine) *Site {
	return &Site{Engine: e, Name: name, Rest: defaultRest, wake: make(chan struct{}, 1), seen: Seen{State: Unseen}}
}

// Stir makes the site's loop look again. It never waits.
func (s *Site) Stir() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Saw keeps what a look gave, and tells whether that is news.
func (s *Site) Saw(at time.Time, err error) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.seen.State
	s.seen = Seen{State: Serves, At: at}
	if err != nil {
		s.seen.State, s.seen.Why = Silent, err.Error()
	}
	return s.seen.State != was
}

// Seen is what the last look gave.
func (s *Site) Seen() Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// Found keeps what a look found; the caller does not change it any more.
func (s *Site) Found(drift []Drift) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drift = drift
}

// Drift is what the last look that had an answer found. The caller does not change it.
func (s *Site) Drift() []Drift {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drift
}

// Inventory lists what the cluster has, within Bound.
func (s *Site) Inventory(ctx context.Context) (mq.Inventory, error) {
	ctx, cancel := context.WithTimeout(ctx, Bound)
	defer cancel()
	return s.Provisioner.Inventory(ctx)
}

// Inspect asks a site for people, within Bound.
func Inspect[T any](ctx context.Context, s *Site, ask func(context.Context, Inspector) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, Bound)
	defer cancel()
	return ask(ctx, s.Inspector)
}
