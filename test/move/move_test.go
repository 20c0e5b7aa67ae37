// SPDX-License-Identifier: Apache-2.0

// Package move_test moves topics between two RocketMQ clusters under load.
package move_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
)

const catalogText = `format: 1
version: 1
tenants:
- id: default
  unsigned: loopback
  topics:
  - {name: plain, cluster: east}
  - {name: lanes, cluster: east, accepts: [fifo]}
  - {name: pay, cluster: east, accepts: [transaction]}
  groups:
  - {name: billing, cluster: east, max_attempts: 100}
  - {name: in-order, cluster: east, ordered: true, max_attempts: 100}
  - {name: settling, cluster: east, max_attempts: 100}
`

// moving is two clusters, and proxies before both.
type moving struct {
	t          *testing.T
	east, west *town.Town
	catalog    string
	config     string
}

func newMoving(t *testing.T) *moving {
	t.Helper()
	m := &moving{t: t, catalog: filepath.Join(t.TempDir(), "catalog.yaml"), config: filepath.Join(t.TempDir(), "proxy.yaml")}
	m.east, m.west = town.New(t, "broker-a", "broker-b"), town.New(t, "broker-a")
	config := fmt.Sprintf("catalog: %s\nclusters:\n- {name: east, brokers_name: %s, namesrv: [%q]}\n- {name: west, brokers_name: %s, namesrv: [%q]}\n",
		m.catalog, m.east.Cluster.Name(), m.east.Cluster.NameServers()[0], m.west.Cluster.Name(), m.west.Cluster.NameServers()[0])
	for path, text := range map[string]string{m.catalog: catalogText, m.config: config} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// move moves a topic by the command that operators use, and lets something happen when the catalog names a stage.
func (m *moving) move(topic, stage string, then func()) {
	m.t.Helper()
	began := time.Now()
	cmd := exec.Command(m.east.Binary, "catalog", "move", topic, "--config", m.config, "--to", "west")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	crowd.Eventually(m.t, topic+" is "+stage, func() bool {
		raw, err := os.ReadFile(m.catalog)
		if err != nil {
			return false
		}
		_, entry, _ := strings.Cut(string(raw), "- name: "+topic+"\n")
		entry, _, _ = strings.Cut(entry, "- name:")
		return strings.Contains(entry, "stage: "+stage)
	})
	then()
	if err := cmd.Wait(); err != nil {
		m.t.Errorf("%v: %s", err, out.String())
	}
	m.t.Logf("%s (a proxy killed while it was %s): %s after %v", topic, stage, strings.TrimSpace(out.String()), time.Since(began).Round(100*time.Millisecond))
}

// TestLongTopicsMoveUnderLoad: three topics move from one cluster to another while a crowd sends and receives, and a proxy is killed in every step: nothing is lost,
// order is kept, transactions end as they were settled.
func TestLongTopicsMoveUnderLoad(t *testing.T) {
	if os.Getenv("CAUSEWAY_LONG") == "" {
		t.Skip("takes minutes: set CAUSEWAY_LONG=1, as make test-cluster-long does")
	}
	m := newMoving(t)
	on := m.east.Ground()
	on.Open = func() crowd.Entrance { return m.east.Start("--config", m.config) }
	on.Least = crowd.Load{Sent: 12_000, Settled: 8_000}
	c := crowd.New(t, on)
	again := func() { c.Kill(); c.Join() }
	c.Play(func() {
		c.Until(2_000)
		m.move("plain", "fencing", again)
		c.Until(4_000)
		m.move("lanes", "fencing", again)
		c.Until(7_000)
		m.move("pay", "draining", again)
		c.Until(9_000)
		again()
		c.Until(12_000)
	})
}
