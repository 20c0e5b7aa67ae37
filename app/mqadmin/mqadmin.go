// SPDX-License-Identifier: Apache-2.0

// Package mqadmin writes command lines of RocketMQ's own tool, for what a proxy does not do: its clusters are made by their operators.
package mqadmin

import (
	"fmt"
	"strings"

	"github.com/causeway-mq/causeway/mq"
)

// Topic makes or changes a topic. brokers is their brokerClusterName.
func Topic(brokers string, t mq.Topic) string {
	kind := "MIXED"
	if types := t.Accepts.Types(); len(types) == 1 {
		kind = strings.ToUpper(types[0].String())
	}
	text := fmt.Sprintf("mqadmin updateTopic -n NAMESERVER -c %s -t '%s' -a +message.type=%s", brokers, t.Name, kind)
	if t.Queues > 0 {
		text += fmt.Sprintf(" -r %[1]d -w %[1]d", t.Queues)
	}
	if kind == "MIXED" {
		text += " (brokers take that with enableMixedMessageType=true)"
	}
	return text
}

// Group makes or changes a group.
func Group(brokers string, g mq.Group) string {
	text := fmt.Sprintf("mqadmin updateSubGroup -n NAMESERVER -c %s -g '%s' -r %d", brokers, g.Name, max(g.MaxAttempts-1, 0))
	if g.Ordered {
		text += " -o true"
	}
	return text
}

// Elsewhere says who does what is asked of a control plane at a path of its API, where there is a proxy alone. catalog is the proxy's file, "" without one.
func Elsewhere(path, brokers, catalog string) string {
	also := ""
	if catalog != "" {
		also = ", and named in the catalog file " + catalog
	}
	parts := append(strings.Split(strings.TrimPrefix(path, "/v1/"), "/"), "", "", "", "", "")
	switch noun, part := parts[2], parts[4]; {
	case parts[0] != "tenants":
	case part == "dead-letters":
		return "dead letters of a group are messages of the topic %DLQ%GROUP: causeway consume '%DLQ%GROUP' --group GROUP shows them"
	case noun == "messages" || part == "messages":
		return "messages are looked up on the brokers: mqadmin queryMsgByKey -n NAMESERVER -t TOPIC -k KEY"
	case noun == "topics":
		return "topics are made, changed and shown on the brokers" + also + ": mqadmin updateTopic -n NAMESERVER -c " + brokers + " -t NAME -a +message.type=NORMAL"
	case noun == "groups" && part == "progress":
		return "/metrics of this port has what each group has left that consumes here: rocketmq_consumer_ready_messages{consumer_group=\"NAME\"}; of a group of RocketMQ 4 clients, which consume at the " +
			"brokers, mqadmin consumerProgress -n NAMESERVER -g NAME tells (it knows no group of RocketMQ 5 clients)"
	case noun == "groups" && part == "reset":
		return "groups are moved on the brokers: mqadmin resetOffsetByTime -n NAMESERVER -g NAME -t TOPIC -s TIME"
	case noun == "groups":
		return "groups are made, changed and shown on the brokers" + also + ": mqadmin updateSubGroup -n NAMESERVER -c " + brokers + " -g NAME"
	case noun == "apps" && catalog != "":
		return "applications and their keys stand in the catalog file " + catalog
	case noun == "apps":
		return "who calls is a user of the cluster (--authentication): mqadmin createUser -n NAMESERVER -c " + brokers + " -u NAME -p SECRET"
	case catalog != "":
		return "tenants stand in the catalog file " + catalog
	default:
		return "without a catalog file there is one tenant, default"
	}
	return "it serves /healthz, /readyz, /metrics, /clients and /v1/doctor"
}
