// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// Topic makes a topic on every primary and waits until every name server routes it.
func (c *Cluster) Topic(ctx context.Context, t admin.Topic) error {
	primaries, err := c.Primaries(ctx)
	if err != nil {
		return err
	}
	for _, address := range primaries {
		if err := c.ask(ctx, address, remoting.Request{Code: remoting.CreateTopic, Header: admin.PutTopicOf(t)}); err != nil {
			return fmt.Errorf("topic %s at %s: %w", t.Name, address, err)
		}
	}
	pulse := time.NewTicker(20 * time.Millisecond)
	defer pulse.Stop()
	for {
		err := c.routed(ctx, t.Name, len(primaries))
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-pulse.C:
		}
	}
}

func (c *Cluster) routed(ctx context.Context, topic string, primaries int) error {
	for _, ns := range c.NameServers() {
		r, err := c.Route(ctx, ns, topic)
		if err != nil {
			return err
		}
		if len(r.Queues) < primaries {
			return fmt.Errorf("%s routes %s to %d of %d primaries", ns, topic, len(r.Queues), primaries)
		}
	}
	return nil
}

// Route asks a name server where a topic's queues lie.
func (c *Cluster) Route(ctx context.Context, nameServer, topic string) (request.Route, error) {
	f, err := c.client.Call(ctx, nameServer, remoting.Request{Code: remoting.TopicRoute, Header: &request.RouteOf{Topic: topic, Standard: true}})
	if err != nil {
		return request.Route{}, err
	}
	defer f.Release()
	if err := f.Err(); err != nil {
		return request.Route{}, err
	}
	return request.ParseRoute(f.Body)
}

// Group makes a consumer group on every primary.
func (c *Cluster) Group(ctx context.Context, g admin.Group) error {
	primaries, err := c.Primaries(ctx)
	if err != nil {
		return err
	}
	for _, address := range primaries {
		if err := c.ask(ctx, address, remoting.Request{Code: remoting.CreateGroup, Body: g.AppendJSON(nil)}); err != nil {
			return fmt.Errorf("group %s at %s: %w", g.Name, address, err)
		}
	}
	return nil
}

// Primaries lists the addresses of the cluster's primaries, by broker name.
func (c *Cluster) Primaries(ctx context.Context) (map[string]string, error) {
	servers := c.NameServers()
	if len(servers) == 0 {
		return nil, errors.New("cluster: no name server was started")
	}
	known, err := c.Describe(ctx, servers[0])
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for name, b := range known.Brokers {
		if address := b.Addresses[request.PrimaryID]; address != "" && b.Cluster == c.opts.Name {
			all[name] = address
		}
	}
	return all, nil
}

func (c *Cluster) ask(ctx context.Context, address string, r remoting.Request) error {
	f, err := c.client.Call(ctx, address, r)
	if err != nil {
		return err
	}
	defer f.Release()
	return f.Err()
}
