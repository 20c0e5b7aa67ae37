// SPDX-License-Identifier: Apache-2.0

// Package capital runs a control plane without a proxy: API, feed and store in one process.
package capital

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/database"
	"github.com/causeway-mq/causeway/app/port"
	"github.com/causeway-mq/causeway/app/readings"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/reception"
	"github.com/causeway-mq/causeway/control/steward"
	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/lifecycle"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/gate/grpcfront"
)

var _ control.Mover = (*rocketmq.Engine)(nil)

// Options is what surrounds `causeway control`.
type Options struct {
	Config app.ControlConfig
	Out    io.Writer // where a person is greeted
	Log    *obs.Logger
	// StoreKeys is what CAUSEWAY_SEAL_KEY holds.
	StoreKeys string
	// Dial reaches the clusters; nil: over TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// capital is the parts of a running `causeway control`.
type capital struct {
	config  app.ControlConfig
	log     *obs.Logger
	clock   clock.Clock
	group   *lifecycle.Group
	figures *prometheus.Registry
	engines map[mq.Cluster]control.Engine // counted
	first   mq.Cluster                    // for what names no cluster
	store   control.Store
	dial    func(ctx context.Context, address string) (net.Conn, error)
	keys    string // what seals secrets in the store
	plane   *control.Plane
	jobs    *job.Board
	feed    *feed.Feed
	told    *readings.Readings
	http    net.Listener
}

// Run runs a control plane without a proxy until ctx ends or a part of it fails. A clean end is nil.
func Run(ctx context.Context, o Options) error {
	if err := o.Config.Validate(); err != nil {
		return app.ConfigError{Err: err}
	}
	c := &capital{config: o.Config, keys: o.StoreKeys, dial: o.Dial, log: o.Log, clock: clock.System(), figures: prometheus.NewRegistry(), group: lifecycle.New(context.WithoutCancel(ctx))}
	err := c.start(ctx)
	if err == nil {
		c.greet(o.Out)
		select {
		case <-ctx.Done():
			c.log.Info("stopping")
		case <-c.group.Context().Done():
			err = c.group.Wait()
		}
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.StopBound)
	defer cancel()
	return errors.Join(err, c.group.Stop(bound))
}

func (c *capital) start(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(c.config.Data, "control"), 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	for _, step := range []func(context.Context) error{c.bind, c.openEngine, c.openPlane, c.openHTTP} {
		if err := step(ctx); err != nil {
			return app.Misconfigured(err, c.config.Data)
		}
	}
	return nil
}

// gauge adds a figure that is read when somebody asks for it.
func (c *capital) gauge(name, help string, read func() float64) {
	c.figures.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

func (c *capital) bind(context.Context) (err error) {
	if c.http, err = port.Listen("http", c.config.HTTP, app.DefaultHTTP); err != nil {
		return err
	}
	c.group.OnStop("HTTP listener", func(context.Context) error { return app.CloseListener(c.http) })
	return nil
}

func (c *capital) openEngine(context.Context) error {
	c.figures.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	figures, err := wrap.NewMetrics(c.figures, c.clock.Now)
	if err != nil {
		return err
	}
	c.engines = map[mq.Cluster]control.Engine{}
	for i, one := range c.config.Clusters {
		name, err := mq.ParseCluster(one.Name)
		if err != nil {
			return err
		}
		engine, err := one.Open(rocketmq.Options{Clock: c.clock, Logger: c.log.With("room", "engine", "cluster", one.Name), Remoting: remoting.Options{Dial: c.dial}})
		if err != nil {
			return err
		}
		c.group.OnStop("engine "+one.Name, func(context.Context) error { return engine.Close() })
		ports := figures.Wrap(engine)
		e := control.Engine{Provisioner: ports, Inspector: ports, Mover: ports, Courier: ports, Traits: ports.Traits(), Kind: "rocketmq", Zone: one.Zone}
		if one.AccessKey != "" {
			e.Guard = engine
		}
		if c.engines[name] = e; i == 0 {
			c.first = name
		}
	}
	return nil
}

func (c *capital) openPlane(ctx context.Context) (err error) {
	var release func(context.Context) error
	c.store, release, err = database.Open(ctx, database.Options{
		Config: c.config.Store, Dir: filepath.Join(c.config.Data, "control"), Keys: c.keys, Clock: c.clock, Shared: true, Group: c.group,
	})
	if err != nil {
		return err
	}
	first, others := c.engines[c.first], maps.Clone(c.engines)
	delete(others, c.first)
	o := control.Options{
		Store: c.store, Cluster: c.first, Engine: first.Provisioner, Inspector: first.Inspector, Mover: first.Mover, Courier: first.Courier, Guard: first.Guard, Traits: first.Traits, Kind: first.Kind, Zone: first.Zone, Others: others,
		Clock: c.clock, Log: c.log.With("room", "control"), Await: c.await, Checks: c.checks,
	}
	if c.config.Store.Postgres.URL != "" {
		o.Sharing = &control.Sharing{}
	}
	if c.plane, err = control.Open(ctx, o); err != nil {
		return err
	}
	c.group.OnStop("control plane", func(context.Context) error { return c.plane.Close() })
	c.jobs = job.Open(job.Options{Plane: c.plane, Clock: c.clock, Log: c.log.With("room", "jobs")})
	c.group.OnStop("jobs", func(context.Context) error { c.jobs.Close(); return nil })
	c.group.OnStop("store", release)
	c.told = readings.New(readings.Options{Estate: c.plane, Table: c.store, Clock: c.clock, Log: c.log.With("room", "figures")})
	c.told.Start(c.group)
	c.feed, err = feed.New(feed.Options{Plane: c.plane, Ledger: c.store, Tokens: c.config.ProxyTokens, Clock: c.clock, Log: c.log.With("room", "feed"), Reports: c.told.Take, Rolls: c.told.Roster.Take,
		Users: c.signers(), Production: c.config.Production})
	if err != nil {
		return app.ConfigError{Err: err}
	}
	c.group.Go("feed", c.feed.Run)
	c.group.Go("requests", func(ctx context.Context) error {
		reception.Tend(ctx, c.plane, c.clock, c.log.With("room", "requests"))
		return nil
	})
	c.gauge("causeway_feed_proxies", "Proxies that follow this control plane.", func() float64 {
		n := 0
		for _, one := range c.feed.Followers() {
			if !one.Elsewhere {
				n++
			}
		}
		return float64(n)
	})
	c.gauge("causeway_feed_proxies_shared_user", "Proxies that sign at brokers as the control plane's own user, an administrator there.", func() float64 {
		return float64(len(sharing(c.feed.Followers())))
	})
	c.gauge("causeway_feed_version", "Version of the catalog that proxies are to have.", func() float64 {
		_, v := c.feed.Now()
		return float64(v)
	})
	return nil
}

// await returns when the proxies that are there have a version. It is called before the feed is there too, while the plane opens.
func (c *capital) await(ctx context.Context, v control.Version) error {
	if c.feed == nil {
		return nil
	}
	return c.feed.Await(ctx, v)
}

// checks tell whether the proxies follow, and whether all stands in zones that there are.
func (c *capital) checks(context.Context) []control.Finding {
	var proxies []steward.Stands
	for _, p := range c.told.Series.Proxies() {
		proxies = append(proxies, steward.Stands{What: "proxy " + p.Name, Zone: p.Zone})
	}
	return []control.Finding{c.following(), c.users(), steward.New(c.plane, c.clock.Now).Lost(proxies)}
}

// follows is how proxies follow the catalog, for the interface.
func (c *capital) follows() door.Following {
	epoch, version := c.feed.Now()
	f := door.Following{Version: uint64(version), Epoch: epoch.ID}
	for _, one := range c.feed.Followers() {
		f.Proxies = append(f.Proxies, door.Follower{Name: one.Name, Epoch: one.Epoch, Version: uint64(one.Version), Heard: one.Heard, By: one.By, Since: one.Since, Shared: one.Shared, Elsewhere: one.Elsewhere})
	}
	return f
}

// passing is how long a change may be on its way to a proxy that follows another control plane over the same store.
const passing = 10 * time.Second

func (c *capital) following() control.Finding {
	e, v := c.feed.Now()
	var behind []string
	all, newest := c.feed.Followers(), c.feed.Newest()
	for _, one := range all {
		if one.Elsewhere && one.Heard.Before(newest.Add(passing)) {
			continue // it told of what it had before, or while it was on its way
		}
		if one.Version < v || one.Epoch != e.ID {
			behind = append(behind, fmt.Sprintf("%s has version %d", one.Name, one.Version))
		}
	}
	switch {
	case len(all) == 0:
		return control.Finding{Name: "proxies", Status: control.Warn, Detail: "no proxy follows this control plane or another one over its store", Fix: "causeway proxy --control URL, with a token of proxy_tokens"}
	case len(behind) > 0:
		return control.Finding{Name: "proxies", Status: control.Warn, Detail: fmt.Sprintf("%d follow; version %d is not with all of them: %s", len(all), v, strings.Join(behind, ", ")),
			Fix: "see the proxy's log: it says why it refuses a catalog"}
	}
	return control.Finding{Name: "proxies", Status: control.Good, Detail: fmt.Sprintf("%d follow, all at version %d", len(all), v)}
}

func (c *capital) openHTTP(context.Context) error {
	provider, err := oidc.Open(c.config.OIDC, c.plane.Shelf())
	if err != nil {
		return app.ConfigError{Err: err}
	}
	mux := http.NewServeMux()
	mux.Handle("/feed/", c.feed)
	mux.Handle("/", api.New(api.Options{
		Plane: c.plane, Jobs: c.jobs, Series: c.told.Series, Usage: c.told.Usage, Roster: c.told.Roster, Witness: c.feed.AskProxies, Disconnect: c.feed.Disconnect, Provider: provider, Token: c.config.Token, Follows: c.follows, Log: c.log.With("room", "api"), Clock: c.clock, Ready: c.ready,
		Metrics: promhttp.HandlerFor(c.figures, promhttp.HandlerOpts{}),
		Level:   c.log, Pprof: c.config.Pprof, Version: app.Version(),
	}))
	server := api.Server(mux)
	l := c.http
	if c.config.TLS.Cert != "" {
		certificates, err := grpcfront.LoadCertificates(c.config.TLS.Cert, c.config.TLS.Key, c.clock, c.log.With("room", "api"))
		if err != nil {
			return app.ConfigError{Err: fmt.Errorf("tls: %w", err)}
		}
		l = tls.NewListener(l, certificates.Config("http/1.1"))
	}
	c.group.Go("http", func(context.Context) error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	c.group.OnStop("http", func(ctx context.Context) error {
		c.feed.Release() // proxies go to another control plane, or on with what they have
		return server.Shutdown(ctx)
	})
	return nil
}

// ready is the question of /readyz: would a change be kept now, and is there a catalog for proxies?
func (c *capital) ready(ctx context.Context) error {
	if _, v := c.feed.Now(); v == 0 {
		return errors.New("there is no catalog for proxies yet")
	}
	return c.store.Check(ctx)
}

// keeps is where the control plane's store is, for people: without a password.
func (c *capital) keeps() string {
	if c.config.Store.Postgres.URL == "" {
		return c.config.Data
	}
	if u, err := url.Parse(c.config.Store.Postgres.URL); err == nil && u.Host != "" {
		return u.Redacted()
	}
	return "PostgreSQL"
}

func (c *capital) greet(out io.Writer) {
	scheme := "http"
	if c.config.TLS.Cert != "" {
		scheme = "https"
	}
	at := scheme + "://" + c.http.Addr().String()
	var names, servers []string
	for _, one := range c.config.Clusters {
		names, servers = append(names, one.Name), append(servers, one.NameServers...)
	}
	follow := fmt.Sprintf("causeway proxy --control %s --namesrv %q", at, strings.Join(servers, ";"))
	if len(names) > 1 {
		follow = "causeway proxy --config FILE, with the same clusters and control: {urls: [" + at + "]}"
	}
	_, err := fmt.Fprintf(out, `Causeway %s: a control plane is up.
  API       %s   health at /healthz, metrics at /metrics
  proxies   %[3]s, with CAUSEWAY_PROXY_TOKEN
  clusters  %[4]s
  store     %[5]s
%[6]sStop with Ctrl-C; proxies go on with the catalog that they have.
`, app.Version(), at, follow, strings.Join(names, ", "), c.keeps(), port.Moved(c.config.HTTP, app.DefaultHTTP, c.http.Addr().String(), "--http"))
	if err != nil {
		c.log.Warn("nobody could be greeted", "err", err)
	}
}
