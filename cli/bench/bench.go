// SPDX-License-Identifier: Apache-2.0

// Package bench measures an endpoint with load from the command line.
//
// A run is bounded by messages, by time, or by both; workers share the connections round robin. Latencies go into a histogram
// of three digits for each worker, which are merged at the end, so that measuring takes no lock. With a rate, each message has
// a time at which it is due, and its latency counts from there: a server that stalls is charged for what queued up.
package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/cli/v2client"
)

// Options is one run.
type Options struct {
	Client      v2client.Options
	Topic       string
	Group       string        // of consumers
	Messages    int64         // stop after so many; 0 = by time alone
	Duration    time.Duration // stop after so long; 0 = by messages alone
	InFlight    int           // sends, or receives, under way at a time
	Connections int
	Size        int           // bytes of a body, at least StampSize
	Rate        float64       // messages per second over all; 0 = as fast as it goes
	Idle        time.Duration // consumers stop when nothing came for so long
	Order       int           // FIFO: so many message groups; 0 = normal messages
}

// StampSize is what a body begins with: the time at which it was due, for the end-to-end latency.
const StampSize = 8

// Result is what a run measured. Latencies are in microseconds.
type Result struct {
	Mode        string  `json:"mode" yaml:"mode"`
	Messages    int64   `json:"messages" yaml:"messages"`
	Errors      int64   `json:"errors" yaml:"errors"`
	FirstError  string  `json:"firstError,omitempty" yaml:"firstError,omitempty"`
	Seconds     float64 `json:"seconds" yaml:"seconds"`
	PerSecond   float64 `json:"perSecond" yaml:"perSecond"`
	InFlight    int     `json:"inFlight" yaml:"inFlight"`
	Connections int     `json:"connections" yaml:"connections"`
	Size        int     `json:"size" yaml:"size"`
	Mean        float64 `json:"meanMicros" yaml:"meanMicros"`
	P50         int64   `json:"p50Micros" yaml:"p50Micros"`
	P99         int64   `json:"p99Micros" yaml:"p99Micros"`
	P999        int64   `json:"p999Micros" yaml:"p999Micros"`
	Max         int64   `json:"maxMicros" yaml:"maxMicros"`
}

// Bounds of a run, whatever is asked for.
const (
	MaxDuration    = time.Hour
	MaxInFlight    = 10_000
	MaxConnections = 1_000
	maxErrors      = 1_000 // after so many a run is given up
	longest        = 60_000_000
)

// run is one run under way.
type run struct {
	opt     Options
	started time.Time
	clients []*v2client.Client
	given   atomic.Int64 // messages that workers took on
	done    atomic.Int64
	failed  atomic.Int64
	lastGot atomic.Int64 // nanoseconds since started
	full    *hdrhistogram.Histogram

	mu    sync.Mutex // guards full and first
	first error
}

func newRun(opt Options) (*run, error) {
	r := &run{opt: opt, started: time.Now(), full: newHistogram()}
	for range opt.Connections {
		c, err := v2client.New(opt.Client)
		if err != nil {
			r.close()
			return nil, err
		}
		r.clients = append(r.clients, c)
	}
	return r, nil
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest, 3) }

func (r *run) close() {
	for _, c := range r.clients {
		_ = c.Close() // the run is over
	}
}

// Done is how many messages are through, for a progress bar: percent of the run is -1 where it is not known.
type Done struct {
	Messages int64
	Percent  int
}

func (r *run) progress() Done {
	d := Done{r.done.Load(), -1}
	if r.opt.Messages > 0 {
		d.Percent = int(d.Messages * 100 / r.opt.Messages)
	}
	if r.opt.Duration > 0 {
		d.Percent = max(d.Percent, int(time.Since(r.started)*100/r.opt.Duration))
	}
	d.Percent = min(d.Percent, 100)
	return d
}

func (r *run) fail(err error) {
	r.failed.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil {
		r.first = err
	}
}

func (r *run) merge(h *hdrhistogram.Histogram) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.full.Merge(h)
}

func (r *run) result(mode string, took time.Duration) Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	res := Result{
		Mode: mode, Messages: r.done.Load(), Errors: r.failed.Load(), Seconds: took.Seconds(), InFlight: r.opt.InFlight, Connections: r.opt.Connections,
		Size: r.opt.Size, Mean: r.full.Mean(), P50: r.full.ValueAtQuantile(50), P99: r.full.ValueAtQuantile(99), P999: r.full.ValueAtQuantile(99.9), Max: r.full.Max(),
	}
	if took > 0 {
		res.PerSecond = float64(res.Messages) / took.Seconds()
	}
	if r.first != nil {
		res.FirstError = r.first.Error()
	}
	return res
}

// watch calls report a few times a second until the returned function is called, which waits for the last report.
func (r *run) watch(report func(Done)) (stop func()) {
	if report == nil {
		return func() {}
	}
	over := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				report(r.progress())
			case <-over:
				report(r.progress())
				return
			}
		}
	})
	return func() { close(over); done.Wait() }
}

func (r *run) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := r.opt.Duration
	if limit == 0 {
		limit = MaxDuration
	}
	return context.WithTimeout(ctx, limit)
}

// Produce sends and measures each send until it is acknowledged.
func Produce(ctx context.Context, opt Options, report func(Done)) (Result, error) {
	r, err := newRun(opt)
	if err != nil {
		return Result{}, err
	}
	defer r.close()
	producers, err := r.producers(ctx)
	if err != nil {
		return Result{}, err
	}
	defer closeAll(producers)
	r.started = time.Now()
	stop := r.watch(report)
	r.send(ctx, producers, true)
	took := time.Since(r.started)
	stop()
	return r.result("produce", took), r.verdict()
}

// verdict is an error where nothing worked at all, or too much did not.
func (r *run) verdict() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first != nil && (r.done.Load() == 0 || r.failed.Load() >= maxErrors) {
		return r.first
	}
	return nil
}

func (r *run) producers(ctx context.Context) ([]*v2client.Producer, error) {
	var all []*v2client.Producer
	for _, c := range r.clients {
		p, err := c.Producer(ctx, r.opt.Topic)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func closeAll[C interface{ Close() }](all []C) {
	var done sync.WaitGroup
	for _, c := range all {
		done.Go(c.Close)
	}
	done.Wait()
}

// send runs the senders to their end; measured says whether their latencies count.
func (r *run) send(ctx context.Context, producers []*v2client.Producer, measured bool) {
	ctx, cancel := r.bounded(ctx)
	defer cancel()
	var done sync.WaitGroup
	for w := range r.opt.InFlight {
		done.Go(func() {
			h := newHistogram()
			r.sender(ctx, producers[w%len(producers)], h)
			if measured {
				r.merge(h)
			}
		})
	}
	done.Wait()
}

func (r *run) sender(ctx context.Context, p *v2client.Producer, h *hdrhistogram.Histogram) {
	body := make([]byte, max(r.opt.Size, StampSize))
	for i := range body {
		body[i] = byte('a' + i%26)
	}
	for {
		n := r.given.Add(1)
		if r.opt.Messages > 0 && n > r.opt.Messages || r.failed.Load() >= maxErrors {
			return
		}
		due, ok := r.wait(ctx, n)
		if !ok {
			return
		}
		binary.BigEndian.PutUint64(body, uint64(due.UnixNano()))
		m := v2client.Message{Body: body}
		if r.opt.Order > 0 {
			m.Group = groupName(n % int64(r.opt.Order))
		}
		// A send that began is waited for: cutting it off would count as an error what is only the end.
		if _, err := p.Send(context.WithoutCancel(ctx), m); err != nil {
			r.fail(err)
			continue
		}
		record(h, time.Since(due))
		r.done.Add(1)
	}
}

// wait returns when message n is due, at once without a rate. It tells when the run is over.
func (r *run) wait(ctx context.Context, n int64) (time.Time, bool) {
	if r.opt.Rate <= 0 {
		return time.Now(), ctx.Err() == nil
	}
	due := r.started.Add(time.Duration(float64(n-1) / r.opt.Rate * float64(time.Second)))
	if ahead := time.Until(due); ahead > 0 {
		t := time.NewTimer(ahead)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return due, false
		}
	}
	return due, ctx.Err() == nil
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(1, d.Microseconds()), longest)) // within its bounds it never fails
}

func groupName(n int64) string {
	const digits = "0123456789abcdef"
	name := []byte("g-0000")
	for i := len(name) - 1; i > 1; i-- {
		name[i] = digits[n&15]
		n >>= 4
	}
	return string(name)
}

var errNothing = errors.New("no message came")

func stampOf(m *v2.Message) (time.Time, bool) {
	b := m.GetBody()
	if len(b) < StampSize {
		return time.Time{}, false
	}
	t := time.Unix(0, int64(binary.BigEndian.Uint64(b)))
	return t, time.Since(t).Abs() < 24*time.Hour
}
