// SPDX-License-Identifier: Apache-2.0

// Package kept is how brokers keep topics and groups, and how a whole cluster's tables are one inventory.
//
// Brokers write what they are given whole: what a request leaves out falls back to a default. So a change begins with what is there, and
// queues never become fewer: messages would be left in those that go.
package kept

import (
	"strings"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/mq"
)

// TypeOf is the attribute that brokers and other proxies go by.
func TypeOf(a mq.Accepts) string {
	types := a.Types()
	if len(types) != 1 {
		return admin.TypeMixed
	}
	switch types[0] {
	case mq.FIFO:
		return admin.TypeFIFO
	case mq.Delay:
		return admin.TypeDelay
	case mq.Transaction:
		return admin.TypeTransaction
	}
	return admin.TypeNormal
}

// AcceptsOf reads what TypeOf writes.
func AcceptsOf(kind string) mq.Accepts {
	switch kind {
	case admin.TypeFIFO:
		return mq.AcceptsOf(mq.FIFO)
	case admin.TypeDelay:
		return mq.AcceptsOf(mq.Delay)
	case admin.TypeTransaction:
		return mq.AcceptsOf(mq.Transaction)
	case admin.TypeMixed:
		return mq.AcceptsOf(mq.Normal, mq.FIFO, mq.Delay, mq.Transaction)
	}
	return mq.AcceptsOf(mq.Normal)
}

// TopicOf is the topic as one primary is to keep it: share is its part of the queues, was what it has, the zero Topic for nothing.
// Attributes that are not named stay. It takes messages afterwards, whoever had frozen it: that is how a topic that moves comes back to a cluster.
func TopicOf(spec mq.TopicSpec, share int32, was admin.Topic) admin.Topic {
	return admin.Topic{
		Name: spec.Name.String(), Read: max(share, was.Read), Write: max(share, was.Write), Permission: admin.ReadWrite, Order: was.Order,
		Attributes: map[string]string{admin.TypeAttribute: TypeOf(spec.Accepts)},
	}
}

// GroupOf is the group as a primary is to keep it; was is what it has, NewGroup for nothing.
func GroupOf(spec mq.GroupSpec, was admin.Group) admin.Group {
	g := was
	g.Name, g.Orderly, g.Retry = spec.Name.String(), spec.Ordered, admin.Retry{}
	if spec.MaxAttempts > 0 {
		g.RetryMost = int64(spec.MaxAttempts - 1)
	}
	if spec.Hold > 0 {
		g.TimeoutMinutes = int64(max(spec.Hold.Round(time.Minute), time.Minute) / time.Minute)
	}
	if p := spec.Retry; len(p.Steps) > 0 {
		for _, s := range p.Steps {
			g.Retry.Steps = append(g.Retry.Steps, s.Milliseconds())
		}
	} else if p.Initial > 0 {
		g.Retry = admin.Retry{Initial: p.Initial.Milliseconds(), Max: p.Max.Milliseconds(), Multiplier: max(int64(p.Multiplier), 1)}
	}
	return g
}

// DefaultHold is the lease that brokers grant at most where a group says nothing.
const DefaultHold = 15 * time.Minute

// GroupSpec says a broker's configuration in the port's words.
func GroupSpec(c mq.Cluster, name mq.Physical, g admin.Group) mq.GroupSpec {
	spec := mq.GroupSpec{Name: name, Cluster: c, Ordered: g.Orderly, MaxAttempts: int(g.RetryMost) + 1, Hold: time.Duration(g.TimeoutMinutes) * time.Minute}
	for _, s := range g.Retry.Steps {
		spec.Retry.Steps = append(spec.Retry.Steps, time.Duration(s)*time.Millisecond)
	}
	if g.Retry.Initial > 0 {
		spec.Retry = mq.RetryPolicy{
			Initial: time.Duration(g.Retry.Initial) * time.Millisecond, Max: time.Duration(g.Retry.Max) * time.Millisecond, Multiplier: float64(g.Retry.Multiplier),
		}
	}
	return spec
}

// IsSystemGroup tells whether brokers or RocketMQ's tools keep the group for themselves.
func IsSystemGroup(name string) bool {
	switch name {
	case "TOOLS_CONSUMER", "FILTERSRV_CONSUMER", "__MONITOR_CONSUMER", "SELF_TEST_C_GROUP", "SELF_TEST_P_GROUP", "CLIENT_INNER_PRODUCER", "DEFAULT_CONSUMER", "SCHEDULE_CONSUMER":
		return true
	}
	return strings.HasPrefix(name, "CID_")
}

// IsSystemTopic tells whether the topic is not one that somebody made: brokers keep it, or it holds a group's retries, or it is named
// after a broker or the cluster.
func IsSystemTopic(name, broker, cluster string) bool {
	return admin.IsSystemTopic(name) || strings.HasPrefix(name, "%RETRY%") || name == broker || name == cluster
}
