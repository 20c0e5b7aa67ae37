// SPDX-License-Identifier: Apache-2.0

package routes

import (
	"fmt"

	"github.com/causeway-mq/causeway/mq"
)

// Who called knows a topic by another name than brokers do, and theirs is for the log: in refusals it is the cause.

// NoneTakes refuses a send.
func NoneTakes(topic mq.Physical) *mq.Error {
	return mq.Refuse(mq.Unavailable, "no queue of the topic takes messages now").Because(fmt.Errorf("topic %s", topic))
}

// Outside refuses an offset.
func Outside(q mq.QueueRef, to, lo, hi mq.Offset) error {
	return mq.Refuse(mq.IllegalOffset, "queue %d: offset %d lies outside %d to %d", q.Queue, to, lo, hi).Because(fmt.Errorf("%v", q))
}
