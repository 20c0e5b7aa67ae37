// SPDX-License-Identifier: Apache-2.0

// Package feed serves the catalog to proxies over HTTP.
//
// A proxy asks for what is newer than what it has and waits for that (GET Path?after=VERSION&epoch=ID&sum=SUM). It gets a
// wire document: a snapshot, or a delta where that is smaller. What is written for one proxy serves all that ask the same.
//
// The credential of proxies is a token of their own: whoever has it can read every secret of every application, and change
// nothing. It opens no other door of the control plane, and no other credential opens this one.
//
// Proxies say here as well what they counted (POST tally.Path) and who is connected to them (POST roll.Path), and wait for errands: questions about messages, clients to part with (see inquiry.go).
package feed

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
	"github.com/causeway-mq/causeway/proxy/errand"
	"github.com/causeway-mq/causeway/proxy/roll"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// Plane is the control plane as the feed sees it.
type Plane interface {
	// Next blocks until there is something newer than have that proxies may see.
	Next(ctx context.Context, have control.Version) (control.News, error)
	// Since is what changed for proxies after a version. It does not block.
	Since(have control.Version) control.News
}

// Options is what a feed is made of. Plane, Ledger and Tokens are required.
type Options struct {
	Plane  Plane
	Ledger Ledger
	Tokens []string // any of them opens the feed: two while one is exchanged for the other
	Clock  clock.Clock
	Log    *slog.Logger
	// Users is as whom the control plane signs at the brokers, by cluster: no proxy may sign so.
	Users      map[string]string
	Production bool // a proxy that signs as the control plane, and serves nothing yet, is refused
	// Reports takes what proxies counted, and is false where the whole is needed; nil: nobody wants to know.
	Reports func(tally.Report) bool
	// Rolls takes who is connected to proxies, and is false where the whole is needed; nil: nobody wants to know.
	Rolls func(roll.Report) bool
}

// Bounds.
const (
	MinToken = 16               // characters of a proxy token
	maxWait  = 25 * time.Second // of one question; proxies in between and load balancers cut at 30 s or 60 s
	// epochEvery is how often it is looked whether another control plane on the same database began a new epoch.
	epochEvery = 5 * time.Second
	// maxDocuments bounds what is kept written for proxies that are behind; the rest is written for each.
	maxDocuments = 64
)

// Feed serves one control plane's catalog. Run must be running.
type Feed struct {
	opt    Options
	tokens [][sha256.Size]byte
	own    map[string]string // the marks of Users, with the cluster
	mux    *http.ServeMux
	forced chan struct{} // wakes Run: the epoch may be another; holds at most one
	over   chan struct{} // closed by Release, so that nobody waits for a stop
	once   sync.Once

	mu        sync.Mutex // guards all below; never held across a wait
	ledger    ledger
	documents map[holding]*document // of the ledger's version
	changed   chan struct{}         // closed and replaced when the ledger has something new
	newest    time.Time             // when it last had
	followers map[string]*Follower
	witnesses map[witnessID]*witness
	inquiries map[string]*inquiry // by number
	heard     chan struct{}       // closed and replaced when a follower says that it has more
	warned    time.Time
	written   int // documents that were drafted
}

// New makes a feed.
func New(opt Options) (*Feed, error) {
	if opt.Clock == nil {
		opt.Clock = clock.System()
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	f := &Feed{
		opt: opt, own: own(opt.Tokens, opt.Users), mux: http.NewServeMux(), forced: make(chan struct{}, 1), over: make(chan struct{}),
		documents: map[holding]*document{}, changed: make(chan struct{}), followers: map[string]*Follower{}, heard: make(chan struct{}),
		witnesses: map[witnessID]*witness{}, inquiries: map[string]*inquiry{},
	}
	if len(opt.Tokens) == 0 {
		return nil, mq.Refuse(mq.BadRequest, "feed: a token for proxies is needed")
	}
	for _, t := range opt.Tokens {
		if len(t) < MinToken {
			return nil, mq.Refuse(mq.BadRequest, "feed: a token for proxies has at least %d characters", MinToken)
		}
		f.tokens = append(f.tokens, sha256.Sum256([]byte(t)))
	}
	f.mux.HandleFunc("GET "+wire.Path, f.catalog)
	f.mux.HandleFunc("POST "+tally.Path, f.report)
	f.mux.HandleFunc("POST "+roll.Path, f.clients)
	f.mux.HandleFunc("GET "+errand.QuestionsPath, f.questions)
	f.mux.HandleFunc("POST "+errand.AnswersPath, f.answers)
	f.mux.HandleFunc("POST "+errand.PartingsPath, f.partings)
	return f, nil
}

// Release answers every proxy that waits, and lets none wait any more: a server can stop then. Run does it when it ends.
func (f *Feed) Release() { f.once.Do(func() { close(f.over) }) }

// Run follows the plane until ctx ends. A store that does not answer leaves the epoch as it was.
func (f *Feed) Run(ctx context.Context) error {
	defer f.Release()
	var epoch wire.Epoch
	for ctx.Err() == nil {
		if now, err := f.epoch(ctx); err == nil {
			epoch = now
		} else if ctx.Err() == nil {
			f.opt.Log.Warn("feed: the epoch cannot be read", "error", err)
		}
		have := control.Version(math.MaxUint64) // proxies hold what they get against the epoch, so nothing is said without it
		if epoch.ID != "" {
			if err := f.take(epoch); err != nil {
				f.opt.Log.Error("feed: the catalog cannot be written for proxies", "error", err)
			} else {
				have = f.looked()
			}
		}
		if err := f.wait(ctx, have); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// wait returns when there may be something new.
func (f *Feed) wait(ctx context.Context, have control.Version) error {
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	news := make(chan struct{})
	go func() {
		defer close(news)
		_, _ = f.opt.Plane.Next(bounded, have) // ends with bounded at the latest
	}()
	timer := f.opt.Clock.NewTimer(epochEvery)
	defer timer.Stop()
	select {
	case <-news:
		return ctx.Err()
	case <-timer.C():
	case <-f.forced:
	case <-ctx.Done():
	}
	cancel()
	<-news
	return ctx.Err()
}

func (f *Feed) looked() control.Version {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ledger.looked
}

// take brings the ledger to what the plane has now.
func (f *Feed) take(epoch wire.Epoch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed, err := f.ledger.take(f.opt.Plane.Since(f.ledger.looked), epoch)
	if err != nil || !changed {
		return err
	}
	f.documents, f.newest = map[holding]*document{}, f.opt.Clock.Now()
	close(f.changed)
	f.changed = make(chan struct{})
	return nil
}

// ServeHTTP answers proxies.
func (f *Feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !f.known(r) {
		f.warn(r)
		w.Header().Set("WWW-Authenticate", "Bearer")
		say(w, http.StatusUnauthorized, "a proxy's token is required: Authorization: Bearer TOKEN")
		return
	}
	f.mux.ServeHTTP(w, r)
}

// known compares hashes with each token, so that the time tells nothing.
func (f *Feed) known(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got := sha256.Sum256([]byte(token))
	good := 0
	for i := range f.tokens {
		good |= subtle.ConstantTimeCompare(got[:], f.tokens[i][:])
	}
	return good == 1 && strings.EqualFold(scheme, "Bearer")
}

// warn says at most once a second that a stranger was there.
func (f *Feed) warn(r *http.Request) {
	now := f.opt.Clock.Now()
	f.mu.Lock()
	quiet := now.Sub(f.warned) < time.Second
	if !quiet {
		f.warned = now
	}
	f.mu.Unlock()
	if !quiet {
		f.opt.Log.Warn("feed: refused a caller without a proxy's token", "from", r.RemoteAddr)
	}
}

func say(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"detail": detail}) // a caller who is gone needs no answer
}

// question reads what a proxy asks.
func question(r *http.Request) (h holding, wait time.Duration, err error) {
	q := r.URL.Query()
	if s := q.Get("after"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return h, 0, errors.New("after: a version")
		}
		h.version = catalog.Version(n)
	}
	h.epoch, h.sum = q.Get("epoch"), q.Get("sum")
	if len(h.epoch) > 64 || len(h.sum) > 64 {
		return h, 0, errors.New("epoch and sum: at most 64 characters")
	}
	wait = maxWait
	if s := q.Get("wait"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return h, 0, errors.New("wait: seconds")
		}
		wait = min(wait, time.Duration(n)*time.Second)
	}
	return h, wait, nil
}

// told is by which way a proxy has what it has, and since when, as far as it says so in words that are known here.
func told(q url.Values) (by string, since time.Time) {
	if by = q.Get(wire.ByParameter); by != wire.ByFeed && by != wire.ByDisk {
		by = ""
	}
	if n, err := strconv.ParseInt(q.Get(wire.SinceParameter), 10, 64); err == nil && n > 0 && n < 1<<36 {
		since = time.Unix(n, 0).UTC()
	}
	return by, since
}

// catalog answers one question: with a document, or after the wait with no content and the version that the control plane stands at.
func (f *Feed) catalog(w http.ResponseWriter, r *http.Request) {
	h, wait, err := question(r)
	if err != nil {
		say(w, http.StatusBadRequest, err.Error())
		return
	}
	one := f.follow(r, h)
	told := false
	defer func() { f.left(one, told) }()
	if why := f.unwanted(f.shared(r), r.URL.Query()); why != "" {
		say(w, http.StatusForbidden, why)
		return
	}
	timer := f.opt.Clock.NewTimer(wait)
	defer timer.Stop()
	for {
		d, changed := f.look(h)
		if d != nil {
			told = f.send(w, r, d)
			return
		}
		select {
		case <-changed:
		case <-timer.C():
			f.nothing(w)
			return
		case <-f.over:
			say(w, http.StatusServiceUnavailable, "this control plane stops")
			return
		case <-r.Context().Done():
			return
		}
	}
}

// look gives what there is for a proxy, nil for nothing, with the channel that is closed when that changes.
func (f *Feed) look(h holding) (*document, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ledger.news(h) {
		return nil, f.changed
	}
	if h.epoch != f.ledger.epoch.ID {
		h = holding{} // all of them get the same
	}
	d := f.documents[h]
	if d == nil {
		d = f.ledger.draft(h)
		f.written++
		if d.head.After == 0 { // one snapshot serves whoever needs one
			if f.documents[holding{}] != nil {
				d = f.documents[holding{}]
			}
			f.documents[holding{}] = d
		}
		if len(f.documents) < maxDocuments {
			f.documents[h] = d
		}
	}
	return d, f.changed
}

// send tells whether the proxy got it, as far as anybody knows.
func (f *Feed) send(w http.ResponseWriter, r *http.Request, d *document) bool {
	if err := d.written(); err != nil {
		f.opt.Log.Error("feed: a document cannot be written", "error", err)
		say(w, http.StatusInternalServerError, "defect")
		return false
	}
	body := d.plain
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Vary", "Accept-Encoding")
	if d.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		body = d.gzipped
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, err := w.Write(body)
	if err != nil {
		f.opt.Log.Debug("feed: a proxy did not take the answer", "error", err)
	}
	return err == nil
}

func (f *Feed) nothing(w http.ResponseWriter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set(wire.VersionHeader, strconv.FormatUint(uint64(max(f.ledger.version, catalog.Version(f.ledger.looked))), 10))
	w.Header().Set(wire.EpochHeader, f.ledger.epoch.ID)
	w.WriteHeader(http.StatusNoContent)
}
