// SPDX-License-Identifier: Apache-2.0

package mq

import (
	"strings"
	"unicode/utf8"
)

// Naming is the rule by which a catalog's names of topics and groups are judged. The zero value is Causeway's own.
type Naming uint8

// The rules.
const (
	TenantNames  Naming = iota // ParseTopicName and ParseGroupName: what can be joined with a tenant's id
	ClusterNames               // RocketMQ's own: what a cluster that nobody prepared may hold
)

const retryPrefix = "%RETRY%"

// Topic accepts a topic's name or refuses it with IllegalTopic.
func (n Naming) Topic(s string) (TopicName, error) {
	if n == TenantNames {
		return ParseTopicName(s)
	}
	switch {
	case s == "":
		return TopicName{}, Refuse(IllegalTopic, "topic: the name is empty")
	case len(s) > MaxPhysicalTopic:
		return TopicName{}, Refuse(IllegalTopic, "topic: the name has %d characters, the limit is %d", utf8.RuneCountInString(s), MaxPhysicalTopic)
	case !all(s, isClusterByte):
		return TopicName{}, Refuse(IllegalTopic, "topic %q: only A-Z, a-z, 0-9, '_', '-', '%%' and '|' may stand in a name", clip(s))
	case isSystemTopic(s), strings.HasPrefix(s, retryPrefix), s == deadLetterPrefix:
		return TopicName{}, Refuse(IllegalTopic, "topic %q: the name is reserved for the system", clip(s))
	}
	return TopicName{s}, nil
}

// Group accepts a consumer group's name or refuses it with IllegalGroup.
func (n Naming) Group(s string) (GroupName, error) {
	if n == TenantNames {
		return ParseGroupName(s)
	}
	switch {
	case s == "":
		return GroupName{}, Refuse(IllegalGroup, "consumer group: the name is empty")
	case len(s) > MaxPhysicalGroup:
		return GroupName{}, Refuse(IllegalGroup, "consumer group: the name has %d characters, the limit is %d", utf8.RuneCountInString(s), MaxPhysicalGroup)
	case !all(s, isClusterByte):
		return GroupName{}, Refuse(IllegalGroup, "consumer group %q: only A-Z, a-z, 0-9, '_', '-', '%%' and '|' may stand in a name", clip(s))
	case isSystemGroup(s):
		return GroupName{}, Refuse(IllegalGroup, "consumer group %q: the name is reserved for the system", s)
	}
	return GroupName{s}, nil
}

func isClusterByte(b byte) bool { return isNameByte(b) || b == '%' || b == '|' }
