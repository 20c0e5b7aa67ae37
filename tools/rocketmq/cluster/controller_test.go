// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/mq"
)

func TestWhatControllersSayOfABrokerName(t *testing.T) {
	body := `{"replicasInfoTable":{"broker-a":{"masterAddress":"10.0.0.2:10911","masterBrokerId":2,"masterEpoch":3,"syncStateSetEpoch":7,` +
		`"inSyncReplicas":[{"alive":true,"brokerAddress":"10.0.0.2:10911","brokerId":2,"brokerName":"broker-a"}],` +
		`"notInSyncReplicas":[{"alive":false,"brokerAddress":"10.0.0.1:10911","brokerId":1,"brokerName":"broker-a"}]}}}`
	g, err := replicasOf([]byte(body), "broker-a")
	if err != nil || g.Primary != "10.0.0.2:10911" || g.Epoch != 3 || len(g.InSync) != 1 || !g.InSync[0].Alive || len(g.Behind) != 1 || g.Behind[0] != (Replica{1, "10.0.0.1:10911", false}) {
		t.Errorf("%+v, %v", g, err)
	}
	for _, none := range []string{`{"replicasInfoTable":{}}`, ``, `{"replicasInfoTable":{"broker-a":null}}`} {
		if g, err := replicasOf([]byte(none), "broker-a"); err == nil {
			t.Errorf("%q: %+v", none, g)
		}
	}
}

// outage is an engine before a cluster whose primary dies, and what it was promised.
type outage struct {
	*rocketmq.Engine
	t     *testing.T
	topic mq.Topic
	group mq.Group
	acked map[mq.MessageID]bool
	next  int
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newOutage(ctx context.Context, t *testing.T, c *Cluster) *outage {
	name := must(mq.ParseCluster(c.Name()))
	e, err := rocketmq.Open(rocketmq.Options{NameServers: c.NameServers(), Cluster: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &outage{
		Engine: e, t: t, acked: map[mq.MessageID]bool{},
		topic: mq.Topic{Name: must(mq.ParsePhysical("outage")), Cluster: name, Accepts: mq.AcceptsOf(mq.Normal), Queues: 4},
		group: mq.Group{Name: must(mq.ParsePhysical("witness")), Cluster: name, MaxAttempts: 16, Start: mq.Start{Kind: mq.StartEarliest}},
	}
	if err := e.PutTopic(ctx, o.topic); err != nil {
		t.Fatal(err)
	}
	if err := e.PutGroup(ctx, o.group); err != nil {
		t.Fatal(err)
	}
	return o
}

// send sends until so many more were acknowledged.
func (o *outage) send(ctx context.Context, more int) {
	o.t.Helper()
	pulse := time.NewTicker(20 * time.Millisecond)
	defer pulse.Stop()
	for want := len(o.acked) + more; len(o.acked) < want; o.next++ {
		m := mq.Message{ID: must(mq.ParseMessageID(fmt.Sprintf("%034X", o.next))), Type: mq.Normal, Body: []byte("acknowledged is kept"), Born: time.Now()}
		sent := o.Send(ctx, o.topic, []mq.Message{m})
		if sent[0].Err == nil {
			o.acked[m.ID] = true
			continue
		}
		select {
		case <-pulse.C:
		case <-ctx.Done():
			o.t.Fatalf("nothing is taken any more: %v", sent[0].Err)
		}
	}
}

// receive takes until all that was acknowledged came.
func (o *outage) receive(ctx context.Context) {
	o.t.Helper()
	pulse := time.NewTicker(20 * time.Millisecond)
	defer pulse.Stop()
	for len(o.acked) > 0 {
		got, err := o.Take(ctx, mq.Want{Topic: o.topic, Group: o.group, Queue: mq.AnyQueue, Max: 32, Hold: must(mq.ParseHold(time.Minute))})
		for _, d := range got {
			delete(o.acked, d.Message.ID)
			_ = o.Ack(ctx, []mq.Lease{d.Lease}) // one that fails comes again
		}
		if len(got) > 0 {
			continue
		}
		select {
		case <-pulse.C:
		case <-ctx.Done():
			o.t.Fatalf("%d acknowledged messages do not come: %v", len(o.acked), err)
		}
	}
}

// TestAPrimaryIsReplacedOnARealCluster: the controller in the name server makes the second copy the primary when the first is killed; nothing that
// was acknowledged is lost, and the first comes back as a copy in sync.
func TestAPrimaryIsReplacedOnARealCluster(t *testing.T) {
	if os.Getenv("CAUSEWAY_CLUSTER") == "" {
		t.Skip("starts Java processes: make test-cluster sets CAUSEWAY_CLUSTER=1")
	}
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	jars, err := Jars(ctx, "../../../.build")
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Dir: t.TempDir(), Jars: jars, Nice: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
	})
	began := time.Now()
	if _, err := c.NameServersThatControl(ctx, 1, nil); err != nil {
		t.Fatal(err)
	}
	brokers := map[string]*Process{}
	for range 2 {
		p, err := c.Broker(ctx, Broker{Settings: Available.Settings()})
		if err != nil {
			t.Fatal(err)
		}
		brokers[p.Address] = p
	}
	if err := c.InSync(ctx, "broker-a", 2); err != nil {
		t.Fatal(err)
	}
	t.Logf("two copies in sync %v after the start", time.Since(began).Round(time.Millisecond))
	o := newOutage(ctx, t, c)
	o.send(ctx, 200)
	t.Logf("copies know the topic: %v", c.known(ctx, "broker-a", "outage")) // where one does not, the engine must make it again
	t.Logf("200 messages acknowledged %v after the start", time.Since(began).Round(time.Millisecond))
	before, err := c.ReplicasOf(ctx, "broker-a")
	if err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	if err := brokers[before.Primary].Kill(); err != nil {
		t.Fatal(err)
	}
	o.send(ctx, 1)
	t.Logf("sends go on %v after the kill", time.Since(killed).Round(time.Millisecond))
	o.send(ctx, 200)
	after, err := c.ReplicasOf(ctx, "broker-a")
	if err != nil || after.Primary == before.Primary || after.Epoch <= before.Epoch {
		t.Errorf("before %+v, after %+v, %v", before, after, err)
	}
	if err := brokers[before.Primary].Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.InSync(ctx, "broker-a", 2); err != nil {
		t.Fatal(err)
	}
	t.Logf("two copies in sync %v after the kill", time.Since(killed).Round(time.Millisecond))
	o.send(ctx, 200)
	t.Logf("all sent %v after the start", time.Since(began).Round(time.Millisecond))
	o.receive(ctx)
	t.Logf("all received %v after the start", time.Since(began).Round(time.Millisecond))
}
