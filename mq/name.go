// SPDX-License-Identifier: Apache-2.0

package mq

import (
	"strings"
	"unicode/utf8"
)

// Limits of names, in characters. Physical names keep RocketMQ's own limits.
const (
	MaxTenant        = 20
	MaxTopicName     = 100
	MaxGroupName     = 90
	MaxPhysicalTopic = 127
	MaxPhysicalGroup = 120
	MaxClientID      = 255
	MaxMessageID     = 128 // bytes; official clients use 34
	MaxMessageGroup  = 63  // bytes; RocketMQ refuses 64
	MaxTag           = 128 // bytes
	MaxKey           = 128 // bytes, one key
)

const deadLetterPrefix = "%DLQ%"

// DefaultTenant is the id of the tenant that exists on every installation and whose physical names are bare.
const DefaultTenant = "default"

// Tenant is the id of a tenant: 1 to 20 characters of a-z, 0-9 and '-'.
type Tenant struct{ s string }

// ParseTenant accepts a tenant id or refuses it with NotFound, since an id that cannot exist answers like one that does not.
func ParseTenant(s string) (Tenant, error) {
	if s == "" || len(s) > MaxTenant || !all(s, isTenantByte) {
		return Tenant{}, Refuse(NotFound, "no tenant %q", clip(s))
	}
	return Tenant{s}, nil
}

// String is the id, "" for none.
func (t Tenant) String() string { return t.s }

// IsDefault tells whether this is the default tenant.
func (t Tenant) IsDefault() bool { return t.s == DefaultTenant }

// TopicName is a topic's logical name within its tenant: 1 to 100 characters of A-Z, a-z, 0-9, '_' and '-', or the name of a
// group's dead letters, "%DLQ%" and a group name.
type TopicName struct{ s string }

// ParseTopicName accepts a logical topic name or refuses it with IllegalTopic.
func ParseTopicName(s string) (TopicName, error) {
	if g, ok := strings.CutPrefix(s, deadLetterPrefix); ok {
		if _, err := ParseGroupName(g); err == nil {
			return TopicName{s}, nil
		}
	}
	switch {
	case s == "":
		return TopicName{}, Refuse(IllegalTopic, "topic: the name is empty")
	case len(s) > MaxTopicName:
		return TopicName{}, Refuse(IllegalTopic, "topic: the name has %d characters, the limit is %d", utf8.RuneCountInString(s), MaxTopicName)
	case !all(s, isNameByte):
		return TopicName{}, Refuse(IllegalTopic, "topic %q: only A-Z, a-z, 0-9, '_' and '-' may stand in a name", clip(s))
	case isSystemTopic(s):
		return TopicName{}, Refuse(IllegalTopic, "topic %q: the name is reserved for the system", s)
	}
	return TopicName{s}, nil
}

// DeadLetters is the name of the topic that keeps a group's dead letters.
func DeadLetters(g GroupName) TopicName { return TopicName{deadLetterPrefix + g.s} }

// String is the name, "" for none.
func (t TopicName) String() string { return t.s }

// DeadLettersOf gives the group whose dead letters the topic holds; ok is false for an ordinary topic.
func (t TopicName) DeadLettersOf() (g GroupName, ok bool) {
	s, ok := strings.CutPrefix(t.s, deadLetterPrefix)
	return GroupName{s}, ok
}

// GroupName is a consumer group's logical name within its tenant: 1 to 90 characters of A-Z, a-z, 0-9, '_' and '-'.
type GroupName struct{ s string }

// ParseGroupName accepts a logical group name or refuses it with IllegalGroup.
func ParseGroupName(s string) (GroupName, error) {
	switch {
	case s == "":
		return GroupName{}, Refuse(IllegalGroup, "consumer group: the name is empty")
	case len(s) > MaxGroupName:
		return GroupName{}, Refuse(IllegalGroup, "consumer group: the name has %d characters, the limit is %d", utf8.RuneCountInString(s), MaxGroupName)
	case !all(s, isNameByte):
		return GroupName{}, Refuse(IllegalGroup, "consumer group %q: only A-Z, a-z, 0-9, '_' and '-' may stand in a name", clip(s))
	case isSystemGroup(s):
		return GroupName{}, Refuse(IllegalGroup, "consumer group %q: the name is reserved for the system", s)
	}
	return GroupName{s}, nil
}

// String is the name, "" for none.
func (g GroupName) String() string { return g.s }

// Physical is the name under which an engine knows a topic or a group: up to 127 characters of RocketMQ's own alphabet
// (letters, digits, '_', '-', '%' and '|'). Provisioning computes it once; the catalog stores it.
type Physical struct{ s string }

// ParsePhysical accepts an engine's name or refuses it with BadRequest.
func ParsePhysical(s string) (Physical, error) {
	if s == "" || len(s) > MaxPhysicalTopic || !all(s, isClusterByte) {
		return Physical{}, Refuse(BadRequest, "physical name %q: 1 to %d characters of A-Z, a-z, 0-9, '_', '-', '%%' and '|'", clip(s), MaxPhysicalTopic)
	}
	return Physical{s}, nil
}

// PhysicalTopic is the name that a new topic of a tenant gets: "tenant%name", the bare name for the default tenant, and
// "%DLQ%" before the group's physical name for dead letters.
func PhysicalTopic(t Tenant, n TopicName) Physical {
	if g, ok := n.DeadLettersOf(); ok {
		return Physical{deadLetterPrefix + PhysicalGroup(t, g).s}
	}
	return join(t, n.s)
}

// PhysicalGroup is the name that a new group of a tenant gets: "tenant%name", the bare name for the default tenant.
func PhysicalGroup(t Tenant, n GroupName) Physical { return join(t, n.s) }

// PhysicalDeadLetters is the engine's name of the topic that keeps the dead letters of a group.
func PhysicalDeadLetters(group Physical) Physical { return Physical{deadLetterPrefix + group.s} }

func join(t Tenant, name string) Physical {
	if t.IsDefault() {
		return Physical{name}
	}
	return Physical{t.s + "%" + name}
}

// String is the name, "" for none.
func (p Physical) String() string { return p.s }

// DeadLettersOf gives the engine's name of the group whose dead letters the topic holds.
func (p Physical) DeadLettersOf() (group Physical, ok bool) {
	s, ok := strings.CutPrefix(p.s, deadLetterPrefix)
	return Physical{s}, ok
}

// Cluster names a message cluster: the same alphabet as a topic name.
type Cluster struct{ s string }

// ParseCluster accepts a cluster's name or refuses it with BadRequest.
func ParseCluster(s string) (Cluster, error) {
	if s == "" || len(s) > MaxTopicName || !all(s, isNameByte) {
		return Cluster{}, Refuse(BadRequest, "cluster %q: 1 to %d characters of A-Z, a-z, 0-9, '_' and '-'", clip(s), MaxTopicName)
	}
	return Cluster{s}, nil
}

// String is the name, "" for none.
func (c Cluster) String() string { return c.s }

// ClientID is what a client calls itself, unique per running client; opaque.
type ClientID struct{ s string }

// ParseClientID accepts a client id or refuses it with ClientIDRequired.
func ParseClientID(s string) (ClientID, error) {
	if strings.TrimSpace(s) == "" || len(s) > MaxClientID || hasControl(s) {
		return ClientID{}, Refuse(ClientIDRequired, "client id: 1 to %d printable bytes are required", MaxClientID)
	}
	return ClientID{s}, nil
}

// String is the id, "" for none.
func (c ClientID) String() string { return c.s }

// MessageID is the producer's id of a message, opaque; a retried send carries the same one.
type MessageID struct{ s string }

// ParseMessageID accepts a message id or refuses it with IllegalMessageID.
func ParseMessageID(s string) (MessageID, error) {
	if strings.TrimSpace(s) == "" || len(s) > MaxMessageID || hasControl(s) || !utf8.ValidString(s) {
		return MessageID{}, Refuse(IllegalMessageID, "message id: 1 to %d printable bytes are required, got %d", MaxMessageID, len(s))
	}
	return MessageID{s}, nil
}

// String is the id, "" for none.
func (m MessageID) String() string { return m.s }

// MessageGroup is the key of an order: messages of one group are delivered in the order in which they were stored.
type MessageGroup struct{ s string }

// ParseMessageGroup accepts a message group or refuses it with IllegalMessageGroup.
func ParseMessageGroup(s string) (MessageGroup, error) {
	if strings.TrimSpace(s) == "" || len(s) > MaxMessageGroup || hasControl(s) || !utf8.ValidString(s) {
		return MessageGroup{}, Refuse(IllegalMessageGroup, "message group: 1 to %d printable bytes are required, got %d", MaxMessageGroup, len(s))
	}
	return MessageGroup{s}, nil
}

// String is the group, "" for none.
func (g MessageGroup) String() string { return g.s }

// Tag is a message's one label for cheap filtering.
type Tag struct{ s string }

// ParseTag accepts a tag or refuses it with IllegalTag. '|' is the joiner of tag filters and may not stand in one.
func ParseTag(s string) (Tag, error) {
	if strings.TrimSpace(s) == "" || len(s) > MaxTag || strings.Contains(s, "|") || hasControl(s) || !utf8.ValidString(s) {
		return Tag{}, Refuse(IllegalTag, "message tag %q: 1 to %d printable bytes without '|' are required", clip(s), MaxTag)
	}
	return Tag{s}, nil
}

// String is the tag, "" for none.
func (t Tag) String() string { return t.s }

// Key is one of the business keys by which a message can be found.
type Key struct{ s string }

// ParseKey accepts a key or refuses it with IllegalKey. Brokers join keys with a space, so none may stand in one.
func ParseKey(s string) (Key, error) {
	if s == "" || len(s) > MaxKey || strings.ContainsRune(s, ' ') || hasControl(s) || !utf8.ValidString(s) {
		return Key{}, Refuse(IllegalKey, "message key %q: 1 to %d printable bytes without spaces are required", clip(s), MaxKey)
	}
	return Key{s}, nil
}

// String is the key, "" for none.
func (k Key) String() string { return k.s }

func isTenantByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '-'
}

func isNameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}

func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func hasControl(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return true
		}
	}
	return false
}

// clip keeps hostile input out of logs and answers beyond a glance.
func clip(s string) string {
	const glance = 48
	if len(s) <= glance {
		return s
	}
	return strings.ToValidUTF8(s[:glance], "") + "..."
}

// isSystemTopic knows the names that RocketMQ brokers keep for themselves; a topic of such a name could never move to one.
func isSystemTopic(s string) bool {
	switch s {
	case "TBW102", "SELF_TEST_TOPIC", "BenchmarkTest", "OFFSET_MOVED_EVENT", "SCHEDULE_TOPIC_XXXX", "DefaultCluster":
		return true
	}
	up := strings.ToUpper(s)
	return strings.HasPrefix(up, "RMQ_SYS_") || strings.HasPrefix(up, "TRANS_CHECK_MAX_TIME_TOPIC")
}

func isSystemGroup(s string) bool {
	return strings.HasPrefix(s, "CID_RMQ_SYS_") || strings.HasPrefix(s, "CID_ONSAPI_") || strings.HasPrefix(s, "CID_ONS-HTTP-PROXY") ||
		s == "DEFAULT_CONSUMER" || s == "TOOLS_CONSUMER" || s == "SCHEDULE_CONSUMER" || s == "FILTERSRV_CONSUMER" ||
		s == "__MONITOR_CONSUMER" || s == "SELF_TEST_C_GROUP"
}
