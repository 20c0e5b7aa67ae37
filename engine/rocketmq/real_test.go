// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/enginetest"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// TestTheEngineConformsOnARealCluster plays the suite on a name server and a broker of RocketMQ. CAUSEWAY_CASES narrows it to cases that
// begin with one of its words.
func TestTheEngineConformsOnARealCluster(t *testing.T) {
	if os.Getenv("CAUSEWAY_CLUSTER") == "" {
		t.Skip("starts Java processes and waits in real time: set CAUSEWAY_CLUSTER=1")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	jars, err := cluster.Jars(ctx, "../../.build")
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.New(cluster.Options{Dir: t.TempDir(), Jars: jars, Nice: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := c.NameServer(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Broker(ctx, cluster.Broker{Settings: map[string]string{"enableMixedMessageType": "true"}}); err != nil {
		t.Fatal(err)
	}
	open := func() *Engine {
		e, err := Open(Options{NameServers: c.NameServers(), Cluster: defaultCluster(t)})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	first, second := open(), open()
	defer first.Close()
	defer second.Close()
	target := enginetest.Target{
		Name: "rocketmq", Cluster: defaultCluster(t), Lateness: 5 * time.Second, Patience: 20 * time.Second, CheckEvery: 2 * time.Second, Limit: 3 * time.Minute, Seeds: 1,
		Open: func() (*enginetest.Instance, error) {
			return &enginetest.Instance{Engine: first, Second: second, Now: time.Now, Advance: func(d time.Duration) { <-time.After(d) }}, nil
		},
	}
	for _, k := range enginetest.Cases() {
		if !chosen(k.Name) {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			if why := differs()[k.Name]; why != "" {
				t.Logf("%s differs: %s", k.Name, why)
				return
			}
			for _, r := range enginetest.Check(target, k.Name) {
				t.Log(r)
				for _, f := range r.Failures {
					t.Error(f)
				}
			}
		})
	}
}

func chosen(name string) bool {
	words := strings.Fields(os.Getenv("CAUSEWAY_CASES"))
	for _, w := range words {
		if strings.HasPrefix(name, w) {
			return true
		}
	}
	return len(words) == 0
}
