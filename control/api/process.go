// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/checkup"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/nearest"
	"github.com/causeway-mq/causeway/mq"
)

func (s *server) processOperations() []door.Operation {
	return []door.Operation{
		{ID: "isAlive", Method: "GET", Path: "/healthz", Summary: "Tells that the process is alive.", Scope: door.Open, Answer: wire.Status{}, Status: 200, Handle: s.healthy},
		{ID: "isReady", Method: "GET", Path: "/readyz", Summary: "Tells whether a message would be taken now.", Scope: door.Open, Answer: wire.Status{}, Status: 200, Handle: s.ready},
		{ID: "getDocument", Method: "GET", Path: "/v1/openapi.json", Summary: "Gives this document.", Scope: door.Open, Answer: map[string]any{}, Status: 200, Handle: s.document},
		{ID: "getVersion", Method: "GET", Path: "/v1/version", Summary: "Tells what runs, with the version of the catalog.", Scope: door.Known, Answer: wire.Version{}, Status: 200, Handle: s.version},
		{ID: "getDoctor", Method: "GET", Path: "/v1/doctor", Summary: "Gives findings about store, engine, disk and provisioning.", Scope: door.Installation, Right: identity.ReadInstallation,
			Answer: wire.Doctor{}, Status: 200, Handle: s.doctor},
		{ID: "getLogLevel", Method: "GET", Path: "/v1/log-level", Summary: "Shows how much the process writes to its log.", Scope: door.Installation, Right: identity.ReadInstallation,
			Answer: wire.LogLevel{}, Status: 200, Handle: s.level},
		{ID: "setLogLevel", Method: "PUT", Path: "/v1/log-level", Summary: "Changes how much the process writes to its log.", Scope: door.Installation, Right: identity.SetInstallation,
			Request: wire.LogLevel{}, Answer: wire.LogLevel{}, Status: 200, Handle: s.setLevel},
		{ID: "getMetrics", Method: "GET", Path: "/metrics", Summary: "Gives all figures in Prometheus' format.", Scope: door.Installation, Right: identity.ReadInstallation,
			Media: "text/plain", Status: 200, Raw: func() http.Handler { return s.opt.Metrics }},
		{ID: "listProfiles", Method: "GET", Path: "/debug/pprof/", Summary: "Lists the profiles, where they are switched on.", Scope: door.Installation, Right: identity.DebugInstallation,
			Media: "text/html", Status: 200, Raw: s.profiles},
		{ID: "getProfile", Method: "GET", Path: "/debug/pprof/{profile}", Summary: "Gives a profile of the process, where they are switched on.", Scope: door.Installation,
			Right: identity.DebugInstallation, Query: profiling(), Media: "application/octet-stream", Status: 200, Raw: s.profiles},
	}
}

func profiling() []door.Parameter {
	return []door.Parameter{
		{Name: "seconds", About: "how long to look", Kind: "integer", Min: 1, Max: 60},
		{Name: "debug", About: "1 or 2: as text", Kind: "integer", Max: 2},
		{Name: "gc", About: "1: collect garbage first", Kind: "integer", Max: 1},
	}
}

// profiles serves net/http/pprof, where it is switched on.
func (s *server) profiles() http.Handler {
	if !s.opt.Pprof {
		return nil
	}
	special := map[string]http.HandlerFunc{"cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, ok := special[r.PathValue("profile")]; ok {
			h(w, r)
			return
		}
		pprof.Index(w, r)
	})
}

func (s *server) healthy(*door.Request) (door.Answer, error) {
	return door.OK(wire.Status{Status: "ok"})
}

func (s *server) ready(r *door.Request) (door.Answer, error) {
	if s.opt.Ready != nil {
		if err := s.opt.Ready(r.Context()); err != nil {
			s.opt.Log.Warn("api: not ready", "request", idOf(r.Request), "error", err)
			return door.Answer{}, &door.Refusal{Status: http.StatusServiceUnavailable, Kind: mq.Unavailable.String(), Detail: "not ready: " + mq.Said(err)}
		}
	}
	return door.OK(wire.Status{Status: "ready"})
}

func (s *server) version(*door.Request) (door.Answer, error) {
	return door.OK(wire.Version{Version: s.opt.Version, Catalog: uint64(s.opt.Plane.Version())})
}

// unguarded warns where people and machines have roles, and whoever is on this machine needs none: roles then hold nobody back who leaves his token away.
func (s *server) unguarded() []control.Finding {
	members, tokens := len(s.opt.Plane.EveryDocument(identity.MemberRecord)), len(s.opt.Plane.EveryDocument(identity.TokenRecord))
	if members+tokens == 0 {
		return nil
	}
	return []control.Finding{{Name: "access", Status: control.Warn, Detail: fmt.Sprintf("roles are given to members (%d) and tokens (%d), and whoever calls from the loopback interface without a token is the installation, which may do everything", members, tokens),
		Fix: "start the server with a token of its own: CAUSEWAY_TOKEN, or token in the configuration"}}
}

func (s *server) doctor(r *door.Request) (door.Answer, error) {
	found := checkup.Of(r.Context(), s.opt.Plane)
	if s.opt.Token == "" {
		found = append(found, s.unguarded()...)
	}
	d := wire.Doctor{Findings: make([]wire.Finding, 0, len(found)), Time: s.opt.Clock.Now().UTC()}
	for _, f := range found {
		d.Findings = append(d.Findings, wire.Finding{Name: f.Name, Status: string(f.Status), Detail: f.Detail, Fix: f.Fix})
	}
	return door.OK(d)
}

func (s *server) level(*door.Request) (door.Answer, error) {
	if s.opt.Level == nil {
		return door.Answer{}, mq.Refuse(mq.Unsupported, "the log level of this process cannot be changed")
	}
	return door.OK(wire.LogLevel{Level: strings.ToLower(s.opt.Level.Level().String())})
}

func (s *server) setLevel(r *door.Request) (door.Answer, error) {
	var want wire.LogLevel
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
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
	return door.Answer{}, door.Bad("out_of_range", "level", "level: debug, info, warn or error are possible"+nearest.Hint(want.Level, known))
}
