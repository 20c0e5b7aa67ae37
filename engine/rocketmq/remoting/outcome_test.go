// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

// What an answer means, by its code and, where brokers use one code for several things, by the words that they write. Unknown is never turned into a
// refusal: a message that may be stored must not be sent again as if it were not.
func TestWhatAnswersMean(t *testing.T) {
	const (
		refused = mq.Refused
		unknown = mq.Unknown
	)
	full := "service not available now. It may be caused by one of the following reasons: the broker's disk is full [CL:  0.96 CQ:  0.41 INDEX: -1.00], " +
		"messages are put to the slave, message store has been shut down, etc."
	roomy := "service not available now. It may be caused by one of the following reasons: the broker's disk is full [CL:  0.41 CQ:  0.41 INDEX: -1.00], " +
		"messages are put to the slave, message store has been shut down, etc."
	for _, c := range []struct {
		code    Code
		remark  string
		kind    mq.Kind
		outcome mq.Result
	}{
		// Stored on the primary, and perhaps nowhere else: nobody knows.
		{FlushDiskTimeout, "", mq.Timeout, unknown},
		{FlushSlaveTimeout, "", mq.Timeout, unknown},
		{SlaveNotAvailable, "", mq.Timeout, unknown},
		// A general error is unknown, but for the words that are written before anything is stored.
		{SystemError, "java.lang.NullPointerException", mq.Internal, unknown},
		{SystemError, "In-sync replicas not enough", mq.Unavailable, refused},
		{SystemError, "create mapped file failed, server is busy or broken.", mq.Unavailable, refused},
		{SystemError, "timer message is under flow control, max num limit is 100", mq.TooManyRequests, refused},
		{SystemError, "accurate timer message is not enabled, timerWheelEnable is false", mq.Unsupported, refused},
		{SystemError, "topic[x] not exist, apply first please!", mq.TopicNotFound, refused},
		{SystemError, "RemotingCommandException, the custom field <a> is null", mq.BadRequest, refused},
		// Busy, of whatever cause: nothing was done, come back after a pause.
		{SystemBusy, "[REJECTREQUEST]system busy, start flow control for a while", mq.TooManyRequests, refused},
		{SystemBusy, "[PCBUSY_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 3ms, size of queue: 9", mq.TooManyRequests, refused},
		{SystemBusy, "[PC_SYNCHRONIZED]broker busy, start flow control for a while", mq.TooManyRequests, refused},
		{SystemBusy, "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 211ms, size of queue: 0", mq.TooManyRequests, refused},
		{SystemBusy, "[OVERLOAD]system busy, start flow control for a while", mq.TooManyRequests, refused},
		{SystemBusy, "no words that are known", mq.TooManyRequests, refused},
		{FlowControl, "", mq.TooManyRequests, refused},
		{PollingFull, "", mq.TooManyRequests, refused},
		// Not writable: another broker may take it; a full disk is told from the rest by its shares.
		{ServiceNotAvailable, full, mq.StorageFull, refused},
		{ServiceNotAvailable, roomy, mq.Unavailable, refused},
		{ServiceNotAvailable, "", mq.Unavailable, refused},
		{NotLeaderForQueue, "", mq.Unavailable, refused},
		{GoAway, "", mq.Unavailable, refused},
		// What somebody asked for is wrong, not there, or not his.
		{NoPermission, "the broker[127.0.0.1] sending message is forbidden", mq.Forbidden, refused},
		{TopicNotExist, "", mq.TopicNotFound, refused},
		{GroupNotExist, "", mq.GroupNotFound, refused},
		{SubscriptionNotExist, "", mq.GroupNotFound, refused},
		{MessageIllegal, "timer message illegal, the delay time should not be bigger than the max delay 259200s; or if set del msg", mq.IllegalDeliveryTime, refused},
		{MessageIllegal, "the message is illegal, maybe msg body or properties length not matched. msg body length limit B", mq.BodyTooLarge, refused},
		{MessageIllegal, "else", mq.BadRequest, refused},
		{SubscriptionParse, "", mq.IllegalFilter, refused},
		{NotSupported, "", mq.Unsupported, refused},
		// A code that nobody knows may mean anything.
		{Code(9999), "", mq.Internal, unknown},
	} {
		err := (&Frame{Code: c.code, Remark: c.remark}).Err()
		if mq.KindOf(err) != c.kind || mq.Outcome(err) != c.outcome {
			t.Errorf("%d %q: %v, outcome %v; want %v, %v", c.code, c.remark, mq.KindOf(err), mq.Outcome(err), c.kind, c.outcome)
		}
	}
	if err := (&Frame{Code: Success}).Err(); err != nil {
		t.Error(err)
	}
}

// What a broker writes names topics, addresses and pages that are not the caller's; the log has it.
func TestABrokersWordsAreACauseAndNoDetail(t *testing.T) {
	for _, code := range []Code{SystemError, TopicNotExist, FlushDiskTimeout, SystemBusy, Code(9999)} {
		err := (&Frame{Code: code, Remark: "No topic route info: pay%orders, see https://example.org"}).Err()
		var e *mq.Error
		if !errors.As(err, &e) || strings.Contains(e.Detail, "pay%") || !strings.Contains(e.Detail, strconv.Itoa(int(code))) || !strings.Contains(err.Error(), "pay%orders") {
			t.Errorf("%d: detail %q, in full %v", code, e.Detail, err)
		}
	}
}

func TestTheCausesOfABusyBroker(t *testing.T) {
	for remark, want := range map[string]Busy{
		"[REJECTREQUEST]system busy": Rejecting, "[PCBUSY_CLEAN_QUEUE]broker busy": CacheDrained, "[PC_SYNCHRONIZED]broker busy": CacheBusy,
		"[TIMEOUT_CLEAN_QUEUE]broker busy": WaitedTooLong, "[OVERLOAD]system busy": QueueFull, "busy": BusyOtherwise,
	} {
		if got := (&Frame{Code: SystemBusy, Remark: remark}).BusyCause(); got != want {
			t.Errorf("%q: %v", remark, got)
		}
	}
	if got := (&Frame{Code: SystemError, Remark: "[OVERLOAD]"}).BusyCause(); got != NotBusy {
		t.Errorf("an answer that is not about that: %v", got)
	}
}
