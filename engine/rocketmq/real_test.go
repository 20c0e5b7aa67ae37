// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/enginetest"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// casesAtOnce is how many cases are played at the same time: most of a case is waiting, and each has topics and groups of its own.
const casesAtOnce = 24

// TestTheEngineConformsOnARealCluster plays the suite on a name server and a broker of RocketMQ, beside it what concerns retries on a broker that
// keeps them in topics of the second version, and what only a real broker can show. CAUSEWAY_CASES narrows all of it to what begins
// with one of its words.
func TestTheEngineConformsOnARealCluster(t *testing.T) {
	first := startReal(t, nil)
	second := startReal(t, map[string]string{"enableRetryTopicV2": "true"})
	// The test runner plays as many at once as there are processors, which is far too few for what mostly waits: cases have goroutines of
	// their own, and their subtests tell how they ended.
	type playing struct {
		name string
		over chan []enginetest.Result
	}
	var all []playing
	slots := make(chan struct{}, casesAtOnce)
	start := func(name string, target enginetest.Target, which string) {
		if !chosen(name) {
			return
		}
		p := playing{name, make(chan []enginetest.Result, 1)}
		all = append(all, p)
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			p.over <- enginetest.Check(target, which)
		}()
	}
	for _, k := range longestFirst(enginetest.Cases()) {
		start(k.Name, first.target(t), k.Name)
		for _, theme := range []string{"retry/", "deadletter/", "doors/"} {
			if strings.HasPrefix(k.Name, theme) {
				start("v2/"+k.Name, second.target(t), k.Name)
			}
		}
	}
	known := len(all)
	for name, play := range realCases() {
		if chosen("real/" + name) {
			known++
			t.Run("real/"+name, func(t *testing.T) { play(t, first) })
		}
	}
	if known == 0 {
		t.Fatalf("CAUSEWAY_CASES=%q: no case begins with one of these words; they are parted by spaces", os.Getenv("CAUSEWAY_CASES"))
	}
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			for _, r := range <-p.over {
				t.Log(r)
				for _, f := range r.Failures {
					t.Error(f)
				}
			}
		})
	}
}

// longestFirst begins with what takes longest, so that nothing long is left for the end.
func longestFirst(all []enginetest.Case) []enginetest.Case {
	long := func(c enginetest.Case) bool {
		return strings.HasPrefix(c.Name, "random/") || strings.HasPrefix(c.Name, "extend/renewal") || strings.HasPrefix(c.Name, "filter/tags") || strings.HasPrefix(c.Name, "concurrency/")
	}
	slices.SortStableFunc(all, func(a, b enginetest.Case) int {
		switch {
		case long(a) == long(b):
			return 0
		case long(a):
			return -1
		}
		return 1
	})
	return all
}

// real is a running cluster.
type real struct{ *cluster.Cluster }

// startReal starts a name server and a broker.
func startReal(t *testing.T, settings map[string]string) *real {
	t.Helper()
	if os.Getenv("CAUSEWAY_CLUSTER") == "" {
		t.Skip("starts Java processes and waits in real time: set CAUSEWAY_CLUSTER=1")
	}
	ctx := t.Context()
	jars, err := cluster.Jars(ctx, "../../.build")
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.New(cluster.Options{Dir: t.TempDir(), Jars: jars})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
	})
	if _, err := c.NameServer(ctx, nil); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"enableMixedMessageType": "true"}
	for k, v := range settings {
		all[k] = v
	}
	if _, err := c.Broker(ctx, cluster.Broker{Settings: all}); err != nil {
		t.Fatal(err)
	}
	return &real{c}
}

func (r *real) open(t testing.TB) *Engine {
	t.Helper()
	e, err := Open(Options{NameServers: r.NameServers(), Cluster: defaultCluster(t), Remoting: remoting.Options{Patience: cluster.Patience}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// target is the cluster for the suite.
func (r *real) target(t testing.TB) enginetest.Target {
	return enginetest.Target{
		Name: "rocketmq", Cluster: defaultCluster(t), Lateness: 5 * time.Second, Patience: time.Minute, CheckEvery: 2 * time.Second, Limit: 3 * time.Minute, Seeds: 1,
		Differs: differs(),
		Open: func() (*enginetest.Instance, error) {
			first, second := r.open(t), r.open(t) // of its own for each case, as a proxy has
			return &enginetest.Instance{
				Engine: first, Second: second, Now: time.Now, Advance: func(d time.Duration) { <-time.After(d) },
				Close: func() error { return errors.Join(first.Close(), second.Close()) },
			}, nil
		},
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
