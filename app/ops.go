// SPDX-License-Identifier: Apache-2.0

package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/causeway-mq/causeway/app/figures"
	"github.com/causeway-mq/causeway/app/mqadmin"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/session"
)

// opsBound is how long the questions behind /readyz may take.
const opsBound = 3 * time.Second

// LiveClient is one client of this proxy in the answer of /clients. Brokers do not know those behind a proxy.
type LiveClient struct {
	Tenant   string `json:"tenant"`
	App      string `json:"app,omitempty"`
	Client   string `json:"client"`
	Kind     string `json:"kind"` // producer, push_consumer, simple_consumer, pull_consumer
	Group    string `json:"group,omitempty"`
	Language string `json:"language,omitempty"`
	Version  string `json:"version,omitempty"`
	Remote   string `json:"remote"`
}

// openHTTP serves what operators ask of a proxy: is it alive, is it ready, its figures, who is there. Where no token is set the configuration
// keeps the port on the loopback interface.
func (p *proxy) openHTTP() error {
	lag := wrap.NewLag(p.inspector, func() []wrap.Subscription { return p.metrics.readers.list(p.holder.Now()) }, p.clock.Now)
	if err := errors.Join(p.metrics.registry.Register(lag), p.metrics.registry.Register(figures.NewCopies(p.answering))); err != nil {
		return err
	}
	p.metrics.gauge("causeway_ready", "1 while new clients may come: the catalog was read, a cluster answers, nobody told the proxy to stop.", func() float64 {
		if p.door.front.Leaving() || p.holder.Now().Version() == 0 || len(p.answering()) == 0 {
			return 0
		}
		return 1
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, map[string]string{"status": "ok"}) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), opsBound)
		defer cancel()
		ailing, err := p.ready(ctx)
		switch {
		case err != nil:
			say(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready", "detail": err.Error()})
		case len(ailing) > 0:
			say(w, http.StatusOK, map[string]string{"status": "ready", "detail": strings.Join(ailing, "; ")})
		default:
			say(w, http.StatusOK, map[string]string{"status": "ready"})
		}
	})
	mux.Handle("GET /metrics", p.known(promhttp.HandlerFor(p.metrics.registry, promhttp.HandlerOpts{})))
	mux.Handle("GET /clients", p.known(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, p.clients()) })))
	mux.Handle("GET /v1/doctor", p.known(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		say(w, http.StatusOK, p.doctor(r.Context()))
	})))
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, mq.Unsupported, http.StatusNotImplemented, "this is a proxy, without a control plane: "+mqadmin.Elsewhere(r.URL.Path, cmp.Or(p.config.Clusters[0].BrokersName, p.config.Clusters[0].Name), p.config.Catalog))
	})
	if p.config.Pprof {
		for path, h := range map[string]http.HandlerFunc{
			"GET /debug/pprof/": pprof.Index, "GET /debug/pprof/cmdline": pprof.Cmdline, "GET /debug/pprof/profile": pprof.Profile,
			"GET /debug/pprof/symbol": pprof.Symbol, "GET /debug/pprof/trace": pprof.Trace,
		} {
			mux.Handle(path, p.known(h))
		}
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	p.group.Go("http", func(context.Context) error {
		if err := server.Serve(p.http); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	p.group.OnStop("http", server.Shutdown)
	return nil
}

// answering is the clusters that answer now.
func (p *proxy) answering() map[mq.Cluster]figures.CopiesOf {
	all := map[mq.Cluster]figures.CopiesOf{}
	for name, e := range p.engines {
		if p.guards[name].Open() == "" {
			all[name] = e
		}
	}
	return all
}

// inspector is whom to ask about a cluster's groups; nobody while it does not answer, since a scrape must not wait for it.
func (p *proxy) inspector(c mq.Cluster) control.Inspector {
	if e, g := p.engines[c], p.guards[c]; e != nil && g.Open() == "" {
		return e
	}
	return nil
}

// known lets those in who have the token. Hashes are compared, so that the time tells nothing about the token, its length included.
func (p *proxy) known(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(p.config.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.config.Token != "" {
			got := sha256.Sum256([]byte(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
			if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				w.Header().Set("WWW-Authenticate", "Bearer")
				refuse(w, mq.Unauthorized, http.StatusUnauthorized, "the token is missing or wrong")
				return
			}
		} else if len(r.Header.Values("Authorization")) > 0 { // nobody is known here: who shows a credential is not whom he says
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, mq.Unauthorized, http.StatusUnauthorized, "this proxy has no token, and knows nobody by one: ask without")
			return
		} else if host, _, err := net.SplitHostPort(r.Host); err != nil || !onLoopback(net.JoinHostPort(host, "0")) { // a page of a browser that found its way here
			refuse(w, mq.Forbidden, http.StatusForbidden, "the Host header must name the loopback interface")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse answers with a problem as the API's are.
func refuse(w http.ResponseWriter, kind mq.Kind, status int, detail string) {
	w.Header().Set("Content-Type", wire.ProblemType)
	say(w, status, wire.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Kind: kind.String()})
}

func (p *proxy) clients() []LiveClient {
	all := []LiveClient{}
	for _, c := range p.door.sessions.Clients() {
		all = append(all, liveClient(c))
	}
	return all
}

func liveClient(c session.Client) LiveClient {
	return LiveClient{
		Tenant: c.ID.Tenant.String(), App: c.ID.App, Client: c.ID.Client.String(), Kind: c.Kind.String(), Group: c.Group.String(),
		Language: c.Language, Version: c.Version, Remote: c.Remote,
	}
}

func say(w http.ResponseWriter, status int, body any) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(body) // a caller who is gone needs no answer
}
