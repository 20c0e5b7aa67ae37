// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// config is request 26.
func (b *broker) config() *remoting.Frame {
	recall := "true"
	if b.cluster.opts.NoRecall {
		recall = "false"
	}
	return &remoting.Frame{Body: admin.AppendConfig(nil, map[string]string{
		"brokerName": b.name, "recallMessageEnable": recall, "timerWheelEnable": "true", "enablePropertyFilter": "true",
		"timerMaxDelaySec": string(appendInt(nil, int64(b.cluster.opts.MaxDelay.Seconds()))),
	})}
}
