// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
)

// SyncLiteSubscription is refused: there are no lite topics here.
func (d *Door) SyncLiteSubscription(ctx context.Context, c Caller, _ *v2.SyncLiteSubscriptionRequest) *v2.SyncLiteSubscriptionResponse {
	return &v2.SyncLiteSubscriptionResponse{Status: d.status(&c, SyncLiteSubscription, liteRefused())}
}

func liteRefused() error { return mq.Refuse(mq.Unsupported, "lite topics are not supported") }

// notLite refuses a call that names a lite topic: to settle something else than the caller means would be worse.
func notLite(topic string) error {
	if topic != "" {
		return liteRefused()
	}
	return nil
}
