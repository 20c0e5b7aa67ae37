// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"strings"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// State is the cluster's own view of itself. Figures that brokers do not keep are -1.
func (e *Engine) State(ctx context.Context) (mq.ClusterState, error) {
	s := mq.ClusterState{Cluster: e.opts.Cluster, Engine: "rocketmq", Scheduled: -1, Halves: -1, Leased: -1}
	primaries, err := e.primaries(ctx)
	if err != nil {
		return s, err
	}
	var wrong []string
	for broker := range primaries.Addresses {
		f, err := e.call(ctx, primaries, broker, remoting.Request{Code: remoting.BrokerRuntime})
		if err != nil {
			wrong = append(wrong, broker+": "+err.Error())
			continue
		}
		_, err = admin.ParseRuntime(f.Body)
		f.Release()
		if err != nil {
			wrong = append(wrong, broker+": "+err.Error())
			continue
		}
		s.Writable = true
	}
	if len(primaries.Addresses) == 0 {
		wrong = append(wrong, "no primary is registered")
	}
	s.Healthy, s.Why = len(wrong) == 0, strings.Join(wrong, "; ")
	inv, err := e.Inventory(ctx)
	if err == nil {
		s.Topics, s.Groups = len(inv.Topics), len(inv.Groups)
	}
	return s, nil
}

// Examine looks at the settings of every primary, and at its clock where something was received from it lately, by broker name.
func (e *Engine) Examine(ctx context.Context) (map[string][]admin.Remark, error) {
	all := map[string][]admin.Remark{}
	err := e.everywhere(ctx, func(at target) error {
		f, err := e.call(ctx, at.route, at.broker, remoting.Request{Code: remoting.GetBrokerConfig})
		if err != nil {
			return err
		}
		defer f.Release()
		all[at.broker] = admin.Examine(admin.ParseConfig(f.Body))
		if ahead, ok := e.clocks.Ahead(at.broker, e.clock.Now()); ok {
			all[at.broker] = append(all[at.broker], admin.ExamineClock(ahead)...)
		}
		return nil
	})
	return all, err
}
