// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"errors"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/enginetest"
	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

var _ enginetest.Engine = (*Engine)(nil)

func defaultCluster(t testing.TB) mq.Cluster {
	t.Helper()
	c, err := mq.ParseCluster("DefaultCluster")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// overFake opens an engine over a fake cluster in virtual time.
func overFake(fake *fakebroker.Cluster, time0 clock.Clock, cluster mq.Cluster) (*Engine, error) {
	return Open(overFakeOptions(fake, time0, cluster))
}

func overFakeOptions(fake *fakebroker.Cluster, time0 clock.Clock, cluster mq.Cluster) Options {
	return Options{
		NameServers: fake.NameServers(), Cluster: cluster, Clock: time0, MaxDelay: mq.MaxDelay,
		Remoting: remoting.Options{Dial: fake.Dial, KeepAlive: 365 * 24 * time.Hour},
	}
}

// patiently is overFake where the time goes by while calls are under way: the suite has actors that do so.
func patiently(fake *fakebroker.Cluster, time0 clock.Clock, cluster mq.Cluster) (*Engine, error) {
	o := overFakeOptions(fake, time0, cluster)
	o.Remoting.Patience, o.Remoting.WriteStall = 1_000_000, 365*24*time.Hour
	return Open(o)
}

// differs names the cases that a RocketMQ cluster does not fulfil and for which the suite has no trait, each with what it does instead.
func differs() map[string]string {
	return map[string]string{
		"provision/a-dropped-topic-comes-back-empty": "scheduled messages of a dropped topic stay in the timer and show when a topic of that name exists again",
		"find/scheduled-and-half":                    "brokers keep scheduled messages and halves in topics of their own, out of reach of a search in the message's topic",
		"progress/committed-waits-for-the-oldest":    "a group's offset moves when messages are popped; what is not acknowledged is kept by checkpoints",
		"reset/by-force-voids-the-leases":            "a void lease acknowledges nothing, and the broker answers with success all the same",
	}
}

func TestTheEngineConformsOverTheFake(t *testing.T) {
	cluster := defaultCluster(t)
	known := differs()
	delete(known, "progress/committed-waits-for-the-oldest") // the fake tells the oldest message that is not settled; brokers commit when it suits their checkpoints
	target := enginetest.Target{
		Name: "rocketmq over the fake", Cluster: cluster, Differs: known, Certain: true,
		Open: func() (*enginetest.Instance, error) {
			time0 := clock.NewVirtual(time.Unix(1764000000, 0))
			fake := fakebroker.New(fakebroker.Options{Clock: time0, Brokers: []string{"broker-a"}, MaxDelay: mq.MaxDelay + time.Hour, NoAutoGroup: true})
			first, err := patiently(fake, time0, cluster)
			if err != nil {
				return nil, err
			}
			second, err := patiently(fake, time0, cluster)
			if err != nil {
				return nil, err
			}
			return &enginetest.Instance{
				Engine: first, Second: second, Now: time0.Now, Advance: time0.Advance,
				Close: func() error {
					err := errors.Join(first.Close(), second.Close())
					fake.Close()
					return err
				},
			}, nil
		},
	}
	enginetest.Run(t, target)
}
