// SPDX-License-Identifier: Apache-2.0

// Package fed is the catalog of a proxy that follows a control plane, and goes on without it.
//
// The source asks one of several control planes for what is newer than what it has, and each answer is judged before it is
// served. What is served is kept on disk as well, so that a proxy which starts while every control plane is away serves
// what the last one said.
//
// What must hold:
//
//   - What is served goes on being served whatever a control plane says or does not say. Only a whole document whose sum fits,
//     that is newer, and that takes away no more than half of the tenants takes its place.
//   - Versions do not go back, and an epoch that nobody forced does not take the place of another: a database that was restored
//     would bring revoked keys back to life. A newer epoch that an operator forced is taken as it is.
//   - Traffic waits for nothing of this: neither the network nor the disk is touched by whoever asks for the catalog.
//   - What stands on disk is judged like what comes over the wire; what is damaged is told and not used.
package fed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

// Pauses.
const (
	firstRest = 200 * time.Millisecond // after a round over all control planes in vain; it doubles
	longRest  = 10 * time.Second
	// settle is the pause after a catalog was taken: a thousand topics that are made in a row are taken in some steps.
	settle = 100 * time.Millisecond
	// briskly is how long a question that brings nothing takes at least, should somebody between answer at once.
	briskly = time.Second
	// asking bounds one question: what the control plane waits, and time for a large answer.
	asking = 60 * time.Second
	// writing is the least pause between two writes of the cache, which is written whole: a large one takes a twentieth of the time at the most, however
	// often the catalog changes.
	writing     = time.Second
	writingPart = 20
)

// Why says why a document was not served, in metrics.
type Why string

// The reasons.
const (
	Damaged Why = "damaged" // no whole document, or its sum does not fit
	Shrinks Why = "shrinks" // it takes away more than half of the tenants
	Older   Why = "older"   // an older version, or an older epoch
	Foreign Why = "foreign" // of another epoch that nobody forced
)

// Events is told what happens; nil fields are not called. It must not block.
type Events struct {
	Refused func(Why)                                       // a document, from the wire or the disk, was not served
	Failed  func()                                          // a question came to nothing
	Taken   func(took time.Duration, bytes int, delta bool) // a document is served; how long reading and building took
	Kept    func(err error)                                 // the cache was written, or not
}

// Options are what a source needs. URLs, Token, Disk, Cache and Clock are required.
type Options struct {
	URLs   []string // of control planes, without the path
	Token  string
	Name   string            // what this proxy calls itself to the control plane
	Users  map[string]string // by cluster, as whom it signs at the brokers; the control plane is told marks of them
	Client http.RoundTripper // http.DefaultTransport by default
	Disk   fsys.FS           // holds the cache
	Cache  string            // its name at the root of Disk
	Clock  clock.Clock
	Log    *slog.Logger
	Events Events
	Random func() float64 // from 0 to below 1; math/rand by default
}

// Source serves what control planes say. Run must be running.
type Source struct {
	opt   Options
	urls  []*url.URL
	dirty chan struct{} // wakes the writer of the cache; holds at most one

	mu      sync.Mutex // guards all below; never held while anything is read or built
	state   *wire.State
	now     *catalog.Snapshot // what is served, nil before the first
	status  Status
	changed chan struct{} // closed and replaced with each snapshot

	at     int    // the control plane that is asked; of Run alone
	vain   int    // questions that came to nothing since the last that did not; of Run alone
	whole  bool   // the next question is for a snapshot, since a delta did not fit; of Run alone
	logged string // what was logged last; of Run alone
}

// Status is how the source stands.
type Status struct {
	Epoch   wire.Epoch
	Version catalog.Version // of the control plane, within its epoch; 0 for none
	Control string          // the control plane that answered last, "" for none yet
	Heard   time.Time       // when; zero for never: what is served is from disk
	Since   time.Time       // when what is served was taken here; zero where nothing is
	Disk    bool            // what is served is from disk: no control plane has sent anything since the start
	Refused error           // why the newest document is not served; nil when it is
	Failed  error           // why the control plane that was asked last could not be followed; nil when it could
	Cache   error           // why the newest catalog is not on disk; nil when it is
}

// Open reads the cache. It fails for options that make no sense alone: without a usable cache the source begins with nothing, and the first catalog comes
// from a control plane.
func Open(opt Options) (*Source, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Client == nil {
		opt.Client = http.DefaultTransport
	}
	if opt.Random == nil {
		opt.Random = rand.Float64
	}
	s := &Source{opt: opt, state: wire.Empty(), changed: make(chan struct{}), dirty: make(chan struct{}, 1)}
	for _, text := range opt.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, mq.Refuse(mq.BadRequest, "control plane %q: http://HOST:PORT or https://HOST:PORT", text)
		}
		u.Path, u.RawQuery, u.Fragment = path.Join("/", u.Path, wire.Path), "", ""
		s.urls = append(s.urls, u)
	}
	if len(s.urls) == 0 || opt.Token == "" {
		return nil, mq.Refuse(mq.BadRequest, "a control plane and a proxy's token are needed")
	}
	if len(s.urls) > 1 {
		s.at = int(opt.Random() * float64(len(s.urls))) // proxies spread over control planes
	}
	s.remember()
	return s, nil
}

// Next blocks until there is something newer than have, or ctx ends. Versions here order the snapshots of this process: they are those of the control plane
// until that goes back to an older one because somebody forced it.
func (s *Source) Next(ctx context.Context, have catalog.Version) (*catalog.Snapshot, error) {
	for {
		s.mu.Lock()
		now, changed := s.now, s.changed
		s.mu.Unlock()
		if now != nil && now.Version() > have {
			return now, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Status tells how the source stands.
func (s *Source) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Refused is why the newest document of the control plane is not served; nil when it is.
func (s *Source) Refused() error { return s.Status().Refused }

// Run follows the control planes until ctx ends.
func (s *Source) Run(ctx context.Context) error {
	var keeping sync.WaitGroup
	following, over := context.WithCancel(context.WithoutCancel(ctx)) // ends after the last catalog was taken, so that this one is kept, too
	keeping.Go(func() { s.keep(following) })
	defer func() { over(); keeping.Wait() }()
	for ctx.Err() == nil {
		begun := s.opt.Clock.Now()
		taken, err := s.ask(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.fail(ctx, err)
		case taken:
			s.well()
			s.rest(ctx, settle)
		default:
			s.well()
			s.rest(ctx, briskly-s.opt.Clock.Now().Sub(begun))
		}
	}
	return ctx.Err()
}

// well notes that a control plane answered as it should.
func (s *Source) well() {
	if s.logged != "" {
		s.logged = ""
		s.opt.Log.Info("the control plane is followed again", "control", s.urls[s.at].Host)
	}
	s.vain = 0
	s.mu.Lock()
	s.status.Control, s.status.Heard, s.status.Failed = s.urls[s.at].Host, s.opt.Clock.Now(), nil
	s.mu.Unlock()
}

// fail goes to the next control plane, after a rest when all of them were asked in vain. Every trouble is said once.
func (s *Source) fail(ctx context.Context, err error) {
	if s.opt.Events.Failed != nil {
		s.opt.Events.Failed()
	}
	host := s.urls[s.at].Host
	s.mu.Lock()
	s.status.Failed = fmt.Errorf("control plane %s: %w", host, err)
	s.mu.Unlock()
	if text := host + err.Error(); text != s.logged {
		s.logged = text
		var refused *refusal
		if errors.As(err, &refused) {
			s.opt.Log.Error("a catalog of the control plane is refused; what was served before goes on", "control", host, "why", string(refused.why), "error", err)
		} else {
			s.opt.Log.Warn("the control plane cannot be followed; what was served before goes on", "control", host, "error", err)
		}
	}
	s.at = (s.at + 1) % len(s.urls)
	s.vain++
	if s.vain%len(s.urls) != 0 {
		return
	}
	pause := min(longRest, firstRest<<min(10, s.vain/len(s.urls)-1))
	s.rest(ctx, time.Duration(float64(pause)*(0.5+s.opt.Random()/2))) // jitter: proxies that lost their control plane together do not come back together
}

func (s *Source) rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := s.opt.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
	case <-ctx.Done():
	}
}
