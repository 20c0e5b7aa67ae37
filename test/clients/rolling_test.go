// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/test/town"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// TestLongRollingRestartUnderOfficialClients: every broker of a 2+2 cluster and every proxy before it is restarted in turn, as operators do, each when the one
// before is back; unmodified clients send and receive all the time. Proxies stand behind a load balancer for each role, or routes name each of them: then one that
// is told to stop lingers until every client has renewed its routes. A producer of Node never does: it keeps its first route, and while there is a proxy at which no
// send of its failed it uses no other, so that one send in its life may fail at all three attempts (docs/adr/0005).
func TestLongRollingRestartUnderOfficialClients(t *testing.T) {
	if os.Getenv("CAUSEWAY_LONG") == "" {
		t.Skip("takes many minutes: set CAUSEWAY_LONG=1, as make test-cluster-long does")
	}
	t.Run("behind a load balancer", func(t *testing.T) { restartInTurn(t, false) })
	t.Run("routes name each proxy", func(t *testing.T) { restartInTurn(t, true) })
}

func restartInTurn(t *testing.T, advertised bool) {
	at := newPlace(t, "clients-rolling")
	prepared(t, at)
	var brokers []cluster.Broker
	for _, name := range []string{"broker-a", "broker-a", "broker-b", "broker-b"} {
		settings := cluster.Available.Settings()
		settings["totalReplicas"] = "2"
		brokers = append(brokers, cluster.Broker{Name: name, Settings: settings})
	}
	w := town.Build(t, town.Plan{Controllers: 1, Brokers: brokers})
	ctx, cancel := context.WithTimeout(t.Context(), steadyBound)
	defer cancel()
	roles := []string{"produce", "produce", "consume", "consume"}
	var addresses, peers []string
	for _, role := range roles {
		a := town.Reserved(t)
		addresses, peers = append(addresses, a), append(peers, a+"="+role)
	}
	produce, consume := vip(t, addresses[:2]...), vip(t, addresses[2:]...)
	words := []string{"--namesrv", strings.Join(w.Cluster.NameServers(), ";"), "--advertise"}
	if advertised {
		words = append(words, strings.Join(peers, ","), "--linger", "35s")
	} else {
		words = append(words, produce+"=produce,"+consume+"=consume")
	}
	var proxies []*town.Process
	for i, role := range roles {
		proxies = append(proxies, w.StartAt(addresses[i], append(words, "--role", role)...))
	}
	to := target{consume: consume, await: 5 * time.Second, hold: 3 * time.Second, provision: brokerProvisioner{w.Engine, w.Name}}
	l := startLoad(ctx, t, at, to, []string{produce}, "go", "java", "python", "node")
	l.goesOn("every client sends and receives", 60)
	for _, p := range w.Brokers {
		began := time.Now()
		if err := p.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := p.Start(ctx); err != nil {
			t.Fatal(err)
		}
		l.goesOn("every client goes on after "+p.Name+" was restarted", 50)
		t.Logf("%s was restarted, and every client had sent and received 50 more, after %v", p.Name, time.Since(began).Round(time.Second))
	}
	for i, p := range proxies {
		began := time.Now()
		if err := p.Stop(); err != nil {
			t.Errorf("proxy %d: %v", i, err)
		}
		w.StartAt(addresses[i], append(words, "--role", roles[i])...)
		l.goesOn("every client goes on after a proxy was restarted", 50)
		t.Logf("a proxy for %s was restarted, and every client had sent and received 50 more, after %v", roles[i], time.Since(began).Round(time.Second))
	}
	const longestPoll = 5 * time.Second
	for key, a := range l.finish() {
		t.Logf("%-20s %v", key, a)
		if len(a.lost) > 0 || len(a.inversions) > 0 {
			t.Errorf("%s: lost %v, out of order %v", key, a.lost, a.inversions)
		}
		most := 0
		if advertised && strings.HasPrefix(key, "node ") {
			most = 1 // when the proxy that is restarted is the only one at which no send failed before
		}
		if a.failed > most && !strings.HasSuffix(key, "-fifo") {
			t.Errorf("%s: %d sends failed, the first: %s", key, a.failed, a.why)
		}
		if a.pollFailed > longestPoll {
			t.Errorf("%s: a receive failed only after %v", key, a.pollFailed)
		}
	}
}
