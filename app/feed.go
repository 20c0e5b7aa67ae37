// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/fed"
	"github.com/causeway-mq/causeway/proxy/herald"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// openFeed follows the control plane. Only one process writes a cache: another one that was started with it serves and writes nothing.
func (p *proxy) openFeed() error {
	c := p.config.Control
	token, err := c.Secret()
	if err != nil {
		return ConfigError{err}
	}
	transport, err := c.Transport()
	if err != nil {
		return ConfigError{err}
	}
	p.group.OnStop("connections to the control plane", func(context.Context) error { transport.CloseIdleConnections(); return nil })
	dir, name := filepath.Split(c.Cache)
	if dir == "" {
		dir = "."
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cache of the catalog: %w", err)
	}
	disk := fsys.OS(dir)
	lock, err := disk.Lock(name + ".lock")
	if err != nil {
		return ConfigError{fmt.Errorf("control.cache: %s is another proxy's: each proxy needs its own (%w)", c.Cache, err)}
	}
	p.group.OnStop("cache of the catalog", func(context.Context) error { return lock.Close() })
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(p.grpc.Addr().String())
	self := net.JoinHostPort(host, port)
	p.followed, err = fed.Open(fed.Options{
		URLs: c.URLs, Token: token, Name: self, Users: signers(p.config.Clusters), Client: transport, Disk: disk, Cache: name,
		Clock: p.clock, Log: p.log.With("room", "catalog"), Events: p.feedFigures(),
	})
	if err != nil {
		return ConfigError{err}
	}
	if err := p.openHerald(herald.Options{URLs: c.URLs, Token: token, Name: self, Client: transport, Catalog: p.followed.Says}); err != nil {
		return err
	}
	p.trail = trail.New(p.config.TraceBytes, p.clock)
	p.witness, err = herald.NewWitness(herald.WitnessOptions{
		URLs: c.URLs, Token: token, Name: self, Zone: p.config.Zone, Client: transport, Trail: p.trail, Clock: p.clock, Log: p.log.With("room", "herald"),
		Disconnect: func(w session.Whom) (int, bool) { return p.door.sessions.Disconnect(w) },
	})
	if err != nil {
		return ConfigError{err}
	}
	p.source, p.refused = p.followed, p.followed.Refused
	p.metrics.catalog(p, nil)
	p.group.Go("feed of the control plane", p.followed.Run)
	return nil
}

// signers are the users as whom requests to brokers are signed, by cluster.
func signers(clusters []ClusterConfig) map[string]string {
	all := map[string]string{}
	for _, one := range clusters {
		all[one.Name] = one.AccessKey
	}
	return all
}

// openHerald tells control planes what is counted here and who is connected, until after the door has closed.
func (p *proxy) openHerald(o herald.Options) error {
	o.Zone, o.Tally, o.Roll, o.Clock, o.Log = p.config.Zone, p.metrics.tally, p.metrics.roll, p.clock, p.log.With("room", "herald")
	h, err := herald.New(o)
	if err != nil {
		return ConfigError{err}
	}
	p.group.OnStop("last report", func(ctx context.Context) error { h.Last(ctx); return nil })
	p.group.Go("reports", h.Run)
	return nil
}

// feedFigures are what metrics tell of the feed.
func (p *proxy) feedFigures() fed.Events {
	refused := counter("causeway_control_refused_total", "Catalogs of the control plane or of the disk that were not served, by reason.", []string{"why"})
	failed := counter("causeway_control_failures_total", "Questions to the control plane that came to nothing.", nil)
	unkept := counter("causeway_control_cache_failures_total", "Catalogs that could not be written to disk.", nil)
	took := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "causeway_control_apply_seconds", Help: "Time from a catalog's last byte until it was served.", Buckets: []float64{.001, .005, .02, .1, .5, 1, 5},
	})
	for _, why := range []fed.Why{fed.Damaged, fed.Shrinks, fed.Older, fed.Foreign} {
		refused.WithLabelValues(string(why)) // an alarm needs the zero before
	}
	p.metrics.registry.MustRegister(refused, failed, unkept, took)
	p.metrics.gauge("causeway_control_version", "Version of the control plane's catalog that is served.", func() float64 { return float64(p.followed.Status().Version) })
	p.metrics.gauge("causeway_control_heard_seconds", "Seconds since the control plane was last heard of; -1 when it never was.", func() float64 {
		heard := p.followed.Status().Heard
		if heard.IsZero() {
			return -1
		}
		return p.clock.Now().Sub(heard).Seconds()
	})
	return fed.Events{
		Refused: func(w fed.Why) { refused.WithLabelValues(string(w)).Inc() },
		Failed:  func() { failed.WithLabelValues().Inc() },
		Taken:   func(d time.Duration, _ int, _ bool) { took.Observe(d.Seconds()) },
		Kept: func(err error) {
			if err != nil {
				unkept.WithLabelValues().Inc()
			}
		},
	}
}

// elsewhere tells once of each cluster that the catalog names and this proxy does not know: its topics and groups are answered as not reachable.
func (p *proxy) elsewhere(s *catalog.Snapshot) {
	for cluster := range s.Clusters {
		if _, here := p.engines[cluster]; !here && !slices.Contains(p.strange, cluster) {
			p.strange = append(p.strange, cluster)
			var names []string
			for _, c := range p.config.Clusters {
				names = append(names, c.Name)
			}
			p.log.Warn("the catalog names a cluster that this proxy is not configured for: its topics are refused here", "cluster", cluster.String(), "configured", strings.Join(names, ", "))
		}
	}
}

// staleAfter is how long a proxy may be without its control plane before that is worth a word.
const staleAfter = 2 * time.Minute

// lookAtFeed looks at a catalog that comes from a control plane.
func (p *proxy) lookAtFeed(all *findings) {
	s := p.followed.Status()
	age := p.clock.Now().Sub(s.Heard)
	switch {
	case s.Refused != nil:
		all.add("catalog", control.Bad, fmt.Sprintf("version %d goes on, but what the control plane says now is not served: %v", s.Version, s.Refused), "mend the control plane, or `causeway control force` where it is meant")
	case s.Heard.IsZero():
		all.add("catalog", control.Warn, fmt.Sprintf("version %d from disk: the control plane was not heard of since the start%s", s.Version, because(s.Failed)), "see whether it runs, and the proxy's log")
	case age > staleAfter:
		all.add("catalog", control.Warn, fmt.Sprintf("version %d; the control plane was heard of %v ago%s", s.Version, age.Round(time.Second), because(s.Failed)), "see whether it runs, and the proxy's log")
	default:
		all.add("catalog", control.Good, fmt.Sprintf("version %d of %s", s.Version, s.Control), "")
	}
	if s.Cache != nil {
		all.add("cache", control.Bad, fmt.Sprintf("the catalog cannot be kept on disk: %v", s.Cache), "room on the disk, and the right to write there")
	}
}

// because is a cause behind what it led to, "" without one.
func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
