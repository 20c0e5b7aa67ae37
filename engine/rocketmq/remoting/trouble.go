// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"fmt"

	"github.com/causeway-mq/causeway/mq"
)

// What goes wrong between this machine and an address is said in two parts. Who called hears of the cluster alone: he may be anybody's client, and addresses of brokers
// are nobody's business. The address and what it did are the cause, which is for the log. Every error of this package about an address is born here.

// unsent is a request that certainly did not reach the address.
func unsent(k mq.Kind, address, format string, args ...any) *mq.Error {
	told := "the cluster cannot be reached now"
	switch k {
	case mq.Timeout:
		told = "the cluster was not reached in the caller's time"
	case mq.TooManyRequests:
		told = said(k)
	}
	return mq.Refuse(k, "%s", told).Because(at(address, format, args...))
}

// unanswered is a request that may have been carried out.
func unanswered(k mq.Kind, address, format string, args ...any) *mq.Error {
	told := "the connection to the cluster ended before it answered"
	if k == mq.Timeout {
		told = "the cluster did not answer in time"
	}
	return mq.Doubt(k, at(address, format, args...), "%s", told)
}

func at(address, format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{address}, args...)...)
}
