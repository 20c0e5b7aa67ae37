// SPDX-License-Identifier: Apache-2.0

package site

import (
	"time"

	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

// What a topic may ask for is applied by some engines topic by topic. Others have it as a setting of their brokers, for all topics alike: there nobody applies what a topic
// asks for, so asking is refused, and nothing is shown that nobody applies. What a topic does not ask for is the cluster's own.

// DefaultRetention is the retention of a topic that names none, where the cluster keeps one for each topic.
const DefaultRetention = 72 * time.Hour

// The settings, as the interface names them.
const (
	durability = "durability"
	retention  = "retention"
)

// Asked is what somebody asks of a topic; nil: nothing.
type Asked struct {
	Durability *mq.Durability
	Retention  *time.Duration
}

// BrokerSettings lists what the cluster does not apply topic by topic; nil where it applies everything. It and what is below may be asked of a nil Site, a cluster that this
// process does not reach: nothing is known of it.
func (s *Site) BrokerSettings() (all []string) {
	if s == nil {
		return nil
	}
	if !s.Traits.TopicDurability {
		all = append(all, durability)
	}
	if !s.Traits.TopicRetention {
		all = append(all, retention)
	}
	return all
}

// Applies refuses what is asked of a topic where nobody would apply it.
func (s *Site) Applies(a Asked) error {
	if s == nil {
		return nil
	}
	switch t := s.Traits; {
	case a.Durability != nil && !t.TopicDurability:
		return s.ofBrokers(durability, "whether a send waits for the disk")
	case a.Retention != nil && !t.TopicRetention:
		return s.ofBrokers(retention, "how long messages are kept")
	}
	return nil
}

func (s *Site) ofBrokers(field, what string) error {
	return refusal.New(refusal.NotByTopic, mq.BadRequest, "%s: on cluster %q %s is a setting of the brokers, for all topics alike, and none of a topic: leave it out, and have it set at the brokers",
		field, s.Name, what).On(field)
}

// Kept is a spec as the cluster keeps it: without what it does not apply, with the default of what it does.
func (s *Site) Kept(spec mq.TopicSpec) mq.TopicSpec {
	if s == nil {
		return spec
	}
	if !s.Traits.TopicDurability {
		spec.Durability = mq.Durability{}
	}
	switch {
	case !s.Traits.TopicRetention:
		spec.Retention = 0
	case spec.Retention == 0:
		spec.Retention = DefaultRetention
	}
	return spec
}
