// SPDX-License-Identifier: Apache-2.0

package api

import (
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

// operations adds what is not JSON: metrics, and profiles where they are switched on.
func (s *server) operations(mux *http.ServeMux) {
	if s.opt.Metrics != nil {
		mux.Handle("GET /metrics", s.guarded(false, s.opt.Metrics))
	}
	if !s.opt.Pprof {
		return
	}
	for path, h := range map[string]http.HandlerFunc{
		"GET /debug/pprof/":        pprof.Index,
		"GET /debug/pprof/cmdline": pprof.Cmdline,
		"GET /debug/pprof/profile": pprof.Profile,
		"GET /debug/pprof/symbol":  pprof.Symbol,
		"GET /debug/pprof/trace":   pprof.Trace,
	} {
		mux.Handle(path, s.guarded(false, h))
	}
}

func (s *server) healthy(*http.Request) (answer, error) {
	return ok(map[string]string{"status": "ok"})
}

func (s *server) ready(r *http.Request) (answer, error) {
	if s.opt.Ready != nil {
		if err := s.opt.Ready(r.Context()); err != nil {
			return answer{}, &refusal{status: http.StatusServiceUnavailable, kind: mq.Unavailable.String(), detail: "not ready: " + err.Error()}
		}
	}
	return ok(map[string]string{"status": "ready"})
}

func (s *server) version(*http.Request) (answer, error) {
	return ok(wire.Version{Version: s.opt.Version, Catalog: uint64(s.opt.Plane.Version())})
}

func (s *server) doctor(r *http.Request) (answer, error) {
	found := s.opt.Plane.Doctor(r.Context())
	d := wire.Doctor{Findings: make([]wire.Finding, 0, len(found)), Time: s.opt.Clock.Now().UTC()}
	for _, f := range found {
		d.Findings = append(d.Findings, wire.Finding{Name: f.Name, Status: string(f.Status), Detail: f.Detail, Fix: f.Fix})
	}
	return ok(d)
}

func (s *server) level(*http.Request) (answer, error) {
	if s.opt.Level == nil {
		return answer{}, mq.Refuse(mq.Unsupported, "the log level of this process cannot be changed")
	}
	return ok(wire.LogLevel{Level: strings.ToLower(s.opt.Level.Level().String())})
}

func (s *server) setLevel(r *http.Request) (answer, error) {
	var want wire.LogLevel
	if err := decode(r, &want); err != nil {
		return answer{}, err
	}
	known := []string{"debug", "info", "warn", "error"}
	var l slog.Level
	for _, k := range known {
		if k == want.Level && s.opt.Level != nil && l.UnmarshalText([]byte(k)) == nil {
			s.opt.Level.SetLevel(l)
			s.opt.Log.Warn("log level changed", "level", k)
			return s.level(r)
		}
	}
	if s.opt.Level == nil {
		return s.level(r)
	}
	return answer{}, bad("out_of_range", "level", "level: debug, info, warn or error are possible"+nearest.Hint(want.Level, known))
}
