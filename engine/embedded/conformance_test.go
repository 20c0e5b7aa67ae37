// SPDX-License-Identifier: Apache-2.0

package embedded_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded"
	"github.com/causeway-mq/causeway/engine/enginetest"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys/memfs"
	"github.com/causeway-mq/causeway/mq"
)

// conforming is one engine under the conformance suite: its disk in memory, its time virtual.
type conforming struct {
	clock  *clock.Virtual
	disk   *memfs.FS
	engine *embedded.Engine
	again  func(*conforming) error // how it is ended before it is opened again
}

func (c *conforming) open() error {
	name, err := mq.ParseCluster("conformance")
	if err != nil {
		return err
	}
	c.engine, _, err = embedded.Open(context.Background(), embedded.Options{
		FS: c.disk, Clock: c.clock, Cluster: name, SegmentBytes: 4 << 20,
	})
	return err
}

func (c *conforming) advance(d time.Duration) {
	c.clock.Advance(d)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = c.engine.CatchUp(ctx) // a case that needs what was due says what it misses
}

func (c *conforming) reopen() (enginetest.Engine, error) {
	if err := c.again(c); err != nil {
		return nil, err
	}
	return c.engine, c.open()
}

// stopped ends the engine as a clean stop does.
func stopped(c *conforming) error { return c.engine.Close(context.Background()) }

// killed ends the engine as a power loss does: only what was synced is still there.
func killed(c *conforming) error {
	after := c.disk.Crash(uint64(c.clock.Now().UnixNano()), 0.5)
	err := c.engine.Close(context.Background())
	c.disk = after
	return err
}

const seeds = 12 // of random histories, of each kind

func conformance(t *testing.T, again func(*conforming) error) enginetest.Target {
	name, err := mq.ParseCluster("conformance")
	if err != nil {
		t.Fatal(err)
	}
	return enginetest.Target{
		Name: "embedded", Cluster: name, Seeds: seeds,
		Open: func() (*enginetest.Instance, error) {
			c := &conforming{clock: clock.NewVirtual(time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)), disk: memfs.New(), again: again}
			if err := c.open(); err != nil {
				return nil, err
			}
			return &enginetest.Instance{
				Engine: c.engine, Second: c.engine, Now: func() time.Time { return c.engine.Now() }, Advance: c.advance, Reopen: c.reopen,
				Close: func() error { return c.engine.Close(context.Background()) },
			}, nil
		},
	}
}

func TestTheEngineConforms(t *testing.T) { enginetest.Run(t, conformance(t, stopped)) }

func TestTheEngineConformsAfterPowerLoss(t *testing.T) {
	var restarts []string
	for _, c := range enginetest.Cases() {
		if strings.HasPrefix(c.Name, "restart/") || strings.HasPrefix(c.Name, "random/") {
			restarts = append(restarts, c.Name)
		}
	}
	for _, r := range enginetest.Check(conformance(t, killed), restarts...) {
		t.Log(r)
		for _, f := range r.Failures {
			t.Errorf("%s: %s", r.Case, f)
		}
	}
}
