// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/fsys/stall"
	"github.com/causeway-mq/causeway/internal/gcpace"
	"github.com/causeway-mq/causeway/internal/lifecycle"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/consume"
	"github.com/causeway-mq/causeway/proxy/gate/grpcfront"
	"github.com/causeway-mq/causeway/proxy/produce"
	"github.com/causeway-mq/causeway/proxy/route"
	"github.com/causeway-mq/causeway/proxy/seal"
)

// The embedded engine stands behind every port.
var (
	_ produce.Store       = (*embedded.Engine)(nil)
	_ consume.Engine      = (*embedded.Engine)(nil)
	_ route.Topology      = (*embedded.Engine)(nil)
	_ control.Provisioner = (*embedded.Engine)(nil)
	_ control.Inspector   = (*embedded.Engine)(nil)
	_ control.Mover       = (*embedded.Engine)(nil)
)

// UpOptions is what surrounds `causeway up`.
type UpOptions struct {
	Config Config
	Out    io.Writer // where a person is greeted
	Log    *obs.Logger
}

// up is the parts of a running `causeway up`, in the order in which they start.
type up struct {
	options UpOptions
	config  Config
	log     *obs.Logger
	clock   clock.Clock
	group   *lifecycle.Group
	metrics *metrics
	engine  *embedded.Engine
	ports   wrap.Engine // the engine, counted
	cluster mq.Cluster
	plane   *control.Plane
	holder  catalog.Holder
	door    *door
	grpc    net.Listener
	http    net.Listener
}

// clusterName is what the embedded engine is called in routes and catalogs.
const clusterName = "causeway"

// stopBound is how long a stop may take after the drain.
const stopBound = 30 * time.Second

// Up runs engine, control plane and proxy in this process until ctx ends or a part of it fails. A clean end is nil.
func Up(ctx context.Context, o UpOptions) error {
	if err := o.Config.Validate(); err != nil {
		return ConfigError{err}
	}
	u := &up{options: o, config: o.Config, log: o.Log, clock: clock.System(), metrics: newMetrics(), group: lifecycle.New(context.WithoutCancel(ctx))}
	err := u.start(ctx)
	if err == nil {
		running := Running{GRPC: u.grpc.Addr().String(), HTTP: u.http.Addr().String(), PID: os.Getpid(), Version: Version()}
		err = u.serve(ctx, o.Out, running)
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(o.Config.Drain)+stopBound)
	defer cancel()
	return errors.Join(err, u.group.Stop(bound))
}

// ConfigError is a configuration that nothing was started with; the command line ends with its own exit code.
type ConfigError struct{ Err error }

// Error is what is wrong, all of it.
func (e ConfigError) Error() string { return "configuration: " + e.Err.Error() }

// Unwrap gives the problems.
func (e ConfigError) Unwrap() error { return e.Err }

func (u *up) start(ctx context.Context) error {
	if err := os.MkdirAll(u.config.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	for _, step := range []func(context.Context) error{u.bind, u.startEngine, u.startControl, u.startDoor, u.startHTTP} {
		if err := step(ctx); err != nil {
			return misconfigured(err, u.config.Data)
		}
	}
	return nil
}

// misconfigured says of a data directory that is another's, in use, or of a newer version, what it is: the wrong one was chosen.
func misconfigured(err error, data string) error {
	var taken *fsys.LockedError
	if errors.As(err, &taken) {
		holder := taken.Holder
		if holder == "" {
			holder = "a process that does not say its number"
		}
		return ConfigError{fmt.Errorf("already running on this data (%s) in %s: stop it, or give --data another directory", holder, data)}
	}
	if errors.Is(err, fsys.ErrLocked) || mq.KindOf(err) == mq.Conflict {
		return ConfigError{err}
	}
	return err
}

func (u *up) startEngine(ctx context.Context) error {
	cluster, err := mq.ParseCluster(clusterName)
	if err != nil {
		return err
	}
	stuck := make(chan error, 1)
	disk := stall.Watch(fsys.OS(filepath.Join(u.config.Data, "engine")), u.clock, func(op string, age time.Duration) {
		select {
		case stuck <- fmt.Errorf("the disk hangs: %s has not come back for %v", op, age.Round(time.Second)):
		default:
		}
	})
	e, report, err := embedded.Open(ctx, embedded.Options{
		FS:           disk,
		Cluster:      cluster,
		Provisioned:  true,
		Clock:        u.clock,
		Logger:       u.log.With("room", "engine"),
		SegmentBytes: u.config.Engine.SegmentBytes,
		MaxBytes:     u.config.Engine.MaxBytes,
		Retention:    time.Duration(u.config.Engine.Retention),
	})
	if err != nil {
		return err
	}
	u.log.Debug("engine open", "report", report)
	u.engine, u.cluster = e, cluster
	u.group.OnStop("engine", e.Close)
	// A disk that failed or hangs ends the process: only the next start can tell what is on it, and others must know.
	u.group.Go("disk", func(ctx context.Context) error {
		select {
		case err := <-stuck:
			return err
		case <-e.Failed():
			return e.Failure()
		case <-ctx.Done():
			return nil
		}
	})
	figures, err := wrap.NewMetrics(u.metrics.registry, u.clock.Now)
	if err != nil {
		return err
	}
	u.ports = figures.Wrap(e)
	return nil
}

func (u *up) startControl(ctx context.Context) error {
	dir := filepath.Join(u.config.Data, "control")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	store, err := sqlstore.OpenSQLite(ctx, dir)
	if err != nil {
		return err
	}
	u.plane, err = control.Open(ctx, control.Options{
		Store: store, Engine: u.ports, Inspector: u.ports, Mover: u.ports,
		Cluster:          u.cluster,
		Clock:            u.clock,
		Log:              u.log.With("room", "control"),
		LoopbackUnsigned: true,
		Await:            u.await,
		Checks:           u.lookAtVolume,
	})
	if err != nil {
		return err
	}
	u.group.OnStop("control plane", func(context.Context) error { return u.plane.Close() })
	u.holder.Put(u.source().snapshot(u.plane.Contents()))
	u.metrics.readers.seed(ctx, u.plane)
	figures := newStateFigures(u.plane.State, fsys.OS(u.config.Data).Space)
	if err := u.metrics.registry.Register(figures); err != nil {
		return err
	}
	lag := wrap.NewLag(u.engine, func() []wrap.Subscription { return u.metrics.readers.list(u.holder.Now()) }, u.clock.Now)
	return u.metrics.registry.Register(lag)
}

// source is where this process's proxy gets its catalog from.
func (u *up) source() planeSource { return planeSource{u.plane, u.config.Unsigned} }

// await returns when this process's proxy serves from a version: a command that made a topic can be followed by one that uses
// it.
func (u *up) await(ctx context.Context, v control.Version) error {
	for u.holder.Now().Version() < catalog.Version(v) {
		s, err := u.source().Next(ctx, u.holder.Now().Version())
		if err != nil {
			return err
		}
		if u.holder.Put(s) { // whoever installs a snapshot tells of it: this or the catalog's follower
			u.door.catalogChanged(s)
		}
	}
	return nil
}

func (u *up) bind(context.Context) (err error) {
	if u.grpc, err = listen("listen", u.config.Listen, DefaultListen); err != nil {
		return err
	}
	u.group.OnStop("gRPC listener", func(context.Context) error { return closeListener(u.grpc) })
	if u.http, err = listen("http", u.config.HTTP, DefaultHTTP); err != nil {
		return err
	}
	u.group.OnStop("HTTP listener", func(context.Context) error { return closeListener(u.http) })
	return nil
}

// closeListener closes what a server may have closed already.
func closeListener(l net.Listener) error {
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (u *up) startDoor(ctx context.Context) error {
	keyFile := u.config.SealKeys
	if keyFile == "" {
		keyFile = filepath.Join(u.config.Data, "seal.keys")
	}
	keys, err := seal.LoadOrCreateFile(keyFile, u.clock.Now())
	if err != nil {
		return ConfigError{err}
	}
	ring, err := seal.New(keys...)
	if err != nil {
		return err
	}
	cert, key, err := certificate(u.config, u.clock.Now())
	if err != nil {
		return ConfigError{err}
	}
	certificates, err := grpcfront.LoadCertificates(cert, key, u.clock, u.log.With("room", "gate"))
	if err != nil {
		return ConfigError{fmt.Errorf("tls: %w", err)}
	}
	var from []netip.Prefix
	for _, r := range u.config.Proxy.From {
		from = append(from, netip.MustParsePrefix(r)) // validated with the configuration
	}
	peers, err := peersOf(u.config.Advertise, u.grpc.Addr().String())
	if err != nil {
		return err
	}
	u.door, err = newDoor(doorParts{
		engine: u.ports, cluster: u.cluster, holder: &u.holder, ring: ring, clock: u.clock, log: u.log.Logger, metrics: u.metrics,
		peers: peers,
		front: grpcfront.Options{Certificates: certificates, ProxyFrom: from, Clock: u.clock, Observer: u.metrics},
	})
	if err != nil {
		return err
	}
	u.group.Go("catalog", func(ctx context.Context) error {
		return catalog.Follow(ctx, u.source(), &u.holder, u.door.catalogChanged)
	})
	u.group.Go("gc pace", func(ctx context.Context) error { return gcpace.Run(ctx, u.clock) })
	u.door.start(u.group, u.grpc, time.Duration(u.config.Drain))
	return nil
}

func (u *up) serve(ctx context.Context, out io.Writer, running Running) error {
	if err := greet(out, u.config, running); err != nil {
		u.log.Warn("nobody could be greeted", "err", err)
	}
	if err := announce(u.config.Data, running); err != nil {
		return err
	}
	u.group.OnStop("announcement", func(context.Context) error { return withdraw(u.config.Data) })
	select {
	case <-ctx.Done():
		u.log.Info("stopping")
		return nil
	case <-u.group.Context().Done():
		return u.group.Wait()
	}
}

func (u *up) startHTTP(context.Context) error {
	server := api.Server(api.New(api.Options{
		Plane: u.plane, Token: u.config.Token, Log: u.log.With("room", "api"), Clock: u.clock, Ready: u.ready,
		Metrics: promhttp.HandlerFor(u.metrics.registry, promhttp.HandlerOpts{}),
		Level:   u.log, Pprof: u.config.Pprof, Version: Version(),
	}))
	u.group.Go("http", func(context.Context) error {
		if err := server.Serve(u.http); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	u.group.OnStop("http", server.Shutdown)
	return nil
}

// ready is the question of /readyz: would a send be taken now?
func (u *up) ready(ctx context.Context) error { return u.engine.Probe(ctx) }

func peersOf(advertise []string, self string) ([]peerAddress, error) {
	var peers []peerAddress
	for _, a := range advertise {
		p, err := parsePeer(a)
		if err != nil {
			return nil, err
		}
		p.Self = a == self
		peers = append(peers, p)
	}
	if len(peers) == 1 { // the only proxy is this one, whatever it is called outside
		peers[0].Self = true
	}
	return peers, nil
}
