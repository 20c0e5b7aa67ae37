// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// scaling measures the control plane with many resources: one `causeway up` that holds tenants, topics and groups, driven through its HTTP
// interface as everybody drives it.
type scaling struct {
	server                  string
	tenants, topics, groups int // in all; spread evenly, but for a tenth that the default tenant owns
	out                     string
	window                  time.Duration
}

// scale is what was measured. Latencies are milliseconds.
type scale struct {
	Tenants, Topics, Groups int
	MadePerSecond           float64 // topics and groups, by 16 callers
	Start                   float64 // seconds from the start of the process to ready, with all of it kept
	RSS                     int64   // bytes, after that start and the listings
	Lists                   []listed
	Change                  spread  // from the request of a new topic to its answer: made in the engine and known to the proxy
	Filled                  float64 // seconds until all was made, tenants included
	Followed                followed
	Calm, Changing          figures // a send load without changes, and beside one change after the other
}

type listed struct {
	Path string
	spread
}

type spread struct{ P50, P99, Most float64 }

func spreadOf(took []time.Duration) spread {
	slices.Sort(took)
	at := func(q float64) float64 { return took[int(q*float64(len(took)-1))].Seconds() * 1000 }
	return spread{at(0.5), at(0.99), at(1)}
}

func scaleMain(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("scale", flag.ContinueOnError)
	var s scaling
	f.StringVar(&s.server, "server", "bin/causeway", "binary under test")
	f.IntVar(&s.tenants, "tenants", 1000, "tenants")
	f.IntVar(&s.topics, "topics", 10_000, "topics of all tenants")
	f.IntVar(&s.groups, "groups", 10_000, "groups of all tenants")
	f.DurationVar(&s.window, "window", 5*time.Second, "measured time of the send loads")
	f.StringVar(&s.out, "out", "", "file for the figures as JSON")
	if err := f.Parse(args); err != nil {
		return err
	}
	if s.tenants < 2 || s.tenants > 1000 || s.topics < s.tenants || s.topics > 100_000 || s.groups < 0 || s.groups > 100_000 || s.window > time.Minute {
		return errors.New("tenants 2 to 1000, topics from one a tenant to 100000, groups up to 100000, window up to 1m")
	}
	r, err := s.run(ctx)
	if err != nil {
		return err
	}
	r.print(os.Stdout)
	if s.out == "" {
		return nil
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.out, append(raw, '\n'), 0o644)
}

func (s scaling) run(ctx context.Context) (r scale, err error) {
	dir, err := os.MkdirTemp("", "causeway-scale-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	up, _, err := s.start(ctx, dir)
	if err != nil {
		return r, err
	}
	r = scale{Tenants: s.tenants, Topics: s.topics, Groups: s.groups}
	began := time.Now()
	if r.MadePerSecond, err = s.fill(ctx, up); err != nil {
		return r, errors.Join(err, up.process.stop())
	}
	r.Filled = time.Since(began).Seconds()
	if err := up.process.stop(); err != nil {
		return r, err
	}
	if err := os.Remove(filepath.Join(dir, "up.json")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return r, err
	}
	var took time.Duration
	if up, took, err = s.start(ctx, dir); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, up.process.stop()) }()
	r.Start = took.Seconds()
	if err := r.lists(ctx, up); err != nil {
		return r, err
	}
	if r.RSS, err = rss(up.process.cmd.Process.Pid); err != nil {
		return r, err
	}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	if err := r.traffic(ctx, up, self, s.window); err != nil {
		return r, err
	}
	r.Followed, err = s.follow(ctx, self, dir)
	return r, err
}

func (s scaling) start(ctx context.Context, dir string) (*running, time.Duration, error) {
	began := time.Now()
	p, out, err := start(ctx, s.server, "up", "--data", dir, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
	if err != nil {
		return nil, 0, err
	}
	go io.Copy(io.Discard, out) // ends with the process
	r, err := ready(ctx, p, dir)
	if err != nil {
		return nil, 0, errors.Join(err, p.stop())
	}
	return r, time.Since(began), nil
}

// post makes a thing; the body of a refusal is in the error.
func post(ctx context.Context, up *running, path string, body any) (time.Duration, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	return exchange(ctx, http.MethodPost, "http://"+up.HTTP+path, raw, nil)
}

func exchange(ctx context.Context, method, url string, body []byte, into any) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	began := time.Now()
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	raw, err := io.ReadAll(a.Body)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	if a.StatusCode >= 300 {
		return 0, fmt.Errorf("%s %s: %s: %s", method, url, a.Status, tail(string(raw)))
	}
	if into != nil {
		err = json.Unmarshal(raw, into)
	}
	return took, err
}

type thing struct{ path, name string }

// fill makes tenants, then topics, then groups, and tells how many topics and groups were made a second.
func (s scaling) fill(ctx context.Context, up *running) (float64, error) {
	var tenants, rest []thing
	owners := []string{"default"}
	for i := range s.tenants - 1 {
		owners = append(owners, "tenant-"+strconv.Itoa(i))
		tenants = append(tenants, thing{"/v1/tenants", owners[i+1]})
	}
	spreadOver := func(noun string, n int) {
		for i := range n {
			owner := owners[0]
			if i >= n/10 {
				owner = owners[1+i%(len(owners)-1)]
			}
			rest = append(rest, thing{"/v1/tenants/" + owner + "/" + noun, noun + "-" + strconv.Itoa(i)})
		}
	}
	spreadOver("topics", s.topics)
	spreadOver("groups", s.groups)
	if err := makeAll(ctx, up, "id", tenants); err != nil {
		return 0, err
	}
	began := time.Now()
	err := makeAll(ctx, up, "name", rest)
	return float64(len(rest)) / time.Since(began).Seconds(), err
}

func makeAll(ctx context.Context, up *running, field string, all []thing) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan thing)
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for t := range todo {
				if _, err := post(ctx, up, t.path, map[string]any{field: t.name}); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, t := range all {
		if ctx.Err() != nil {
			break
		}
		todo <- t
	}
	close(todo)
	callers.Wait()
	return context.Cause(ctx)
}

// lists asks for the first, a middle and the last page of each listing, 50 times each.
func (r *scale) lists(ctx context.Context, up *running) error {
	for _, path := range []string{"/v1/tenants", "/v1/tenants/default/topics", "/v1/tenants/default/groups"} {
		var pages []string
		for next := path + "?limit=100"; next != ""; {
			pages = append(pages, next)
			var page struct{ Next string }
			if _, err := exchange(ctx, http.MethodGet, "http://"+up.HTTP+next, nil, &page); err != nil {
				return err
			}
			if next = ""; page.Next != "" {
				next = path + "?limit=100&cursor=" + page.Next
			}
		}
		var took []time.Duration
		for range 50 {
			for _, i := range []int{0, len(pages) / 2, len(pages) - 1} {
				d, err := exchange(ctx, http.MethodGet, "http://"+up.HTTP+pages[i], nil, nil)
				if err != nil {
					return err
				}
				took = append(took, d)
			}
		}
		r.Lists = append(r.Lists, listed{fmt.Sprintf("%s, 100 of a page, %d pages", path, len(pages)), spreadOf(took)})
	}
	return nil
}

// traffic sends without changes, then while topics are made one after the other.
func (r *scale) traffic(ctx context.Context, up *running, self string, window time.Duration) (err error) {
	if _, err := post(ctx, up, "/v1/tenants/default/topics", map[string]any{"name": "load"}); err != nil {
		return err
	}
	send := shape{Endpoint: up.GRPC, Mode: "send", Topic: "load", Connections: 4, InFlight: 16, Warm: time.Second, Window: window, ServerPID: up.process.cmd.Process.Pid}
	if r.Calm, err = runLoad(ctx, self, send); err != nil {
		return err
	}
	changing, stop := context.WithCancel(ctx)
	defer stop()
	var took []time.Duration
	var failed error
	var changes sync.WaitGroup
	changes.Go(func() {
		for i := 0; changing.Err() == nil; i++ {
			d, err := post(ctx, up, "/v1/tenants/default/topics", map[string]any{"name": "more-" + strconv.Itoa(i)})
			if err != nil {
				failed = err
				return
			}
			took = append(took, d)
		}
	})
	r.Changing, err = runLoad(ctx, self, send)
	stop()
	changes.Wait()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	r.Change = spreadOf(took)
	return nil
}

func (r scale) print(to io.Writer) {
	fmt.Fprintf(to, "%d tenants, %d topics, %d groups\n", r.Tenants, r.Topics, r.Groups)
	fmt.Fprintf(to, "made: all within %.0f s, %.0f topics and groups a second by 16 callers\n", r.Filled, r.MadePerSecond)
	fmt.Fprintf(to, "start to ready %.2f s, resident then and after the listings %d MiB\n", r.Start, r.RSS>>20)
	for _, l := range r.Lists {
		fmt.Fprintf(to, "%s: p50 %.1f ms, p99 %.1f ms, most %.1f ms\n", l.Path, l.P50, l.P99, l.Most)
	}
	fmt.Fprintf(to, "a new topic, until it can be used: p50 %.1f ms, p99 %.1f ms, most %.1f ms\n", r.Change.P50, r.Change.P99, r.Change.Most)
	fmt.Fprintf(to, "send 16/4 without changes: %.0f msgs/s, p50 %.2f ms, p99 %.2f ms; beside changes one after the other: %.0f msgs/s, p50 %.2f ms, p99 %.2f ms; errors %d\n",
		r.Calm.Rate, r.Calm.P50, r.Calm.P99, r.Changing.Rate, r.Changing.P50, r.Changing.P99, r.Calm.Errors+r.Changing.Errors)
	r.Followed.print(to)
}
