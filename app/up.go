// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/causeway-mq/causeway/app/database"
	"github.com/causeway-mq/causeway/app/demo"
	"github.com/causeway-mq/causeway/app/figures"
	"github.com/causeway-mq/causeway/app/port"
	"github.com/causeway-mq/causeway/app/readings"
	"github.com/causeway-mq/causeway/app/volume"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/identity/oidc"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/reception"
	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/engine/embedded/log"
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
	"github.com/causeway-mq/causeway/proxy/errand"
	"github.com/causeway-mq/causeway/proxy/gate/grpcfront"
	"github.com/causeway-mq/causeway/proxy/produce"
	"github.com/causeway-mq/causeway/proxy/route"
	"github.com/causeway-mq/causeway/proxy/seal"
	"github.com/causeway-mq/causeway/proxy/trail"
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
	Config    Config
	Out       io.Writer // where a person is greeted
	Log       *obs.Logger
	StoreKeys string // what CAUSEWAY_SEAL_KEY holds: keys that seal secrets in the store
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
	jobs    *job.Board
	fresh   bool // the data directory held no messages
	figures *readings.Readings
	source  *planeSource // of this process's proxy
	trail   *trail.Trail
	holder  catalog.Holder
	door    *door
	open    atomic.Bool // the door is there: from now on a change is answered when it is known there
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
	if o.Config.Production && o.Config.Store.Keys == "" && o.StoreKeys == "" {
		return ConfigError{errors.New("store.keys: required in production, or CAUSEWAY_SEAL_KEY: a key that lies beside the database seals nothing from whoever takes both")}
	}
	u := &up{options: o, config: o.Config, log: o.Log, clock: clock.System(), metrics: newMetrics(clock.System()), group: lifecycle.New(context.WithoutCancel(ctx))}
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
	_, err := os.Stat(filepath.Join(u.config.Data, "engine"))
	u.fresh = errors.Is(err, os.ErrNotExist)
	if err := os.MkdirAll(u.config.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if kind := volume.Doubtful(u.config.Data); kind != "" {
		u.log.Warn("the data directory loses data: "+volume.Risk(kind), "data", u.config.Data, "volume", kind)
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
	if errors.Is(err, fsys.ErrLocked) || errors.Is(err, log.ErrForeign) || errors.Is(err, log.ErrFormat) || errors.Is(err, database.ErrMisused) || mq.KindOf(err) == mq.Conflict {
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
	store, release, err := database.Open(ctx, database.Options{Config: u.config.Store, Dir: filepath.Join(u.config.Data, "control"), Keys: u.options.StoreKeys, Clock: u.clock, Group: u.group})
	if err != nil {
		return err
	}
	u.plane, err = control.Open(ctx, control.Options{
		Store: store, Engine: u.ports, Inspector: u.ports, Mover: u.ports, Courier: u.ports,
		Cluster:          u.cluster,
		Traits:           u.ports.Traits(),
		Kind:             "embedded",
		Clock:            u.clock,
		Log:              u.log.With("room", "control"),
		LoopbackUnsigned: true,
		Await:            u.await,
		Checks:           u.checks,
	})
	if err != nil {
		return err
	}
	u.group.OnStop("control plane", func(context.Context) error { return u.plane.Close() })
	u.jobs = job.Open(job.Options{Plane: u.plane, Clock: u.clock, Log: u.log.With("room", "jobs")})
	u.group.OnStop("jobs", func(context.Context) error { u.jobs.Close(); return nil })
	u.group.OnStop("store", release)
	u.source = newPlaneSource(u.plane, u.config.Unsigned)
	first, err := u.source.Next(ctx, 0)
	if err != nil {
		return err
	}
	u.holder.Put(first)
	u.figures = readings.New(readings.Options{Estate: u.plane, Table: store, Clock: u.clock, Log: u.log.With("room", "figures")})
	u.figures.Start(u.group)
	u.figures.Listen(u.group, readings.Own{Name: u.grpc.Addr().String(), Tally: u.metrics.tally, Roll: u.metrics.roll})
	u.group.Go("requests", func(ctx context.Context) error {
		reception.Tend(ctx, u.plane, u.clock, u.log.With("room", "requests"))
		return nil
	})
	u.metrics.readers.seed(ctx, u.plane)
	if err := u.metrics.registry.Register(figures.NewState(u.plane.State, fsys.OS(u.config.Data).Space)); err != nil {
		return err
	}
	lag := wrap.NewLag(func(mq.Cluster) control.Inspector { return u.engine }, func() []wrap.Subscription { return u.metrics.readers.list(u.holder.Now()) }, u.clock.Now)
	return u.metrics.registry.Register(lag)
}

// await returns when this process's proxy serves from a version: a command that made a topic can be followed by one that uses
// it.
func (u *up) await(ctx context.Context, v control.Version) error {
	if !u.open.Load() {
		return nil
	}
	for u.holder.Now().Version() < catalog.Version(v) {
		s, err := u.source.Next(ctx, u.holder.Now().Version())
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
	if u.grpc, err = port.Listen("listen", u.config.Listen, DefaultListen); err != nil {
		return err
	}
	u.group.OnStop("gRPC listener", func(context.Context) error { return closeListener(u.grpc) })
	if u.http, err = port.Listen("http", u.config.HTTP, DefaultHTTP); err != nil {
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
	cert, key, err := u.config.TLS.files(u.config.Data, u.clock.Now())
	if err != nil {
		return ConfigError{err}
	}
	certificates, err := grpcfront.LoadCertificates(cert, key, u.clock, u.log.With("room", "gate"))
	if err != nil {
		return ConfigError{fmt.Errorf("tls: %w", err)}
	}
	u.trail = trail.New(u.config.TraceBytes, u.clock)
	peers, err := peersOf(u.config.Advertise, u.grpc.Addr().String(), mq.BothRoles)
	if err != nil {
		return err
	}
	u.door, err = newDoor(doorParts{
		engines: map[mq.Cluster]wrap.Engine{u.cluster: u.ports}, holder: &u.holder, ring: ring, clock: u.clock, log: u.log.Logger,
		metrics: u.metrics, trail: u.trail, peers: peers,
		front: grpcfront.Options{Certificates: certificates, ProxyFrom: u.config.Proxy.ranges(), Lean: u.config.Lean, Clock: u.clock, Observer: u.metrics},
	})
	if err != nil {
		return err
	}
	u.group.Go("catalog", func(ctx context.Context) error {
		return catalog.Follow(ctx, u.source, &u.holder, u.door.catalogChanged)
	})
	u.open.Store(true)
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
	switch d := (demo.Demo{Plane: u.plane, Engine: u.ports, Clock: u.clock}); {
	case !u.config.Demo:
	case d.Wanted(u.fresh):
		u.group.Go("demo", func(ctx context.Context) error { u.makeDemo(ctx, d, out, running); return nil })
	case !d.Begun():
		if err := demo.TellNone(out); err != nil {
			u.log.Warn("nobody could be told that there is no demo", "err", err)
		}
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

// makeDemo makes the demo once everything is ready, and tells what there is to see. That it fails stops nobody.
func (u *up) makeDemo(ctx context.Context, d demo.Demo, out io.Writer, running Running) {
	if err := d.Make(ctx); err != nil {
		if ctx.Err() == nil {
			u.log.Warn("the demo is not whole; the next start finishes it", "error", err)
		}
		return
	}
	if err := demo.Tell(out, os.Args[0], serverFlag(running)); err != nil {
		u.log.Warn("nobody could be told of the demo", "err", err)
	}
}

func (u *up) startHTTP(context.Context) error {
	provider, err := oidc.Open(u.config.OIDC, u.plane.Shelf())
	if err != nil {
		return ConfigError{err}
	}
	server := api.Server(api.New(api.Options{
		Plane: u.plane, Jobs: u.jobs, Series: u.figures.Series, Usage: u.figures.Usage, Roster: u.figures.Roster, Witness: u.witness, Disconnect: errand.Here(u.grpc.Addr().String(), u.door.sessions.Disconnect), Provider: provider, Token: u.config.Token, Log: u.log.With("room", "api"), Clock: u.clock, Ready: u.ready,
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

// witness asks this process's proxy what it remembers.
func (u *up) witness(_ context.Context, q trail.Question) []trail.Testimony {
	a := u.trail.Ask(q)
	a.Proxy = u.grpc.Addr().String()
	return []trail.Testimony{{Answer: a, Answered: true, Heard: u.clock.Now()}}
}

// ready is the question of /readyz: would a send be taken now?
func (u *up) ready(ctx context.Context) error { return u.engine.Probe(ctx) }

// peersOf reads the addresses of all proxies; self is the one of this process.
func peersOf(advertise []string, self string, role mq.Role) ([]peerAddress, error) {
	var peers []peerAddress
	for _, a := range advertise {
		p, err := parsePeer(a)
		if err != nil {
			return nil, err
		}
		if net.JoinHostPort(p.Host, strconv.Itoa(int(p.Port))) == self {
			p.Self = true
		}
		peers = append(peers, p)
	}
	if len(peers) == 1 { // the only proxy is this one, whatever it is called outside
		peers[0].Self, peers[0].Role = true, role
	}
	return peers, nil
}
