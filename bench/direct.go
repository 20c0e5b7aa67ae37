// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// directMain is the same load without a proxy: the engine as a library, over the brokers' own protocol. It is what any proxy is held
// against: its broker CPU and its latency are the floor.
func directMain(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("direct", flag.ContinueOnError)
	s := shapeFlags(f)
	if err := f.Parse(args); err != nil {
		return err
	}
	r, err := direct(ctx, *s)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// direct runs a shape whose Endpoint is a name server.
func direct(ctx context.Context, s shape) (figures, error) {
	e, err := openEngine(s.Endpoint, s.Connections)
	if err != nil {
		return figures{}, err
	}
	topic, group, err := targets(s)
	if err != nil {
		return figures{}, errors.Join(err, e.Close())
	}
	r, err := measure(ctx, s, func(ctx context.Context, _ int, t *tally) {
		body := make([]byte, s.Size)
		for i := range body {
			body[i] = byte(rand.Uint32())
		}
		for ctx.Err() == nil {
			call, cancel := context.WithTimeout(ctx, callBound)
			var err error
			if s.Mode == "receive" {
				err = takeDirect(call, s, e, wantOf(topic, group), t)
			} else {
				err = sendDirect(call, e, topic, body, t)
			}
			cancel()
			if err != nil && ctx.Err() == nil {
				t.failed(err)
				wait(ctx, 10*time.Millisecond)
			}
		}
	})
	return r, errors.Join(err, e.Close())
}

func openEngine(nameServer string, connections int) (*rocketmq.Engine, error) {
	name, err := mq.ParseCluster(clusterName)
	if err != nil {
		return nil, err
	}
	return rocketmq.Open(rocketmq.Options{NameServers: []string{nameServer}, Cluster: name, Remoting: remoting.Options{Connections: connections}})
}

func targets(s shape) (t mq.Topic, g mq.Group, err error) {
	if t.Cluster, err = mq.ParseCluster(clusterName); err != nil {
		return t, g, err
	}
	g.Cluster, g.MaxAttempts, g.Start = t.Cluster, mq.DefaultMaxAttempts, mq.Start{Kind: mq.StartEarliest}
	t.Accepts, t.Queues = mq.AcceptsOf(mq.Normal), queues
	if t.Name, err = mq.ParsePhysical(s.Topic); err != nil {
		return t, g, err
	}
	g.Name, err = mq.ParsePhysical(s.Group)
	return t, g, err
}

func messageDirect(body []byte) (mq.Message, error) {
	id, err := mq.ParseMessageID(messageID())
	if err != nil {
		return mq.Message{}, err
	}
	m := mq.Message{ID: id, Type: mq.Normal, Body: body, Born: time.Now(), BornHost: "bench"}
	if m.Tag, err = mq.ParseTag("bench"); err != nil {
		return m, err
	}
	key, err := mq.ParseKey("key-4711")
	m.Keys = []mq.Key{key}
	m.Properties = []mq.Property{{Name: "order", Value: "42"}, {Name: "region", Value: "eu"}}
	return m, err
}

func messageID() string { return fmt.Sprintf("01%016x%016x", rand.Uint64(), rand.Uint64()) }

func sendDirect(ctx context.Context, e *rocketmq.Engine, topic mq.Topic, body []byte, t *tally) error {
	m, err := messageDirect(body)
	if err != nil {
		return err
	}
	began := time.Now()
	if sent := e.Send(ctx, topic, []mq.Message{m}); sent[0].Err != nil {
		return sent[0].Err
	}
	t.call(time.Since(began), 1)
	return nil
}

func wantOf(t mq.Topic, g mq.Group) mq.Want {
	return mq.Want{Topic: t, Group: g, Queue: mq.AnyQueue, Max: mq.MaxReceive}
}

func takeDirect(ctx context.Context, s shape, e *rocketmq.Engine, want mq.Want, t *tally) error {
	began := time.Now()
	granted, err := e.Take(ctx, want)
	if err != nil {
		return err
	}
	if len(granted) == 0 {
		return errors.New("nothing to take")
	}
	leases := make([]mq.Lease, len(granted))
	for i := range granted {
		leases[i] = granted[i].Lease
	}
	step := len(leases)
	if s.AckEach {
		step = 1
	}
	for from := 0; from < len(leases); from += step {
		asked := time.Now()
		part := leases[from:min(from+step, len(leases))]
		if err := errors.Join(e.Ack(ctx, part)...); err != nil {
			return err
		}
		t.acknowledged(time.Since(asked), len(part))
	}
	t.call(time.Since(began), 0)
	return nil
}
