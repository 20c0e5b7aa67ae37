// SPDX-License-Identifier: Apache-2.0

// Package api serves the control plane over HTTP with JSON.
//
// Resources stand under /v1, nouns in the plural, see Operations. Every error is a wire.Problem (RFC 9457). Requests are read
// strictly: unknown fields, unknown parameters, keys that stand twice, anything behind the document and documents that are
// too large or too deep are refused before anything is done.
//
// Without a token the interface serves callers on the loopback interface alone, and only under a loopback name: a web page
// that the operator looks at must not reach it through a name that somebody bent to 127.0.0.1 (DNS rebinding) or from
// another origin (CSRF).
package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/clients"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/estate"
	"github.com/causeway-mq/causeway/control/api/figures"
	"github.com/causeway-mq/causeway/control/api/jobs"
	"github.com/causeway-mq/causeway/control/api/live"
	"github.com/causeway-mq/causeway/control/api/messages"
	"github.com/causeway-mq/causeway/control/api/people"
	"github.com/causeway-mq/causeway/control/api/requests"
	"github.com/causeway-mq/causeway/control/api/resources"
	"github.com/causeway-mq/causeway/control/api/strikes"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/roster"
	"github.com/causeway-mq/causeway/control/series"
	"github.com/causeway-mq/causeway/control/trace"
	"github.com/causeway-mq/causeway/control/usage"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/errand"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Options is what the interface serves. Plane and Jobs are required.
type Options struct {
	Plane *control.Plane
	Jobs  *job.Board
	// Follows tells which proxies follow the catalog; nil: this process serves it to none.
	Follows func() door.Following
	// Series are the figures of the last hours; nil: nobody tells any.
	Series *series.Series
	// Witness asks proxies what became of a message; nil: nobody remembers.
	Witness trace.Witness
	// Disconnect has proxies part with clients; nil: there are none.
	Disconnect func(context.Context, session.Whom) []errand.Outcome
	// Usage is what tenants used; nil: it is not known.
	Usage usage.Table
	// Roster is who is connected; nil: nobody tells.
	Roster *roster.Roster
	Token  string // that callers must show; "" = loopback callers only
	Log    *slog.Logger
	Clock  clock.Clock
	// Ready tells whether the process takes traffic; nil = always.
	Ready func(context.Context) error
	// Metrics answers /metrics; nil = 404.
	Metrics http.Handler
	// Provider is where members log in besides with passwords; nil: nowhere.
	Provider *oidc.Provider
	// Level is the process's log level, changed by PUT /v1/log-level; nil = 501.
	Level Leveler
	// Live bounds the streams of live data; its zero value is good.
	Live    live.Bounds
	Pprof   bool
	Version string
}

// Leveler holds a process's log level. It is safe for concurrent use.
type Leveler interface {
	Level() slog.Level
	SetLevel(slog.Level)
}

// overKey is where a request's context has the channel that is closed when its server stops.
type overKey struct{}

// Server is the http.Server with bounds on what a caller may take; the caller sets nothing but Serve's listener. Streams end as soon as it is to shut down, which would wait
// for them otherwise.
func Server(h http.Handler) *http.Server {
	over := make(chan struct{})
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      90 * time.Second, // a CPU profile of 60 s fits
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return context.WithValue(context.Background(), overKey{}, over) },
	}
	server.RegisterOnShutdown(sync.OnceFunc(func() { close(over) }))
	return server
}

type server struct {
	opt     Options
	kept    *door.Kept
	openapi func() (map[string]any, error)
	strikes *strikes.Strikes
	once    *once
	logins  *strikes.Strikes // by account
	live    *live.Hub
}

// Operations is every operation of the interface.
func Operations() []door.Operation { return (&server{}).operations() }

// operations is every operation, those of the process answered by this server.
func (s *server) operations() []door.Operation {
	return slices.Concat(s.processOperations(), s.sessionOperations(), s.providerOperations(), s.terminalOperations(), resources.Operations(), estate.Operations(), jobs.Operations(), messages.Operations(), people.Operations(), requests.Operations(), figures.Operations(), clients.Operations(), s.live.Operations())
}

// New makes the interface's handler.
func New(opt Options) http.Handler {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Clock == nil {
		opt.Clock = clock.System()
	}
	shared := opt.Plane.Shelf()
	if opt.Series == nil {
		opt.Series = series.New(opt.Clock, 0)
	}
	if opt.Roster == nil {
		opt.Roster = roster.New(opt.Clock, 0)
	}
	kept := &door.Kept{Plane: opt.Plane, Jobs: opt.Jobs, Who: identity.New(opt.Plane, opt.Clock.Now), Clock: opt.Clock, Cursors: door.NewCursors(shared.Secret("cursors")), Series: opt.Series, Usage: opt.Usage, Roster: opt.Roster, Witness: opt.Witness, Disconnect: opt.Disconnect, Follows: opt.Follows}
	s := &server{opt: opt, kept: kept, openapi: sync.OnceValues(Document),
		strikes: strikes.New(opt.Clock, maxFailures), logins: strikes.New(opt.Clock, maxLogins), once: newOnce(shared), live: live.New(opt.Live)}
	mux := http.NewServeMux()
	byPath := map[string][]door.Operation{}
	for _, o := range s.operations() {
		byPath[o.Path] = append(byPath[o.Path], o)
	}
	for path, some := range byPath {
		mux.Handle(pattern(path), s.methods(some))
	}
	mux.Handle("/", s.endpoint(door.Operation{Handle: nothing}))
	return mux
}

// nothing answers for what is not served.
func nothing(r *door.Request) (door.Answer, error) {
	return door.Answer{}, mq.Refuse(mq.NotFound, "nothing is served under %.100q", r.URL.Path)
}

// pattern is a path in the words of http.ServeMux, where one that ends in a slash would stand for all below it.
func pattern(path string) string {
	if strings.HasSuffix(path, "/") {
		return path + "{$}"
	}
	return path
}

// methods answers a path whose methods are known, and tells the others which ones are.
func (s *server) methods(some []door.Operation) http.Handler {
	handlers := make(map[string]http.Handler, len(some)+1)
	var allowed []string
	for _, o := range some {
		handlers[o.Method] = s.serve(o)
		allowed = append(allowed, o.Method)
	}
	if get, ok := handlers[http.MethodGet]; ok {
		handlers[http.MethodHead] = get // net/http keeps the body back
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	refused := s.endpoint(door.Operation{Handle: func(*door.Request) (door.Answer, error) {
		return door.Answer{}, &door.Refusal{Status: http.StatusMethodNotAllowed, Kind: "method_not_allowed", Detail: "this path takes " + allow}
	}})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, ok := handlers[r.Method]
		if !ok {
			w.Header().Set("Allow", allow)
			h = refused
		}
		h.ServeHTTP(w, r)
	})
}

// serve is an operation behind all that holds for every request.
func (s *server) serve(o door.Operation) http.Handler {
	if o.Handle != nil {
		return s.endpoint(o)
	}
	if h := o.Raw(); h != nil {
		return s.guarded(o, h)
	}
	o.Handle = nothing
	return s.endpoint(o)
}

type requestID struct{}

// endpoint surrounds a handler with all that holds for every request.
func (s *server) endpoint(o door.Operation) http.Handler {
	return s.guarded(o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := s.opt.Clock.Now()
		r.Body = http.MaxBytesReader(w, r.Body, door.MaxRequest)
		c := callerOf(r)
		a, err := s.answer(o, &door.Request{Request: r, Caller: c, Stands: s.standing(r, c), Kept: s.kept})
		switch {
		case err != nil:
			a.Status = s.problem(w, r, err)
		case a.Stream != nil:
			s.stream(w, r, a)
		default:
			s.render(w, a)
		}
		level := slog.LevelDebug
		if r.Method != http.MethodGet {
			level = slog.LevelInfo
		}
		s.opt.Log.Log(r.Context(), level, "api", "method", r.Method, "path", r.URL.Path, "status", a.Status,
			"request", idOf(r), "from", r.RemoteAddr, "took", s.opt.Clock.Now().Sub(begun))
	}))
}

// answer reads the query as the operation's row has it, and does what is asked.
func (s *server) answer(o door.Operation, r *door.Request) (door.Answer, error) {
	if o.ID != "" && !o.Foreign {
		if err := door.CheckQuery(r.Request, o.Query); err != nil {
			return door.Answer{}, err
		}
	}
	if o.Once() && r.Header.Get(onceHeader) != "" {
		return s.once.do(r, o.Handle)
	}
	return o.Handle(r)
}

// guarded gives the request an id, keeps strangers out and turns a panic into a problem.
func (s *server) guarded(o door.Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := newID()
		r = r.WithContext(context.WithValue(r.Context(), requestID{}, id))
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { // net/http hands it through as it is
					panic(v)
				}
				s.opt.Log.Error("api: defect", "request", id, "panic", v, "stack", string(debug.Stack()))
				s.problem(w, r, mq.Refuse(mq.Internal, "defect"))
			}
		}()
		c, err := s.admit(r, o)
		if err != nil {
			s.opt.Log.Warn("api: refused a caller", "request", id, "from", r.RemoteAddr, "method", r.Method, "path", r.URL.Path, "why", err.Error())
			s.problem(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

func (s *server) render(w http.ResponseWriter, a door.Answer) {
	if tag := door.TagOf(a.Body); tag != "" {
		w.Header().Set("ETag", tag)
	}
	for _, c := range a.Cookies {
		http.SetCookie(w, c)
	}
	if a.Location != "" {
		w.Header().Set("Location", a.Location)
	}
	if a.Replayed {
		w.Header().Set(replayedHeader, "true")
	}
	if a.Text != "" {
		w.Header().Set("Content-Type", a.Media)
	}
	if a.Body == nil {
		w.WriteHeader(a.Status)
		_, _ = io.WriteString(w, a.Text) // a caller who is gone needs none
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.Status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(a.Body); err != nil {
		s.opt.Log.Debug("api: the caller did not take the answer", "error", err)
	}
}

// stream answers with events until there are no more.
func (s *server) stream(w http.ResponseWriter, r *http.Request, a door.Answer) {
	h := w.Header()
	h.Set("Content-Type", door.EventStream)
	h.Set("X-Accel-Buffering", "no") // proxies in between hand each event on as it comes
	w.WriteHeader(a.Status)
	if r.Method == http.MethodHead {
		return
	}
	over, _ := r.Context().Value(overKey{}).(chan struct{})
	a.Stream(w, over)
}

func idOf(r *http.Request) string {
	id, _ := r.Context().Value(requestID{}).(string)
	return id
}

func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: the process ends first
	return hex.EncodeToString(b[:])
}
