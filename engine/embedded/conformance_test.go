// SPDX-License-Identifier: Apache-2.0

package embedded_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/engine/enginetest"
	"github.com/causeway-mq/causeway/engine/wrap"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys/faultfs"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
)

// conforming is one engine under the conformance suite: its disk in memory, its time virtual, and decorated as it may be in a
// proxy, so that the decorators conform too.
type conforming struct {
	clock   *clock.Virtual
	cluster mq.Cluster
	metrics *wrap.Metrics
	again   func(*conforming) error // how it is ended before it is opened again
	alone   bool                    // nobody tells the engine that the clock moved: its own alarms must wake it
	slow    bool                    // the disk takes its time to sync, so that a crash finds much under way

	mu     sync.Mutex // guards the rest
	disk   *memfs.FS
	engine *embedded.Engine
	cable  *wrap.Cable
}

func (c *conforming) open() (enginetest.Engine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	disk := faultfs.New(c.disk)
	if c.slow {
		disk.SetHook(slowly)
	}
	e, _, err := embedded.Open(context.Background(), embedded.Options{
		FS: disk, Clock: c.clock, Cluster: c.cluster, SegmentBytes: 4 << 20,
	})
	if err != nil {
		return nil, err
	}
	c.engine, c.cable = e, wrap.NewCable()
	return c.metrics.Wrap(c.cable.Wrap(e)), nil
}

// slowly makes a sync take a while.
func slowly(call faultfs.Call) {
	if call.Op == faultfs.Sync {
		<-time.NewTimer(200 * time.Microsecond).C
	}
}

func (c *conforming) running() *embedded.Engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine
}

func (c *conforming) now() time.Time { return c.running().Now() }

func (c *conforming) close() error { return c.running().Close(context.Background()) }

func (c *conforming) advance(d time.Duration) {
	c.clock.Advance(d)
	if c.alone {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = c.running().CatchUp(ctx) // a case that needs what was due says what it misses
}

func (c *conforming) reopen() (enginetest.Engine, error) {
	if err := c.again(c); err != nil {
		return nil, err
	}
	return c.open()
}

func (c *conforming) crash() (enginetest.Engine, error) {
	if err := killed(c); err != nil {
		return nil, err
	}
	return c.open()
}

// stopped ends the engine as a clean stop does.
func stopped(c *conforming) error { return c.close() }

// killed ends the engine as a power loss does: replies under way are lost, then the disk keeps what was synced and about half
// of what was not.
func killed(c *conforming) error {
	c.mu.Lock()
	c.cable.Cut()
	after := c.disk.Crash(uint64(c.clock.Now().UnixNano()), 0.5)
	c.disk = after
	c.mu.Unlock()
	return c.close()
}

const seeds = 12 // of random histories, of each kind

func conformance(t *testing.T, shapes ...func(*conforming)) enginetest.Target {
	name, err := mq.ParseCluster("conformance")
	if err != nil {
		t.Fatal(err)
	}
	return enginetest.Target{
		Name: "embedded", Cluster: name, Seeds: seeds,
		Open: func() (*enginetest.Instance, error) {
			start := clock.NewVirtual(time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC))
			metrics, err := wrap.NewMetrics(prometheus.NewRegistry(), start.Now)
			if err != nil {
				return nil, err
			}
			c := &conforming{clock: start, cluster: name, metrics: metrics, disk: memfs.New(), again: stopped}
			for _, shape := range shapes {
				shape(c)
			}
			e, err := c.open()
			if err != nil {
				return nil, err
			}
			return &enginetest.Instance{
				Engine: e, Second: c.engine, Now: c.now, Advance: c.advance, Reopen: c.reopen, Crash: c.crash, Close: c.close,
			}, nil
		},
	}
}

func TestTheEngineConforms(t *testing.T) { enginetest.Run(t, conformance(t)) }

func TestTheEngineConformsAfterPowerLoss(t *testing.T) {
	some(t, conformance(t, func(c *conforming) { c.again, c.slow = killed, true }), "restart/", "random/one-actor", "random/crashes-under-load")
}

// With CatchUp a test waits until the engine has done what is due. Here the engine must notice by itself, as it does in real
// time.
func TestTheEngineConformsByItsOwnAlarms(t *testing.T) {
	some(t, conformance(t, func(c *conforming) { c.alone = true }), "delay/", "check/", "arm/", "retry/", "fifo/")
}

// some plays the cases whose names begin so.
func some(t *testing.T, target enginetest.Target, prefixes ...string) {
	t.Helper()
	var names []string
	for _, c := range enginetest.Cases() {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(c.Name, p) }) {
			names = append(names, c.Name)
		}
	}
	for _, r := range enginetest.Check(target, names...) {
		t.Log(r)
		for _, f := range r.Failures {
			t.Errorf("%s: %s", r.Case, f)
		}
	}
}
