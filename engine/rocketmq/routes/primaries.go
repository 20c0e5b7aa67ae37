// SPDX-License-Identifier: Apache-2.0

package routes

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/mq"
)

// Primaries is every primary of a cluster, as a route without queues. An empty name means whatever the name servers know. A cluster of which they know
// no primary is Unavailable, and what they know instead is said.
func (t *Table) Primaries(ctx context.Context, cluster string) (*Route, error) {
	all, err := t.brokers(ctx)
	if err != nil {
		return nil, err
	}
	r := &Route{Addresses: map[string]string{}}
	for name, b := range of(cluster, all) {
		if address := b.Addresses[request.PrimaryID]; address != "" {
			r.Addresses[name] = address
		}
	}
	if len(r.Addresses) == 0 {
		return nil, none(cluster, all)
	}
	t.told.Store(r)
	return r, nil
}

// none says that a cluster has no primary, and which clusters there are.
func none(cluster string, all map[string]request.Broker) error {
	var known []string
	for _, b := range all {
		if !slices.Contains(known, b.Cluster) {
			known = append(known, b.Cluster)
		}
	}
	slices.Sort(known)
	switch {
	case len(known) == 0:
		return mq.Refuse(mq.Unavailable, "no primary is registered: the name servers know no broker at all")
	case slices.Contains(known, cluster):
		return mq.Refuse(mq.Unavailable, "no primary of cluster %s is registered, only secondaries", cluster)
	}
	return mq.Refuse(mq.Unavailable, "no primary of cluster %s is registered; the name servers know: %s", cluster, strings.Join(known, ", "))
}

// LastPrimaries is Primaries, or what was told last while no name server answers. Nothing that must reach every primary goes by it.
func (t *Table) LastPrimaries(ctx context.Context, cluster string) (*Route, error) {
	r, err := t.Primaries(ctx, cluster)
	if last := t.told.Load(); err != nil && last != nil {
		return last, nil
	}
	return r, err
}

// Canary sends every primary the heartbeat of a client that is neither a producer nor a consumer; nil with the first that answers. A broker's figures would tell
// as much, but the broker walks its whole timer wheel for them: on a starved machine canaries kept each other from being answered. Name servers that are gone or hang stop nothing, and neither do primaries that
// were replaced: those that were told last and those that the name servers tell now are asked side by side.
func (t *Table) Canary(ctx context.Context, cluster string) error {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel() // the first good answer ends all that is still asked
	answers := make(chan heard, 2)
	asked := map[string]string{}
	if last := t.told.Load(); last != nil {
		asked = last.Addresses
		asking.Go(func() { answers <- t.anyAnswers(ctx, last, nil) })
	} else {
		answers <- heard{err: mq.Refuse(mq.Unavailable, "no primary was told yet")}
	}
	asking.Go(func() {
		now, err := t.Primaries(ctx, cluster)
		if err != nil {
			answers <- heard{1, err}
			return
		}
		answers <- t.anyAnswers(ctx, now, asked)
	})
	first := <-answers
	if first.err == nil {
		return nil
	}
	second := <-answers
	if second.err == nil || len(asked) == 0 || first.asked == 0 {
		return second.err
	}
	return first.err
}

// heard is what came of asking so many primaries.
type heard struct {
	asked int
	err   error // nil: one answered
}

// anyAnswers asks the primaries of a route, but for those that are asked already, and is content with the first that answers.
func (t *Table) anyAnswers(ctx context.Context, r *Route, but map[string]string) heard {
	answers := make(chan error, len(r.Addresses))
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	under := 0
	for name, address := range r.Addresses {
		if but[name] == address {
			continue
		}
		under++
		asking.Go(func() { answers <- mq.During("probe "+name, t.alive(ctx, address)) })
	}
	var err error = mq.Refuse(mq.Unavailable, "no other primary is registered")
	for range under {
		if err = <-answers; err == nil {
			break
		}
	}
	return heard{under, err}
}

func (t *Table) alive(ctx context.Context, address string) error {
	f, err := t.opts.Client.Call(ctx, address, remoting.Request{Code: remoting.HeartBeat, Body: request.AppendHeartbeat(nil, "causeway-canary", nil)})
	if err != nil {
		return err
	}
	defer f.Release()
	return f.Err()
}

// Replicas is the addresses of every process of every broker name.
func (t *Table) Replicas(ctx context.Context, cluster string) ([]string, error) {
	all, err := t.brokers(ctx)
	if err != nil {
		return nil, err
	}
	var addresses []string
	for _, b := range of(cluster, all) {
		addresses = slices.AppendSeq(addresses, maps.Values(b.Addresses))
	}
	slices.Sort(addresses)
	return addresses, nil
}

// Brokers is every broker name with the addresses of its processes.
func (t *Table) Brokers(ctx context.Context, cluster string) ([]request.Broker, error) {
	all, err := t.brokers(ctx)
	if err != nil {
		return nil, err
	}
	var mine []request.Broker
	for name, b := range of(cluster, all) {
		b.Name = name
		mine = append(mine, b)
	}
	return mine, nil
}

// Copies is how many processes of each broker name the name servers know, the primary among them.
func (t *Table) Copies(ctx context.Context, cluster string) (map[string]int, error) {
	all, err := t.brokers(ctx)
	if err != nil {
		return nil, err
	}
	copies := map[string]int{}
	for name, b := range of(cluster, all) {
		copies[name] = len(b.Addresses)
	}
	return copies, nil
}

// EachNameServer asks every name server by itself, as one that is dead beside another is noticed by nobody; nil for one that answers.
func (t *Table) EachNameServer(ctx context.Context) map[string]error {
	var mu sync.Mutex // guards all
	var asking sync.WaitGroup
	all := map[string]error{}
	for _, address := range t.opts.NameServers {
		asking.Go(func() {
			f, err := t.opts.Client.Call(ctx, address, remoting.Request{Code: remoting.ClusterInfo})
			if err == nil {
				err = f.Err()
				f.Release()
			}
			mu.Lock()
			defer mu.Unlock()
			all[address] = err
		})
	}
	asking.Wait()
	return all
}

// brokers is every broker that the name servers know, by name.
func (t *Table) brokers(ctx context.Context) (map[string]request.Broker, error) {
	f, err := t.Ask(ctx, remoting.Request{Code: remoting.ClusterInfo})
	if err != nil {
		return nil, err
	}
	defer f.Release()
	all, err := request.ParseCluster(f.Body)
	if err != nil {
		return nil, mq.Refuse(mq.Internal, "cluster: %v", err)
	}
	return all.Brokers, nil
}

// of is the brokers of one cluster; an empty name means all.
func of(cluster string, all map[string]request.Broker) map[string]request.Broker {
	mine := maps.Clone(all)
	maps.DeleteFunc(mine, func(_ string, b request.Broker) bool { return cluster != "" && b.Cluster != cluster })
	return mine
}
