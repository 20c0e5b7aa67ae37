// SPDX-License-Identifier: Apache-2.0

package kept

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/mq"
)

// Tally adds up the tables of a cluster's primaries.
type Tally struct {
	Cluster   mq.Cluster
	Brokers   string // the brokers' own name of the cluster
	primaries int
	topics    map[mq.Physical]*tallied[mq.TopicSpec, admin.Topic]
	groups    map[mq.Physical]*tallied[mq.GroupSpec, admin.Group]
	own       map[mq.Physical]bool
}

// tallied is one topic or group: what is said of it in sum, as one primary has it, on how many it is.
type tallied[S, A any] struct {
	spec   S
	as     A
	on     int
	uneven bool
}

// Add takes the tables of one primary.
func (t *Tally) Add(broker string, topics []admin.Topic, groups []admin.Group) {
	if t.topics == nil {
		t.topics, t.groups = map[mq.Physical]*tallied[mq.TopicSpec, admin.Topic]{}, map[mq.Physical]*tallied[mq.GroupSpec, admin.Group]{}
		t.own = map[mq.Physical]bool{}
	}
	t.primaries++
	for _, a := range topics {
		name, err := mq.ParsePhysical(a.Name)
		if err != nil {
			continue
		}
		if IsSystemTopic(a.Name, broker, t.Brokers) {
			t.own[name] = true
			continue
		}
		one := t.topics[name]
		if one == nil {
			one = &tallied[mq.TopicSpec, admin.Topic]{as: a}
			t.topics[name] = one
		}
		one.on++
		one.uneven = one.uneven || one.as.Read != a.Read || one.as.Write != a.Write || one.as.Permission != a.Permission || one.as.Attributes[admin.TypeAttribute] != a.Attributes[admin.TypeAttribute]
		one.spec = mq.TopicSpec{Name: name, Cluster: t.Cluster, Accepts: AcceptsOf(a.Attributes[admin.TypeAttribute]), Queues: one.spec.Queues + int(a.Write)}
	}
	for _, a := range groups {
		name, err := mq.ParsePhysical(a.Name)
		if err != nil || IsSystemGroup(a.Name) {
			continue
		}
		one := t.groups[name]
		if one == nil {
			one = &tallied[mq.GroupSpec, admin.Group]{as: a, spec: GroupSpec(t.Cluster, name, a)}
			t.groups[name] = one
		}
		one.on++
		one.uneven = one.uneven || !reflect.DeepEqual(GroupSpec(t.Cluster, name, a), one.spec)
	}
}

// Inventory is what was added, by name.
func (t *Tally) Inventory() (inv mq.Inventory) {
	inv.Coarse = mq.Coarse{Primaries: t.primaries, Plain: true, DefaultHold: DefaultHold, HoldUnit: time.Minute, Whole: true}
	for name, one := range t.topics {
		inv.Topics = append(inv.Topics, one.spec)
		if one.uneven || one.on < t.primaries {
			inv.UnevenTopics = append(inv.UnevenTopics, name)
		}
	}
	for name, one := range t.groups {
		inv.Groups = append(inv.Groups, one.spec)
		if one.uneven || one.on < t.primaries {
			inv.UnevenGroups = append(inv.UnevenGroups, name)
		}
	}
	for name := range t.own {
		inv.Own = append(inv.Own, name)
	}
	slices.SortFunc(inv.Topics, func(a, b mq.TopicSpec) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	slices.SortFunc(inv.Groups, func(a, b mq.GroupSpec) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	for _, names := range [][]mq.Physical{inv.UnevenTopics, inv.UnevenGroups, inv.Own} {
		slices.SortFunc(names, func(a, b mq.Physical) int { return strings.Compare(a.String(), b.String()) })
	}
	return inv
}
