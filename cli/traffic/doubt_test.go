// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/v2client"
)

func TestASendWithoutAnAnswerSaysThatTheMessageMayBeStored(t *testing.T) {
	const says = "may be stored all the same"
	for _, err := range []error{fmt.Errorf("send: %w", context.DeadlineExceeded), &v2client.Refused{Code: v2.Code_PROXY_TIMEOUT}} {
		for done, code := range map[int]int{0: call.ExitTimeout, 2: call.ExitPartial} {
			if f := call.Classify(partly(done, doubtful(err))); f.Code != code || !strings.Contains(f.Next, says) {
				t.Errorf("%v after %d: %d, %q", err, done, f.Code, f.Next)
			}
		}
	}
	for _, err := range []error{errors.New("no"), context.Canceled, &v2client.Refused{Code: v2.Code_TOPIC_NOT_FOUND}} {
		if f := call.Classify(doubtful(err)); strings.Contains(f.Next, says) {
			t.Errorf("%v: %q", err, f.Next)
		}
	}
}
