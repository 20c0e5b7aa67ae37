// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/mq"
)

// Queues answers from memory; false when nothing is known of the topic yet.
func (e *Engine) Queues(topic mq.Topic) (mq.QueueSet, bool) {
	e.routes.mu.Lock()
	defer e.routes.mu.Unlock()
	k := e.routes.all[topic.Name]
	if k == nil || k.route == nil {
		return nil, false
	}
	k.used = e.clock.Now()
	return k.route.set, true
}

// Refresh asks the name servers.
func (e *Engine) Refresh(ctx context.Context, topic mq.Topic) (mq.QueueSet, error) {
	r, err := e.lookUp(ctx, topic.Name)
	if err != nil {
		return nil, err
	}
	return r.set, nil
}

// Changed receives when an answer of Queues may have changed.
func (e *Engine) Changed() <-chan struct{} { return e.changed }

// Probe asks a name server for the cluster and every primary for its figures.
func (e *Engine) Probe(ctx context.Context) error {
	primaries, err := e.primaries(ctx)
	if err != nil {
		return err
	}
	if len(primaries.addresses) == 0 {
		return mq.Refuse(mq.Unavailable, "no primary is registered")
	}
	for name := range primaries.addresses {
		if err := e.ask(ctx, target{primaries, name}, remoting.Request{Code: remoting.BrokerRuntime}, nil); err != nil {
			return mq.During("probe "+name, err)
		}
	}
	return nil
}

// primaries is every primary of the cluster, as a route without queues.
func (e *Engine) primaries(ctx context.Context) (*route, error) {
	f, err := e.askServers(ctx, remoting.Request{Code: remoting.ClusterInfo})
	if err != nil {
		return nil, err
	}
	defer f.Release()
	all, err := request.ParseCluster(f.Body)
	if err != nil {
		return nil, mq.Refuse(mq.Internal, "cluster: %v", err)
	}
	r := &route{addresses: map[string]string{}}
	for name, b := range all.Brokers {
		if address := b.Addresses[request.PrimaryID]; address != "" && (e.opts.Cluster.String() == "" || b.Cluster == e.opts.Cluster.String()) {
			r.addresses[name] = address
		}
	}
	return r, nil
}
