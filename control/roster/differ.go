// SPDX-License-Identifier: Apache-2.0

package roster

import (
	"cmp"
	"maps"
	"slices"

	"github.com/causeway-mq/causeway/mq"
)

// Brokers and this platform take for granted that every member of a group wants the same. Where two do not, each is given messages that only the other one
// wants: what a filter does not pass counts as consumed for the whole group, and is lost without a word. So what members say is held against each other.

// maxExamples bounds the clients that are named for one way to subscribe.
const maxExamples = 5

// Difference is a topic that the members of a group do not take alike.
type Difference struct {
	Topic mq.TopicName
	Ways  []Way // the most frequent first, of as frequent ones those without the topic last; two at least
}

// Way is how some of the members take a topic.
type Way struct {
	Absent   bool // they do not subscribe to it
	Filter   mq.Filter
	Clients  int
	Examples []mq.ClientID
}

// way is Way where it can be a key.
type way struct {
	absent bool
	filter mq.Filter
}

// Differences holds the subscriptions of a group's members against each other. Members that named no topic, and those of which not all was told, are not judged for
// what they do not name.
func Differences(members []Client) []Difference {
	topics := map[mq.TopicName]map[way][]mq.ClientID{}
	for _, m := range members {
		for _, t := range m.Topics {
			if topics[t.Topic] == nil {
				topics[t.Topic] = map[way][]mq.ClientID{}
			}
			filter := t.Filter
			if filter.All() {
				filter = mq.Filter{}
			}
			topics[t.Topic][way{filter: filter}] = append(topics[t.Topic][way{filter: filter}], m.ID.Client)
		}
	}
	for topic, ways := range topics {
		for _, m := range members {
			if len(m.Topics) > 0 && m.Untold == 0 && !takes(m, topic) {
				ways[way{absent: true}] = append(ways[way{absent: true}], m.ID.Client)
			}
		}
	}
	var all []Difference
	for topic, ways := range topics {
		if len(ways) > 1 {
			all = append(all, Difference{topic, listWays(ways)})
		}
	}
	slices.SortFunc(all, func(a, b Difference) int { return cmp.Compare(a.Topic.String(), b.Topic.String()) })
	return all
}

func takes(m Client, topic mq.TopicName) bool {
	for _, t := range m.Topics {
		if t.Topic == topic {
			return true
		}
	}
	return false
}

func listWays(ways map[way][]mq.ClientID) []Way {
	var all []Way
	for w, clients := range maps.All(ways) {
		slices.SortFunc(clients, func(a, b mq.ClientID) int { return cmp.Compare(a.String(), b.String()) })
		all = append(all, Way{w.absent, w.filter, len(clients), clients[:min(len(clients), maxExamples)]})
	}
	slices.SortFunc(all, func(a, b Way) int {
		return cmp.Or(cmp.Compare(b.Clients, a.Clients), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Filter.Expression, b.Filter.Expression))
	})
	return all
}

// rank orders ways that as many members share: by tags, by SQL92, not at all.
func rank(w Way) int {
	switch {
	case w.Absent:
		return 2
	case w.Filter.SQL:
		return 1
	}
	return 0
}
