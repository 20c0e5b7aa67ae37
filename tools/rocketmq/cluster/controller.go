// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// Controllers starts n controllers (1 or 3) at once, each a process of its own; brokers that are started later are in controller mode.
func (c *Cluster) Controllers(ctx context.Context, n int) ([]*Process, error) {
	g, err := c.quorum(n)
	if err != nil {
		return nil, err
	}
	return c.together(n, func(i int) (*Process, error) {
		name := fmt.Sprintf("controller-%d", g.ports[i])
		return c.add(ctx, &Process{Name: name, Address: local(g.ports[i]), spec: spec{
			main: "org.apache.rocketmq.controller.ControllerStartup", args: []string{"-c", "controller.conf"}, heap: c.heap(64, 192, 0), serves: true,
			ready: "boot success", within: 2 * time.Minute,
		}}, "controller.conf", g.settings(i, filepath.Join(c.opts.Dir, name)))
	})
}

// NameServersThatControl starts n name servers (1 or 3) at once with a controller in each; brokers that are started later are in controller mode.
func (c *Cluster) NameServersThatControl(ctx context.Context, n int, settings map[string]string) ([]*Process, error) {
	g, err := c.quorum(n)
	if err != nil {
		return nil, err
	}
	return c.together(n, func(i int) (*Process, error) {
		// The name server's folder is named by its own port, which is not chosen yet: the controller's data lies beside it.
		conf := g.settings(i, filepath.Join(c.opts.Dir, fmt.Sprintf("controller-%d", g.ports[i])))
		conf["enableControllerInNamesrv"] = "true"
		maps.Copy(conf, settings)
		return c.NameServer(ctx, conf)
	})
}

// quorum is controllers that agree among each other.
type quorum struct {
	ports []int
	peers []string
}

func (c *Cluster) quorum(n int) (g quorum, err error) {
	var addresses []string
	for i := range n {
		port, err := c.port(0)
		if err != nil {
			return g, err
		}
		g.ports = append(g.ports, port)
		g.peers = append(g.peers, fmt.Sprintf("n%d-%s", i, local(port)))
		addresses = append(addresses, local(port))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.controllers = addresses
	return g, nil
}

// settings are those of one controller, whose data lie in dir.
func (g quorum) settings(i int, dir string) map[string]string {
	return map[string]string{
		"controllerDLegerGroup": "controllers", "controllerDLegerPeers": strings.Join(g.peers, ";"), "controllerDLegerSelfId": fmt.Sprintf("n%d", i),
		"controllerStorePath": filepath.Join(dir, "store"), "mappedFileSize": "16777216",
	}
}

// together starts n processes at once: the controllers among them are ready when most of them run.
func (c *Cluster) together(n int, start func(i int) (*Process, error)) ([]*Process, error) {
	started, errs := make([]*Process, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { started[i], errs[i] = start(i) })
	}
	all.Wait()
	return started, errors.Join(errs...)
}

// Replica is one process of a broker name as controllers know it.
type Replica struct {
	ID      int64
	Address string
	Alive   bool
}

// Replicas is a broker name as controllers know it.
type Replicas struct {
	Primary string // its address, "" while there is none
	Epoch   int64  // of the primary: one more with each election
	InSync  []Replica
	Behind  []Replica // learners, and those that must catch up
}

// ErrNoController says that no controller knows a broker name: none leads, or no broker of that name came yet.
var ErrNoController = errors.New("no controller knows")

// ReplicasOf asks the controllers who the primary of a broker name is, and which copies are in sync.
func (c *Cluster) ReplicasOf(ctx context.Context, broker string) (Replicas, error) {
	c.mu.Lock()
	controllers := slices.Clone(c.controllers)
	c.mu.Unlock()
	failed := ErrNoController
	for _, address := range controllers { // only the leader answers with figures
		f, err := c.client.Call(ctx, address, remoting.Request{
			Code: remoting.SyncStateSet, Body: append(fastjson.AppendString([]byte("["), broker), ']'), JSON: true,
		})
		if err != nil {
			failed = errors.Join(ErrNoController, err)
			continue
		}
		g, err := replicasOf(f.Body, broker)
		f.Release()
		if err == nil {
			return g, nil
		}
		failed = err
	}
	return Replicas{}, fmt.Errorf("%s: %w", broker, failed)
}

func replicasOf(body []byte, broker string) (Replicas, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return Replicas{}, errors.Join(ErrNoController, err)
	}
	x := v.Get("replicasInfoTable").Get(broker)
	if x.Kind() != fastjson.Object {
		return Replicas{}, ErrNoController
	}
	replicas := func(of string) (all []Replica) {
		for _, r := range x.Get(of).Items() {
			all = append(all, Replica{r.Get("brokerId").Or(-1), r.Get("brokerAddress").String(), r.Get("alive").True()})
		}
		return all
	}
	return Replicas{x.Get("masterAddress").String(), x.Get("masterEpoch").Or(0), replicas("inSyncReplicas"), replicas("notInSyncReplicas")}, nil
}

// InSync waits until so many copies of a broker name, the primary among them, are in sync and alive.
func (c *Cluster) InSync(ctx context.Context, broker string, copies int) error {
	pulse := time.NewTicker(50 * time.Millisecond)
	defer pulse.Stop()
	for {
		g, err := c.ReplicasOf(ctx, broker)
		alive := slices.DeleteFunc(g.InSync, func(r Replica) bool { return !r.Alive })
		if err == nil && g.Primary != "" && len(alive) >= copies {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err, errors.New(broker+": "+strconv.Itoa(len(alive))+" of "+strconv.Itoa(copies)+" copies are in sync"))
		case <-pulse.C:
		}
	}
}

// Known waits until every copy of a broker name that is alive knows a topic. Copies learn of topics, groups and offsets every ten seconds or so, and
// a primary that is elected before then answers that the topic is not there, with all its messages in the log.
func (c *Cluster) Known(ctx context.Context, broker, topic string) error {
	pulse := time.NewTicker(200 * time.Millisecond)
	defer pulse.Stop()
	for {
		err := c.known(ctx, broker, topic)
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

func (c *Cluster) known(ctx context.Context, broker, topic string) error {
	all, err := c.ReplicasOf(ctx, broker)
	if err != nil {
		return err
	}
	for _, r := range append(all.InSync, all.Behind...) {
		if !r.Alive {
			continue
		}
		if err := c.ask(ctx, r.Address, remoting.Request{Code: remoting.TopicConfig, Header: &admin.ByTopic{Topic: topic}}); err != nil {
			return fmt.Errorf("%s at %s: %w", topic, r.Address, err)
		}
	}
	return nil
}
