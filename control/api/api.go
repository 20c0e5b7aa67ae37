// SPDX-License-Identifier: Apache-2.0

// Package api serves the control plane over HTTP with JSON.
//
// Resources stand under /v1, nouns in the plural, see Routes. Every error is a wire.Problem (RFC 9457). Requests are read
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
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

// Options is what the interface serves. Plane is required.
type Options struct {
	Plane *control.Plane
	Token string // that callers must show; "" = loopback callers only
	Log   *slog.Logger
	Clock clock.Clock
	// Ready tells whether the process takes traffic; nil = always.
	Ready func(context.Context) error
	// Metrics answers /metrics; nil = 404.
	Metrics http.Handler
	// Level is the process's log level, changed by PUT /v1/log-level; nil = 501.
	Level   Leveler
	Pprof   bool
	Version string
}

// Leveler holds a process's log level. It is safe for concurrent use.
type Leveler interface {
	Level() slog.Level
	SetLevel(slog.Level)
}

// Server is the http.Server with bounds on what a caller may take; the caller sets nothing but Serve's listener.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      90 * time.Second, // a CPU profile of 60 s fits
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
}

type server struct {
	opt     Options
	cursors cursors
}

// answer is what a handler gives: a status with a body to render as JSON, nil for none.
type answer struct {
	status int
	body   any
}

func ok(body any) (answer, error)      { return answer{http.StatusOK, body}, nil }
func created(body any) (answer, error) { return answer{http.StatusCreated, body}, nil }
func none() (answer, error)            { return answer{http.StatusNoContent, nil}, nil }

type handler func(*server, *http.Request) (answer, error)

// Route is one method of one path.
type Route struct {
	Method, Path string
	// Open paths need no token: they say whether the process is alive, nothing else.
	Open   bool
	handle handler
}

// Routes lists every route of the interface, for documentation and for tests that must cover them all.
func Routes() []Route {
	const (
		tenant = "/v1/tenants/{tenant}"
		app    = tenant + "/apps/{app}"
		topic  = tenant + "/topics/{topic}"
		group  = tenant + "/groups/{group}"
	)
	return []Route{
		{"GET", "/healthz", true, (*server).healthy},
		{"GET", "/readyz", true, (*server).ready},
		{"GET", "/v1/version", false, (*server).version},
		{"GET", "/v1/doctor", false, (*server).doctor},
		{"GET", "/v1/log-level", false, (*server).level},
		{"PUT", "/v1/log-level", false, (*server).setLevel},
		{"GET", "/v1/tenants", false, (*server).listTenants},
		{"POST", "/v1/tenants", false, (*server).createTenant},
		{"GET", tenant, false, (*server).getTenant},
		{"GET", tenant + "/apps", false, (*server).listApplications},
		{"POST", tenant + "/apps", false, (*server).createApplication},
		{"GET", app, false, (*server).getApplication},
		{"PATCH", app, false, (*server).changeApplication},
		{"DELETE", app, false, (*server).deleteApplication},
		{"GET", app + "/keys", false, (*server).listKeys},
		{"POST", app + "/keys", false, (*server).createKey},
		{"DELETE", app + "/keys/{key}", false, (*server).revokeKey},
		{"GET", tenant + "/topics", false, (*server).listTopics},
		{"POST", tenant + "/topics", false, (*server).createTopic},
		{"GET", topic, false, (*server).getTopic},
		{"PATCH", topic, false, (*server).changeTopic},
		{"DELETE", topic, false, (*server).deleteTopic},
		{"GET", topic + "/messages", false, (*server).searchMessages},
		{"GET", topic + "/messages/{id}", false, (*server).getMessage},
		{"GET", tenant + "/groups", false, (*server).listGroups},
		{"POST", tenant + "/groups", false, (*server).createGroup},
		{"GET", group, false, (*server).getGroup},
		{"PATCH", group, false, (*server).changeGroup},
		{"DELETE", group, false, (*server).deleteGroup},
		{"GET", group + "/progress", false, (*server).progress},
		{"POST", group + "/reset", false, (*server).reset},
		{"GET", group + "/dead-letters", false, (*server).deadLetters},
		{"POST", group + "/dead-letters/redrive", false, (*server).redrive},
		{"GET", tenant + "/jobs", false, (*server).listJobs},
		{"GET", tenant + "/jobs/{job}", false, (*server).getJob},
	}
}

// New makes the interface's handler.
func New(opt Options) http.Handler {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Clock == nil {
		opt.Clock = clock.System()
	}
	s := &server{opt: opt, cursors: newCursors()}
	mux := http.NewServeMux()
	byPath := map[string]map[string]Route{}
	for _, r := range Routes() {
		if byPath[r.Path] == nil {
			byPath[r.Path] = map[string]Route{}
		}
		byPath[r.Path][r.Method] = r
	}
	for path, methods := range byPath {
		mux.Handle(path, s.methods(methods))
	}
	s.operations(mux)
	mux.Handle("/", s.endpoint(Route{handle: func(_ *server, r *http.Request) (answer, error) {
		return answer{}, mq.Refuse(mq.NotFound, "nothing is served under %.100q", r.URL.Path)
	}}))
	return mux
}

// methods answers a path whose methods are known, and tells the others which ones are.
func (s *server) methods(known map[string]Route) http.Handler {
	handlers := make(map[string]http.Handler, len(known))
	var allowed []string
	for m, r := range known {
		handlers[m] = s.endpoint(r)
		allowed = append(allowed, m)
	}
	if get, ok := handlers[http.MethodGet]; ok {
		handlers[http.MethodHead] = get // net/http keeps the body back
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	refused := s.endpoint(Route{handle: func(_ *server, r *http.Request) (answer, error) {
		return answer{}, &refusal{status: http.StatusMethodNotAllowed, kind: "method_not_allowed", detail: "this path takes " + allow}
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

type requestID struct{}

// endpoint surrounds a handler with all that holds for every request.
func (s *server) endpoint(route Route) http.Handler {
	return s.guarded(route.Open, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := s.opt.Clock.Now()
		r.Body = http.MaxBytesReader(w, r.Body, MaxRequest)
		a, err := route.handle(s, r)
		if err != nil {
			a.status = s.problem(w, r, err)
		} else {
			s.render(w, a)
		}
		level := slog.LevelDebug
		if r.Method != http.MethodGet {
			level = slog.LevelInfo
		}
		s.opt.Log.Log(r.Context(), level, "api", "method", r.Method, "path", r.URL.Path, "status", a.status,
			"request", idOf(r), "from", r.RemoteAddr, "took", s.opt.Clock.Now().Sub(begun))
	}))
}

// guarded gives the request an id, keeps strangers out and turns a panic into a problem.
func (s *server) guarded(open bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := newID()
		r = r.WithContext(context.WithValue(r.Context(), requestID{}, id))
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { // net/http hands it through as it is
					panic(v)
				}
				s.opt.Log.Error("api: defect", "request", id, "panic", v, "stack", string(debug.Stack()))
				s.problem(w, r, mq.Refuse(mq.Internal, "defect"))
			}
		}()
		if err := s.admit(r, open); err != nil {
			s.opt.Log.Warn("api: refused a caller", "request", id, "from", r.RemoteAddr, "method", r.Method, "path", r.URL.Path, "why", err.Error())
			s.problem(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) render(w http.ResponseWriter, a answer) {
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(a.body); err != nil {
		s.opt.Log.Debug("api: the caller did not take the answer", "error", err)
	}
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
