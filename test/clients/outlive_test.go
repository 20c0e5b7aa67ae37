// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/test/town"
)

// TestOfficialClientsOutliveAProxyOnARealCluster: unmodified clients of four languages send and receive, normal and ordered messages, through two proxies behind
// a load balancer, as they do in most companies; routes name the balancer, since the proxies are not told to advertise themselves. One proxy is killed under
// load and comes back later: every client goes on at once.
func TestOfficialClientsOutliveAProxyOnARealCluster(t *testing.T) {
	o := newOutliving(t)
	dies := o.start(0)
	o.start(1)
	l := startLoad(o.ctx, t, o.at, o.target, []string{vip(t, o.peers...)}, "go", "java", "python", "node")
	l.goesOn("every client sends and receives", 40)
	dies.Kill()
	began := time.Now()
	l.goesOn("every client goes on without the proxy that died", 30)
	t.Logf("every client had sent and received 30 more %v after the death", time.Since(began).Round(100*time.Millisecond))
	o.start(0)
	l.goesOn("every client goes on when it is back", 30)
	o.judge(l)
}

// TestLongOfficialClientsOutliveAProxyThatRoutesName: the same where routes name each proxy, which spares the balancer. Two kinds of load only have to lose
// nothing until the proxy is back. An ordered lane has one entry in a client's route, perhaps at the dead proxy, until the client renews it, which a producer of
// Node never does. And the Go client holds one lock of its process while it dials, five seconds and several times for each call.
func TestLongOfficialClientsOutliveAProxyThatRoutesName(t *testing.T) {
	if os.Getenv("CAUSEWAY_LONG") == "" {
		t.Skip("drives four clients through a proxy's death for minutes: set CAUSEWAY_LONG=1, as make test-cluster-long does")
	}
	o := newOutliving(t)
	advertise := []string{"--advertise", strings.Join(o.peers, ",")}
	dies := o.start(0, advertise...)
	o.start(1, advertise...)
	l := startLoad(o.ctx, t, o.at, o.target, []string{vip(t, o.peers...)}, "go", "java", "python", "node")
	l.goesOn("every client sends and receives", 40)
	dies.Kill()
	l.goesOn("normal messages go on without the proxy that died", 50, "go ", "-fifo")
	o.start(0, advertise...)
	l.goesOn("every client goes on when it is back", 30)
	o.judge(l)
}

// outliving is a cluster and the places of two proxies before it.
type outliving struct {
	t      *testing.T
	ctx    context.Context //nolint:containedctx // of the test
	at     place
	town   *town.Town
	peers  []string
	target target
}

func newOutliving(t *testing.T) *outliving {
	t.Helper()
	if testing.Short() {
		t.Skip("drives four clients in their own processes: a minute, not for -short")
	}
	o := &outliving{t: t, at: newPlace(t, "clients-outlive"), peers: []string{town.Reserved(t), town.Reserved(t)}}
	prepared(t, o.at)
	o.town = town.New(t, "broker-a", "broker-b")
	ctx, cancel := context.WithTimeout(t.Context(), suiteBound)
	t.Cleanup(cancel)
	o.ctx = ctx
	o.target = target{await: 5 * time.Second, hold: 3 * time.Second, provision: brokerProvisioner{o.town.Engine, o.town.Name}}
	return o
}

// start runs one of the proxies at its place.
func (o *outliving) start(i int, words ...string) *town.Process {
	o.t.Helper()
	return o.town.StartAt(o.peers[i], append([]string{"--namesrv", strings.Join(o.town.Cluster.NameServers(), ";")}, words...)...)
}

// judge ends the load: nothing is lost and nothing out of its order.
func (o *outliving) judge(l *load) {
	o.t.Helper()
	for key, a := range l.finish() {
		o.t.Logf("%-20s %v", key, a)
		if len(a.lost) > 0 {
			o.t.Errorf("%s: acknowledged and lost: %v", key, a.lost)
		}
		if len(a.inversions) > 0 {
			o.t.Errorf("%s: out of order: %v", key, a.inversions)
		}
		if a.failed > 0 {
			o.t.Logf("%-20s first failure: %s", key, a.why)
		}
	}
}
