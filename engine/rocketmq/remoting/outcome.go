// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"strings"

	"github.com/causeway-mq/causeway/mq"
)

// Busy is why a broker is busy. All five causes mean: nothing was done, come back after a pause.
type Busy uint8

// The causes, told apart by the words with which a broker says that it is busy.
const (
	NotBusy       Busy = iota
	Rejecting          // the processor refuses before queuing: page cache busy, or no transient buffer
	CacheDrained       // the commit log's lock was held too long: the queue of sends was emptied
	CacheBusy          // the page cache was found busy at the moment of the write
	WaitedTooLong      // the request waited in the broker's queue beyond its limit
	QueueFull          // the broker's queue is full
	BusyOtherwise
)

// String names the cause as the metrics do.
func (b Busy) String() string {
	switch b {
	case NotBusy:
		return "none"
	case Rejecting:
		return "reject_request"
	case CacheDrained:
		return "page_cache_drained"
	case CacheBusy:
		return "page_cache_busy"
	case WaitedTooLong:
		return "queue_timeout"
	case QueueFull:
		return "overload"
	}
	return "other"
}

// BusyCause tells why a broker is busy, NotBusy if the answer says nothing of the kind.
func (f *Frame) BusyCause() Busy {
	if f.Code != SystemBusy && f.Code != FlowControl {
		return NotBusy
	}
	for _, c := range []struct {
		tag   string
		cause Busy
	}{
		{"[REJECTREQUEST]", Rejecting}, {"[PCBUSY_CLEAN_QUEUE]", CacheDrained}, {"[PC_SYNCHRONIZED]", CacheBusy},
		{"[TIMEOUT_CLEAN_QUEUE]", WaitedTooLong}, {"[OVERLOAD]", QueueFull},
	} {
		if strings.Contains(f.Remark, c.tag) {
			return c.cause
		}
	}
	return BusyOtherwise
}

// Err is nil for Success, otherwise an *mq.Error that says whether the request was certainly not carried out (refused) or perhaps
// was (unknown). Codes that are no failure for their request (nothing found, poll over) are the caller's to look at first.
func (f *Frame) Err() error {
	if f.Code == Success {
		return nil
	}
	why := f.Remark
	if len(why) > 200 {
		why = strings.ToValidUTF8(why[:200], "") + "..."
	}
	switch f.Code {
	case FlushDiskTimeout, FlushSlaveTimeout, SlaveNotAvailable:
		// The message is in the primary's log: whether it stays there is what nobody knows.
		return mq.Doubt(mq.Timeout, nil, "broker answers %d: %s", f.Code, why)
	case SystemError:
		if kind, ok := refusedSystemError(f.Remark); ok {
			return mq.Refuse(kind, "broker answers %d: %s", f.Code, why)
		}
		return mq.Doubt(mq.Internal, nil, "broker answers %d: %s", f.Code, why)
	}
	if kind, ok := refusedKind(f.Code); ok {
		if f.Code == MessageIllegal {
			kind = illegalMessage(f.Remark)
		}
		return mq.Refuse(kind, "broker answers %d: %s", f.Code, why)
	}
	return mq.Doubt(mq.Internal, nil, "broker answers %d: %s", f.Code, why)
}

// refusedKind knows the codes with which nothing was done.
func refusedKind(c Code) (mq.Kind, bool) {
	switch c {
	case SystemBusy, FlowControl, PollingFull:
		return mq.TooManyRequests, true
	case NotSupported, VersionNotSupported:
		return mq.Unsupported, true
	case MessageIllegal, InvalidParameter:
		return mq.BadRequest, true
	case SubscriptionParse:
		return mq.IllegalFilter, true
	case ServiceNotAvailable, NotLeaderForQueue, GoAway, BrokerNotExist:
		return mq.Unavailable, true
	case NoPermission:
		return mq.Forbidden, true
	case TopicNotExist:
		return mq.TopicNotFound, true
	case GroupNotExist, SubscriptionNotExist:
		return mq.GroupNotFound, true
	case TopicExistAlready, IllegalOperation, TransactionFailed, SubscriptionNotLast:
		return mq.Conflict, true
	case PullNotFound, PullRetryImmediately, PollingTimeout, QueryNotFound, NoMessage:
		return mq.MessageNotFound, true
	case PullOffsetMoved:
		return mq.IllegalOffset, true
	case UserNotExist, PolicyNotExist, ConsumerNotOnline:
		return mq.NotFound, true
	}
	return 0, false
}

// refusedSystemError knows, by their words, the general errors that brokers give before anything is written.
func refusedSystemError(remark string) (mq.Kind, bool) {
	r := strings.ToLower(remark)
	for _, x := range []struct {
		words string
		kind  mq.Kind
	}{
		{"in-sync replicas not enough", mq.Unavailable}, {"create mapped file failed", mq.Unavailable}, {"unable to service", mq.Unavailable},
		{"no master available", mq.Unavailable}, {"under flow control", mq.TooManyRequests}, {"timer message is not enabled", mq.Unsupported},
		{"timerwheelenable", mq.Unsupported}, {"] not exist", mq.TopicNotFound}, {"by the offset", mq.MessageNotFound},
		{"by offset failed", mq.MessageNotFound}, {"remotingcommandexception", mq.BadRequest},
	} {
		if strings.Contains(r, x.words) {
			return x.kind, true
		}
	}
	return 0, false
}

// illegalMessage tells apart by their words what brokers answer with one code.
func illegalMessage(remark string) mq.Kind {
	switch {
	case strings.Contains(remark, "timer message illegal"):
		return mq.IllegalDeliveryTime
	case strings.Contains(remark, "body length limit"), strings.Contains(remark, "msg body must be less"):
		return mq.BodyTooLarge
	}
	return mq.BadRequest
}
