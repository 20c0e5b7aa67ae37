// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"fmt"
	"strings"

	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
)

// ParseRuntime reads the answer to BrokerRuntime: figures by name, as text.
func ParseRuntime(body []byte) (map[string]string, error) {
	v, err := fastjson.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: runtime: %w", ErrAnswer, err)
	}
	all := map[string]string{}
	for name, value := range v.Get("table").Members() {
		all[name.String()] = value.String()
	}
	return all, nil
}

// ParseConfig reads the answer to GetBrokerConfig: Java properties, one a line.
func ParseConfig(body []byte) map[string]string {
	all := map[string]string{}
	for line := range strings.SplitSeq(string(body), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		if name, value, ok := strings.Cut(line, "="); ok {
			all[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return all
}

// AppendConfig appends settings as the body of UpdateBrokerConfig. Keys that a broker does not know are passed over by it in silence.
func AppendConfig(b []byte, settings map[string]string) []byte {
	for name, value := range settings {
		b = append(append(append(append(b, name...), '='), value...), '\n')
	}
	return b
}

// IsSystemTopic tells whether brokers keep the topic for themselves, as opposed to one that somebody made.
func IsSystemTopic(name string) bool {
	switch name {
	case "TBW102", "SELF_TEST_TOPIC", "BenchmarkTest", "OFFSET_MOVED_EVENT", "SCHEDULE_TOPIC_XXXX", "DefaultHeartBeatSyncerTopic", "TRANS_CHECK_MAX_TIME_TOPIC":
		return true
	}
	return strings.HasPrefix(name, "RMQ_SYS_") || strings.HasPrefix(name, "rmq_sys_") || strings.HasPrefix(name, "%SYS%") || strings.HasSuffix(name, "_REPLY_TOPIC")
}
