// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"strconv"

	"github.com/causeway-mq/causeway/engine/rocketmq/fastjson"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// runtime is request 28, with the few figures that tests look at.
func (b *broker) runtime() *remoting.Frame {
	body := fastjson.AppendString([]byte(`{"table":{"brokerVersionDesc":"V5_5_0","commitLogDiskRatio":"0.1","commitLogMaxOffset":`), strconv.FormatInt(b.end, 10))
	return &remoting.Frame{Body: append(body, "}}"...)}
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }
