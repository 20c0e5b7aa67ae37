// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"fmt"
	"strconv"
	"time"
)

// Remark is what there is to say about one setting of a broker.
type Remark struct {
	Setting string
	Bad     bool // something does not work at all; otherwise it is a choice that should be known
	Detail  string
	Fix     string
}

// Examine looks at a primary's settings (ParseConfig) as somebody does who knows what proxies and their clients need.
func Examine(settings map[string]string) []Remark {
	var all []Remark
	say := func(setting string, bad bool, detail, fix string) {
		all = append(all, Remark{setting, bad, detail, fix})
	}
	off := func(setting string) bool { return settings[setting] == "false" }
	if off("timerWheelEnable") {
		say("timerWheelEnable", true, "off: messages cannot be received through proxies, and not be delayed", "timerWheelEnable=true, then restart the broker")
	}
	if off("recallMessageEnable") {
		say("recallMessageEnable", false, "off: delayed messages cannot be recalled", "recallMessageEnable=true")
	}
	if off("enablePropertyFilter") {
		say("enablePropertyFilter", false, "off: clients of RocketMQ's own protocol cannot filter by SQL92; clients of proxies can", "enablePropertyFilter=true")
	}
	if settings["autoCreateTopicEnable"] == "true" {
		say("autoCreateTopicEnable", false, "on: a mistyped name makes a topic, on one broker only", "autoCreateTopicEnable=false")
	}
	if n, err := strconv.ParseInt(settings["timerMaxDelaySec"], 10, 64); err == nil && n < 86400 {
		say("timerMaxDelaySec", false, fmt.Sprintf("the longest delay is %v", time.Duration(n)*time.Second), "timerMaxDelaySec=259200 or more")
	}
	if settings["flushDiskType"] == "ASYNC_FLUSH" {
		say("flushDiskType", false, "ASYNC_FLUSH: a message is acknowledged before it is on disk", "flushDiskType=SYNC_FLUSH, or copies that are waited for")
	}
	return append(all, replicas(settings)...)
}

// mostSkew is how far a broker's clock may be from a proxy's before somebody should know.
const mostSkew = time.Second

// ExamineClock judges how far a broker's clock is before this machine's, negative behind it. Leases, delays and retention go by the broker's clock, signatures
// and the times that are shown by the proxy's.
func ExamineClock(ahead time.Duration) []Remark {
	if ahead.Abs() <= mostSkew {
		return nil
	}
	side := "ahead of"
	if ahead < 0 {
		side = "behind"
	}
	return []Remark{{"clock", ahead.Abs() > time.Minute, fmt.Sprintf("%v %s this machine's", ahead.Abs().Round(100*time.Millisecond), side), "synchronize the clocks (NTP) of brokers and proxies"}}
}

// replicas tells whether an acknowledgement waits for a copy. A synchronous primary with RocketMQ's own defaults waits for none.
func replicas(settings map[string]string) []Remark {
	least, err := strconv.Atoi(settings["inSyncReplicas"])
	if err != nil {
		return nil
	}
	switch role := settings["brokerRole"]; {
	case role == "ASYNC_MASTER":
		return []Remark{{"brokerRole", false, "ASYNC_MASTER: an acknowledged message may be on this machine alone", "brokerRole=SYNC_MASTER with inSyncReplicas=2"}}
	case role == "SYNC_MASTER" && least < 2 && settings["allAckInSyncStateSet"] != "true":
		return []Remark{{"inSyncReplicas", false, "SYNC_MASTER with inSyncReplicas=1 waits for no secondary: the primary itself counts", "inSyncReplicas=2"}}
	case settings["allAckInSyncStateSet"] == "true" && settings["minInSyncReplicas"] == "1":
		return []Remark{{"minInSyncReplicas", false, "the set that must acknowledge may shrink to the primary alone", "minInSyncReplicas=2, if writes should rather pause"}}
	}
	return nil
}
