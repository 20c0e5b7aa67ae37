// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/app/port"
	"github.com/causeway-mq/causeway/app/rmqproxy"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/gcpace"
	"github.com/causeway-mq/causeway/internal/lifecycle"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/internal/procpace"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/dropin"
	"github.com/causeway-mq/causeway/proxy/catalog/fed"
	"github.com/causeway-mq/causeway/proxy/catalog/file"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/gate/grpcfront"
	"github.com/causeway-mq/causeway/proxy/herald"
	"github.com/causeway-mq/causeway/proxy/produce"
	"github.com/causeway-mq/causeway/proxy/route"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// The engine over a RocketMQ cluster stands behind every port.
var (
	_ produce.Store       = (*rocketmq.Engine)(nil)
	_ consume.Engine      = (*rocketmq.Engine)(nil)
	_ route.Topology      = (*rocketmq.Engine)(nil)
	_ control.Provisioner = (*rocketmq.Engine)(nil)
	_ control.Inspector   = (*rocketmq.Engine)(nil)
	_ dropin.Cluster      = (*rocketmq.Engine)(nil)
)

// ProxyOptions is what surrounds `causeway proxy`.
type ProxyOptions struct {
	Config ProxyConfig
	Report []rmqproxy.Finding // of Apache's configuration file, if it was one
	Out    io.Writer          // where a person is greeted
	Log    *obs.Logger
	Dial   func(ctx context.Context, address string) (net.Conn, error) // how clusters are reached; nil is TCP, or TLS where the configuration says so
}

// proxy is the parts of a running `causeway proxy`.
type proxy struct {
	config   ProxyConfig
	log      *obs.Logger
	clock    clock.Clock
	group    *lifecycle.Group
	metrics  *metrics
	engines  map[mq.Cluster]*rocketmq.Engine
	guards   map[mq.Cluster]*wrap.Breaker
	ports    map[mq.Cluster]wrap.Engine // the engines, guarded and counted
	source   catalog.Source
	followed *fed.Source // nil without a control plane
	witness  *herald.Witness
	strange  []mq.Cluster   // that the catalog named and no engine is for; of the catalog's follower alone
	lookup   catalog.Lookup // nil: the catalog is complete
	refused  func() error   // why the catalog as it stands now is not served
	holder   catalog.Holder
	taken    atomic.Int64 // when the catalog that is served was taken, in Unix nanoseconds; 0 before the first
	hurried  <-chan struct{}
	trail    *trail.Trail // nil: nobody would ask
	dial     func(ctx context.Context, address string) (net.Conn, error)
	door     *door
	grpc     net.Listener
	http     net.Listener
}

// Proxy runs one proxy before RocketMQ clusters until ctx ends or a part of it fails. A clean end is nil.
func Proxy(ctx context.Context, o ProxyOptions) error {
	if err := o.Config.Validate(); err != nil {
		return ConfigError{err}
	}
	for _, f := range o.Report {
		switch f.Verdict {
		case rmqproxy.Ignored:
			o.Log.Warn("a key of rmq-proxy.json is ignored", "key", f.Key, "why", f.Why)
		case rmqproxy.NotNeeded:
			o.Log.Info("a key of rmq-proxy.json is not needed", "key", f.Key, "why", f.Why)
		}
	}
	p := &proxy{
		config: o.Config, log: o.Log, clock: clock.System(), metrics: newMetrics(clock.System()), group: lifecycle.New(context.WithoutCancel(ctx)),
		engines: map[mq.Cluster]*rocketmq.Engine{}, guards: map[mq.Cluster]*wrap.Breaker{}, ports: map[mq.Cluster]wrap.Engine{},
		refused: func() error { return nil }, dial: o.Dial,
	}
	if o.Config.Linger > 0 { // otherwise there is nothing to cut short, and the second signal ends the process
		p.hurried = lifecycle.Hurried(ctx)
	}
	err := p.start()
	if err == nil {
		p.greet(ctx, o.Out)
		select {
		case <-ctx.Done():
			p.linger()
			p.log.Info("stopping")
		case <-p.group.Context().Done():
			err = p.group.Wait()
		}
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(o.Config.Drain)+stopBound)
	defer cancel()
	return errors.Join(err, p.group.Stop(bound))
}

func (p *proxy) start() error {
	for _, step := range []func() error{p.bind, p.openEngines, p.openCatalog, p.openDoor, p.openHTTP} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (p *proxy) bind() (err error) {
	if p.grpc, err = port.Listen("listen", p.config.Listen, DefaultProxyListen); err != nil {
		return err
	}
	p.group.OnStop("gRPC listener", func(context.Context) error { return closeListener(p.grpc) })
	if p.http, err = port.Listen("http", p.config.HTTP, DefaultProxyHTTP); err != nil {
		return err
	}
	p.group.OnStop("HTTP listener", func(context.Context) error { return closeListener(p.http) })
	return nil
}

func (p *proxy) openEngines() error {
	figures, err := wrap.NewMetrics(p.metrics.registry, p.clock.Now)
	if err != nil {
		return err
	}
	for _, c := range p.config.Clusters {
		if err := p.openEngine(c, figures); err != nil {
			return err
		}
	}
	return p.metrics.clusters(p.guards)
}

// openEngine opens one cluster's, behind a breaker of its own: nothing that hangs on one cluster is waited for by another.
func (p *proxy) openEngine(c ClusterConfig, figures *wrap.Metrics) error {
	name, err := mq.ParseCluster(c.Name)
	if err != nil {
		return err
	}
	log := p.log.With("room", "engine", "cluster", c.Name)
	e, err := c.Open(rocketmq.Options{
		Clock: p.clock, Logger: log, OnDemand: !p.config.complete(), Remoting: remoting.Options{Dial: p.dial},
		Busy: func(b remoting.Busy) { p.metrics.busy.WithLabelValues(c.Name, b.String()).Inc() },
	})
	if err != nil {
		return err
	}
	p.group.OnStop("engine "+c.Name, func(context.Context) error { return e.Close() })
	guard := wrap.NewBreaker(wrap.BreakerOptions{Engine: e, Cluster: name, Clock: p.clock, Log: log})
	p.group.Go("canaries of "+c.Name, guard.Run)
	p.engines[name], p.guards[name], p.ports[name] = e, guard, figures.Wrap(guard.Guarded())
	return nil
}

// Open opens the engine over the cluster, with what the configuration does not say.
func (c ClusterConfig) Open(o rocketmq.Options) (*rocketmq.Engine, error) {
	name, err := mq.ParseCluster(c.Name)
	if err != nil {
		return nil, err
	}
	secure, err := c.tls()
	if err != nil {
		return nil, err
	}
	o.NameServers, o.Cluster, o.BrokersName, o.BatchSends = c.NameServers, name, c.BrokersName, c.BatchSends
	o.Remoting.Credentials, o.Remoting.TLS = remoting.Credentials{AccessKey: c.AccessKey, Secret: c.SecretKey}, secure
	return rocketmq.Open(o)
}

// openCatalog starts the catalog: a control plane's, a file's, or that of the one cluster.
func (p *proxy) openCatalog() error {
	if p.config.Control.Follows() {
		return p.openFeed()
	}
	if p.config.Catalog != "" {
		src, err := file.Open(file.Options{Path: p.config.Catalog, Clusters: slices.Collect(maps.Keys(p.engines)), Clock: p.clock, Log: p.log.With("room", "catalog")})
		if err != nil {
			return ConfigError{err}
		}
		p.source, p.refused = src, src.Refused
		p.metrics.catalog(p, src.Refusals)
		p.group.Go("catalog file", src.Run)
		return nil
	}
	for _, e := range p.engines { // exactly one: Validate
		src, err := dropin.New(dropin.Options{
			Cluster: e, Clock: p.clock, Authenticate: p.config.Authentication, Authorize: p.config.Authorization, Log: p.log.With("room", "catalog"),
		})
		if err != nil {
			return err
		}
		p.source, p.lookup, p.refused = src, src, src.Refused
		p.group.Go("inventory", src.Run)
	}
	p.metrics.catalog(p, nil)
	switch {
	case !p.config.Authentication:
		p.log.Warn("callers are not authenticated: whoever reaches the port may send and receive everything")
	case !p.config.Authorization:
		p.log.Warn("callers are authenticated but not authorized: every user of the cluster may send and receive everything")
	}
	return nil
}

// ring is what seals receipts: the file's keys, or one that every proxy before the same clusters derives alike.
func (p *proxy) ring() (*seal.Keyring, error) {
	if p.config.SealKeys != "" {
		keys, err := seal.LoadFile(p.config.SealKeys)
		if err != nil {
			return nil, ConfigError{err}
		}
		return seal.New(keys...)
	}
	var words, names []string
	secret := false
	for _, c := range p.config.Clusters {
		words, names = append(words, c.AccessKey, c.SecretKey), append(names, c.Name)
		secret = secret || c.SecretKey != ""
	}
	if !secret {
		p.log.Warn("unauthenticated handles: receipts are sealed with a key that everybody can derive, since there is neither a key file nor a secret of the cluster")
	}
	key, err := seal.DeriveKey(strings.Join(words, "\x00"), strings.Join(names, ";"))
	if err != nil {
		return nil, err
	}
	return seal.New(key)
}

// catalogBound is how long a proxy that starts waits for its first catalog before it takes calls.
const catalogBound = 3 * time.Second

func (p *proxy) openDoor() error {
	ring, err := p.ring()
	if err != nil {
		return err
	}
	certificates, err := p.certificates()
	if err != nil {
		return err
	}
	role, err := mq.ParseRole(p.config.Role)
	if err != nil {
		return ConfigError{err}
	}
	peers, err := peersOf(p.config.Advertise, p.grpc.Addr().String(), role)
	if err != nil {
		return ConfigError{err}
	}
	for _, peer := range peers {
		if peer.Self && peer.Role != role {
			return ConfigError{fmt.Errorf("advertise: this proxy stands there with role %s, and was started as %s", peer.Role, role)}
		}
	}
	p.door, err = newDoor(doorParts{
		engines: p.ports, holder: &p.holder, lookup: p.lookup, trail: p.trail, ring: ring, clock: p.clock, log: p.log.Logger, metrics: p.metrics,
		role: role, peers: peers,
		front: grpcfront.Options{Certificates: certificates, ProxyFrom: p.config.Proxy.ranges(), Lean: p.config.Lean, Clock: p.clock, Observer: p.metrics},
	})
	if err != nil {
		return err
	}
	if p.witness != nil { // not before there is a door: clients are disconnected there
		p.group.Go("errands", p.witness.Run)
	}
	first := make(chan struct{})
	var once sync.Once
	p.group.Go("catalog", func(ctx context.Context) error {
		return catalog.Follow(ctx, p.source, &p.holder, func(s *catalog.Snapshot) {
			p.taken.Store(p.clock.Now().UnixNano())
			once.Do(func() { close(first) })
			p.door.catalogChanged(s)
			p.elsewhere(s)
		})
	})
	bound := p.clock.NewTimer(catalogBound)
	defer bound.Stop()
	select { // without a catalog every caller would be told that he is nobody, which clients take for the last word
	case <-first:
	case <-bound.C():
		why := p.unread()
		if why == nil {
			why = errors.New("nobody has answered yet")
		}
		p.log.Warn("the catalog could not be read yet; callers are refused until it is", "error", why)
	case <-p.group.Context().Done():
	}
	p.group.Go("gc pace", func(ctx context.Context) error { return gcpace.Run(ctx, p.clock) })
	p.group.Go("processors", func(ctx context.Context) error { return procpace.Run(ctx, p.clock) })
	p.door.start(p.group, p.grpc, time.Duration(p.config.Drain))
	return nil
}

// linger lets clients go elsewhere before anything ends: the proxy is out of the routes and says that it is not ready, and serves whoever is still there.
func (p *proxy) linger() {
	if p.config.Linger == 0 {
		return
	}
	p.door.leave()
	p.log.Info("leaving: out of the routes, serving those who have not renewed theirs yet", "for", time.Duration(p.config.Linger))
	p.waitForClients()
}

// waitForClients ends with the time that clients have, when somebody asks a second time, or when a part fails.
func (p *proxy) waitForClients() {
	over := p.clock.NewTimer(time.Duration(p.config.Linger))
	defer over.Stop()
	select {
	case <-over.C():
	case <-p.hurried:
		p.log.Info("told to stop a second time: not waiting for clients to go elsewhere")
	case <-p.group.Context().Done():
	}
}

// certificates are the configured ones, or self-signed ones that live as long as this process: a proxy has no directory of its own.
func (p *proxy) certificates() (*grpcfront.Certificates, error) {
	dir := ""
	if p.config.TLS.Cert == "" {
		var err error
		if dir, err = os.MkdirTemp("", "causeway-proxy-"); err != nil {
			return nil, fmt.Errorf("self-signed certificate: %w", err)
		}
		p.group.OnStop("self-signed certificate", func(context.Context) error { return os.RemoveAll(dir) })
	}
	cert, key, err := p.config.TLS.files(dir, p.clock.Now())
	if err != nil {
		return nil, ConfigError{err}
	}
	certificates, err := grpcfront.LoadCertificates(cert, key, p.clock, p.log.With("room", "gate"))
	if err != nil {
		return nil, ConfigError{fmt.Errorf("tls: %w", err)}
	}
	return certificates, nil
}

// greetBound is how long a start waits for a word about the clusters before it greets.
const greetBound = 2 * time.Second

func (p *proxy) greet(ctx context.Context, out io.Writer) {
	ctx, cancel := context.WithTimeout(ctx, greetBound)
	defer cancel()
	state := "a proxy is up."
	ailing, err := p.ready(ctx)
	switch {
	case err != nil:
		state = "a proxy runs, but is not ready yet: " + err.Error() + ".\n/readyz says when it is; the log says what is in the way."
	case len(ailing) > 0:
		state = "a proxy is up, but " + strings.Join(ailing, "; ") + "."
	}
	var clusters []string
	for _, c := range p.config.Clusters {
		clusters = append(clusters, c.Name+" ("+strings.Join(c.NameServers, ", ")+")")
	}
	sentTo := "wherever they asked"
	if len(p.config.Advertise) > 0 {
		sentTo = strings.Join(p.config.Advertise, ", ")
	}
	role := p.config.Role
	if role == "" {
		role = mq.BothRoles.String()
	}
	_, err = fmt.Fprintf(out, `Causeway %s: %s
  clients   %s      any RocketMQ 5 client, TLS or plaintext
  ops       http://%s   /healthz, /readyz, /metrics, /clients
  role      %s; clients are sent to %s
  clusters  %s
%sLook at it in another terminal:%s
  %s doctor --server http://%s%s
%s
`, Version(), state, p.grpc.Addr(), p.http.Addr(), role, sentTo, strings.Join(clusters, "; "), port.Moved(p.config.HTTP, DefaultProxyHTTP, p.http.Addr().String(), "--http"), p.tokenHint(), os.Args[0], dialled(p.http.Addr().String()), p.endpointHint(), p.stopHint())
	if err != nil {
		p.log.Warn("nobody could be greeted", "err", err)
	}
}

func (p *proxy) tokenHint() string {
	if p.config.Token == "" {
		return ""
	}
	return "\n  export CAUSEWAY_TOKEN=...   (the token that this proxy was started with)"
}

func (p *proxy) endpointHint() string {
	if to := dialled(p.grpc.Addr().String()); to != DefaultListen {
		return " --endpoint " + to
	}
	return ""
}

func (p *proxy) stopHint() string {
	if p.config.Linger == 0 {
		return "Stop with Ctrl-C: calls under way are finished first; a second Ctrl-C does not wait for them."
	}
	return fmt.Sprintf("Stop with Ctrl-C: it serves for %v more, out of routes, then finishes the calls under way. A second Ctrl-C ends the first wait, a third one everything.", time.Duration(p.config.Linger))
}

// unread is why there is no catalog yet, nil as long as nobody knows.
func (p *proxy) unread() error {
	why := p.refused()
	if why == nil && p.followed != nil {
		why = p.followed.Status().Failed
	}
	return why
}

// ready is the question of /readyz: is there a catalog, and would some cluster take a send now? One that does not answer takes nothing from the
// others, so it is told beside; taking the whole proxy out of service for it would.
func (p *proxy) ready(ctx context.Context) (ailing []string, err error) {
	if p.door.front.Leaving() {
		return nil, errors.New("the proxy was told to stop: it serves only those who are still there")
	}
	if p.holder.Now().Version() == 0 {
		if why := p.unread(); why != nil {
			return nil, fmt.Errorf("the catalog has not been read yet: %w", why)
		}
		return nil, errors.New("the catalog has not been read yet")
	}
	var mu sync.Mutex // guards ailing
	var asking sync.WaitGroup
	for name, e := range p.engines {
		asking.Go(func() {
			if err := e.Probe(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				ailing = append(ailing, fmt.Sprintf("cluster %s: %v", name, err))
			}
		})
	}
	asking.Wait()
	slices.Sort(ailing)
	if len(ailing) == len(p.engines) {
		return ailing, errors.New(strings.Join(ailing, "; "))
	}
	return ailing, nil
}
