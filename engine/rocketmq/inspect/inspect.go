// SPDX-License-Identifier: Apache-2.0

// Package inspect asks each process of a cluster what it is and how it is doing, for people who look at it.
//
// Name servers know which processes there are. Each tells its role and its controllers by its settings (request 26) and its figures by request 28, which costs it a walk over its timer
// wheel: so nothing here is asked unless somebody looks. How far a secondary is behind is the difference of two logs' ends that were asked for at almost the same time, so it is
// never more than nearly exact. Which copies are in sync is known to the leader of the controllers alone.
//
// What must hold: a process that does not answer is in the list, with the reason; a figure that was not told is -1, never 0.
package inspect

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/mq"
)

// Call asks a process of the cluster. An answer of failure is an error.
type Call func(ctx context.Context, address string, q remoting.Request) (*remoting.Frame, error)

// process is one process of a broker name, with what its settings say.
type process struct {
	mq.Node
	controllers []string
}

// Nodes asks every process of the brokers, and their controllers.
func Nodes(ctx context.Context, brokers []request.Broker, call Call) mq.Nodes {
	var all []*process
	var asking sync.WaitGroup
	for _, b := range brokers {
		for id, address := range b.Addresses {
			p := &process{Node: mq.Node{
				Broker: b.Name, ID: id, Address: address, Primary: id == request.PrimaryID && !b.Acting, PutRate: -1, GetRate: -1, Disk: -1, From: -1, To: -1, Behind: -1,
			}}
			all = append(all, p)
			asking.Go(func() { p.ask(ctx, call) })
		}
	}
	asking.Wait()
	var out mq.Nodes
	primaries, controllers := map[string]int64{}, map[string]bool{}
	for _, p := range all {
		if p.Primary {
			primaries[p.Broker] = p.To
		}
		for _, c := range p.controllers {
			controllers[c] = true
		}
	}
	names := map[string]bool{}
	for _, p := range all {
		if end, known := primaries[p.Broker]; known && end >= 0 && p.To >= 0 {
			p.Behind = max(0, end-p.To)
		}
		names[p.Broker] = true
		out.Nodes = append(out.Nodes, p.Node)
	}
	slices.SortFunc(out.Nodes, func(a, b mq.Node) int {
		return cmp.Or(cmp.Compare(a.Broker, b.Broker), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Address, b.Address))
	})
	out.Controllers = lead(ctx, call, slices.Sorted(maps.Keys(controllers)))
	for _, c := range out.Controllers {
		if c.Leader {
			mark(ctx, call, c.Address, slices.Sorted(maps.Keys(names)), out.Nodes)
			break
		}
	}
	return out
}

// ask asks one process for its settings and its figures.
func (p *process) ask(ctx context.Context, call Call) {
	f, err := call(ctx, p.Address, remoting.Request{Code: remoting.GetBrokerConfig})
	if err != nil {
		p.Why = mq.Said(err)
		return // it would not tell its figures either, and may take its time to say so
	}
	settings := admin.ParseConfig(f.Body)
	f.Release()
	if role := settings["brokerRole"]; role != "" {
		p.Primary = role != "SLAVE"
	}
	if settings["enableControllerMode"] == "true" {
		p.controllers = strings.FieldsFunc(settings["controllerAddr"], func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
	}
	f, err = call(ctx, p.Address, remoting.Request{Code: remoting.BrokerRuntime})
	if err != nil {
		p.Why = mq.Said(err)
		return
	}
	defer f.Release()
	figures, err := admin.ParseRuntime(f.Body)
	if err != nil {
		p.Why = "its figures cannot be read"
		return
	}
	p.Version = strings.Clone(figures["brokerVersionDesc"]) // the answer's memory is given back
	p.PutRate, p.GetRate, p.Disk = rate(figures["putTps"]), rate(figures["getTransferredTps"]), number(figures["commitLogDiskRatio"])
	p.From, p.To = offset(figures["commitLogMinOffset"]), offset(figures["commitLogMaxOffset"])
}

// rate reads a rate, which brokers give over three windows, the shortest first.
func rate(text string) float64 {
	first, _, _ := strings.Cut(text, " ")
	return number(first)
}

func number(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0) {
		return -1
	}
	return n
}

func offset(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// lead asks controllers who leads them. A leader that none of them names by an address that is theirs is in no line.
func lead(ctx context.Context, call Call, addresses []string) []mq.Controller {
	all := make([]mq.Controller, len(addresses))
	var asking sync.WaitGroup
	for i, address := range addresses {
		all[i].Address = address
		asking.Go(func() {
			f, err := call(ctx, address, remoting.Request{Code: remoting.ControllerMetadata, JSON: true})
			if err != nil {
				all[i].Why = mq.Said(err)
				return
			}
			all[i].Leader = f.Fields.Text("isLeader") == "true"
			f.Release()
		})
	}
	asking.Wait()
	return all
}

// mark asks the leading controller which copies are in sync, and says so of the nodes.
func mark(ctx context.Context, call Call, leader string, names []string, nodes []mq.Node) {
	body := []byte{'['}
	for i, name := range names {
		if i > 0 {
			body = append(body, ',')
		}
		body = fastjson.AppendString(body, name)
	}
	f, err := call(ctx, leader, remoting.Request{Code: remoting.SyncStateSet, Body: append(body, ']'), JSON: true})
	if err != nil {
		return
	}
	defer f.Release()
	v, err := fastjson.Parse(f.Body)
	if err != nil {
		return
	}
	for i := range nodes {
		known := v.Get("replicasInfoTable").Get(nodes[i].Broker)
		for set, is := range map[string]mq.Sync{"inSyncReplicas": mq.InSync, "notInSyncReplicas": mq.NotInSync} {
			for _, r := range known.Get(set).Items() {
				if r.Get("brokerAddress").String() == nodes[i].Address {
					nodes[i].InSync = is
				}
			}
		}
	}
}
