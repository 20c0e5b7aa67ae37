// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/internal/obs"
)

// followed is a proxy that follows a feed of the whole size while it serves a send load.
type followed struct {
	RSSBefore, RSSWhole  int64   // bytes: with one topic, with everything
	Whole, Delta         applied // how long a catalog took from its last byte until it was served
	Calm, Wholes, Deltas figures // the send load: without news, beside a whole catalog each second, beside changes one after the other
}

// applied is a mean over some catalogs, in milliseconds.
type applied struct {
	Mean  float64
	Count int
}

const feedToken = "the token of a proxy in a measurement"

// followMain is a proxy with a broker in memory in its own process: what is measured is what the proxy does with its catalog, beside calls.
func followMain(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("follow", flag.ContinueOnError)
	c := app.DefaultProxyConfig()
	url := f.String("control", "", "URL of the feed")
	f.StringVar(&c.Listen, "listen", "", "HOST:PORT of clients")
	f.StringVar(&c.HTTP, "http", "", "HOST:PORT of figures")
	f.StringVar(&c.Control.Cache, "cache", "", "file of the catalog")
	if err := f.Parse(args); err != nil {
		return err
	}
	fake := fakebroker.New(fakebroker.Options{Name: clusterName})
	defer fake.Close()
	fake.PutTopic(admin.Topic{Name: sendTopic, Read: queues, Write: queues, Permission: request.MayRead | request.MayWrite})
	c.Control.URLs, c.Control.Token = []string{*url}, feedToken
	c.Clusters = []app.ClusterConfig{{Name: clusterName, NameServers: fake.NameServers()}}
	return app.Proxy(ctx, app.ProxyOptions{Config: c, Out: io.Discard, Log: obs.NewLogger(os.Stderr, slog.LevelWarn), Dial: fake.Dial})
}

// follower is that proxy as the measurement sees it.
type follower struct {
	process *process
	grpc    string
	http    string
}

func (s scaling) follow(ctx context.Context, self, dir string) (r followed, err error) {
	p, err := newPlan()
	if err != nil {
		return r, err
	}
	f, err := feed.New(feed.Options{Plane: p, Ledger: p, Tokens: []string{feedToken}})
	if err != nil {
		return r, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	server := &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second}
	running, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	parts.Go(func() { _ = f.Run(running) })  // ends with the measurement
	parts.Go(func() { _ = server.Serve(l) }) // the same
	defer func() { stop(); err = errors.Join(err, server.Close()); parts.Wait() }()
	one, err := startFollower(ctx, self, "http://"+l.Addr().String(), dir)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, one.process.stop()) }()
	return r, r.measure(ctx, s, measured{self, p, f, one})
}

func startFollower(ctx context.Context, self, url, dir string) (*follower, error) {
	one := &follower{}
	for _, a := range []*string{&one.grpc, &one.http} {
		free, err := freeAddress()
		if err != nil {
			return nil, err
		}
		*a = free
	}
	p, out, err := start(ctx, self, "follow", "-control", url, "-listen", one.grpc, "-http", one.http, "-cache", filepath.Join(dir, "catalog.feed"))
	if err != nil {
		return nil, err
	}
	go io.Copy(io.Discard, out) // ends with the process
	one.process = p
	return one, nil
}

// measured is what takes part.
type measured struct {
	self string
	plan *plan
	feed *feed.Feed
	one  *follower
}

func (r *followed) measure(ctx context.Context, s scaling, m measured) (err error) {
	pid := m.one.process.cmd.Process.Pid
	send := shape{Endpoint: m.one.grpc, Mode: "send", Topic: sendTopic, Connections: 4, InFlight: 16, Warm: time.Second, Window: s.window, ServerPID: pid}
	if err := m.serves(ctx, 1); err != nil {
		return err
	}
	if r.RSSBefore, err = rss(pid); err != nil {
		return err
	}
	if err := m.plan.grow(s.tenants, s.topics, s.groups); err != nil {
		return err
	}
	if err := m.newest(ctx); err != nil {
		return err
	}
	if r.RSSWhole, err = rss(pid); err != nil {
		return err
	}
	if r.Calm, err = runLoad(ctx, m.self, send); err != nil {
		return err
	}
	if r.Wholes, r.Whole, err = m.beside(ctx, send, m.anew); err != nil {
		return err
	}
	r.Deltas, r.Delta, err = m.beside(ctx, send, m.change)
	return err
}

// beside runs a load while news are made one after the other.
func (m measured) beside(ctx context.Context, send shape, news func(context.Context, int) error) (f figures, a applied, err error) {
	before, err := m.taken(ctx)
	if err != nil {
		return f, a, err
	}
	making, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	var maker sync.WaitGroup
	maker.Go(func() {
		for i := 0; making.Err() == nil && failed == nil; i++ {
			failed = news(making, i)
		}
		if making.Err() != nil {
			failed = nil
		}
	})
	f, err = runLoad(ctx, m.self, send)
	stop()
	maker.Wait()
	last := m.newest(ctx) // what was under way belongs to this load's news
	after, again := m.taken(ctx)
	if n := after.Count - before.Count; n > 0 {
		a = applied{(after.Mean - before.Mean) / float64(n), n}
	}
	return f, a, errors.Join(err, failed, last, again)
}

// anew makes the proxy take the whole catalog, once a second.
func (m measured) anew(ctx context.Context, _ int) error {
	if _, err := m.feed.Force(ctx, control.Itself("bench"), "a measurement"); err != nil {
		return err
	}
	if err := m.newest(ctx); err != nil {
		return err
	}
	wait(ctx, time.Second)
	return nil
}

// change makes one topic more, and waits until the proxy has it.
func (m measured) change(ctx context.Context, i int) error {
	if err := m.plan.change(i); err != nil {
		return err
	}
	return m.newest(ctx)
}

// newest waits until the proxy has what the plan says.
func (m measured) newest(ctx context.Context) error {
	v, _ := m.plan.Version()
	for {
		e, at := m.feed.Now()
		for _, one := range m.feed.Followers() {
			if control.Version(at) == v && one.Version == at && one.Epoch == e.ID {
				return nil
			}
		}
		if err := m.alive(ctx); err != nil {
			return err
		}
	}
}

// serves waits for the proxy's first catalog.
func (m measured) serves(ctx context.Context, version float64) error {
	for {
		if all, err := m.scrape(ctx); err == nil && all["causeway_control_version"] == version {
			return nil
		}
		if err := m.alive(ctx); err != nil {
			return err
		}
	}
}

// alive takes a short rest, and tells when the proxy, or the time for it, is gone.
func (m measured) alive(ctx context.Context) error {
	wait(ctx, 2*time.Millisecond)
	select {
	case err := <-m.one.process.done:
		return fmt.Errorf("the proxy ended: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	default:
		return nil
	}
}

// taken is how many catalogs the proxy took so far, and the milliseconds of all of them.
func (m measured) taken(ctx context.Context) (applied, error) {
	all, err := m.scrape(ctx)
	return applied{1000 * all["causeway_control_apply_seconds_sum"], int(all["causeway_control_apply_seconds_count"])}, err
}

// scrape reads the proxy's figures that have no labels.
func (m measured) scrape(ctx context.Context) (map[string]float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.one.http+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	all := map[string]float64{}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if name, text, ok := strings.Cut(lines.Text(), " "); ok {
			if v, err := strconv.ParseFloat(text, 64); err == nil {
				all[name] = v
			}
		}
	}
	return all, lines.Err()
}

func (r followed) print(to io.Writer) {
	fmt.Fprintf(to, "a proxy that follows the feed: resident %d MiB with one topic, %d MiB with everything\n", r.RSSBefore>>20, r.RSSWhole>>20)
	fmt.Fprintf(to, "from a catalog's last byte until it is served: whole %.0f ms (mean of %d), delta %.2f ms (mean of %d)\n", r.Whole.Mean, r.Whole.Count, r.Delta.Mean, r.Delta.Count)
	for _, one := range []struct {
		name string
		figures
	}{{"without news", r.Calm}, {"beside a whole catalog each second", r.Wholes}, {"beside changes one after the other", r.Deltas}} {
		fmt.Fprintf(to, "send 16/4 %s: %.0f msgs/s, p50 %.2f ms, p99 %.2f ms, most %.1f ms, errors %d\n", one.name, one.Rate, one.P50, one.P99, one.Most, one.Errors)
	}
}
