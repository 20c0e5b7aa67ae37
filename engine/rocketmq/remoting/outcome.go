// SPDX-License-Identifier: Apache-2.0

package remoting

import (
	"errors"
	"strconv"
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
	switch f.Code {
	case FlushDiskTimeout, FlushSlaveTimeout, SlaveNotAvailable:
		// The message is in the primary's log: whether it stays there is what nobody knows.
		return f.told(mq.Doubt(mq.Timeout, nil, "the broker cannot tell whether it is kept (it answers %d)", f.Code))
	case SystemError:
		if kind, ok := refusedSystemError(f.Remark); ok {
			return f.told(mq.Refuse(kind, "%s (the broker answers %d)", said(kind), f.Code))
		}
		return f.told(mq.Doubt(mq.Internal, nil, "the broker answers %d", f.Code))
	}
	if kind, ok := refusedKind(f.Code); ok {
		switch {
		case f.Code == MessageIllegal:
			kind = illegalMessage(f.Remark)
		case f.Code == ServiceNotAvailable && diskFull(f.Remark):
			kind = mq.StorageFull
		}
		return f.told(mq.Refuse(kind, "%s (the broker answers %d)", said(kind), f.Code))
	}
	return f.told(mq.Doubt(mq.Internal, nil, "the broker answers %d", f.Code))
}

// told keeps the broker's own words for the log: they speak of names and settings that are not the caller's.
func (f *Frame) told(e *mq.Error) error {
	why := strings.TrimSpace(f.Remark)
	if len(why) > 200 {
		why = strings.ToValidUTF8(why[:200], "") + "..."
	}
	if why == "" {
		return e
	}
	return e.Because(errors.New(why))
}

// said is what a caller hears of a refusal.
func said(kind mq.Kind) string {
	switch kind {
	case mq.TooManyRequests:
		return "the cluster is busy: come back later"
	case mq.StorageFull:
		return "the disk is full: the cluster has no room"
	case mq.Unsupported:
		return "the cluster does not do that"
	case mq.IllegalFilter:
		return "the cluster cannot read the filter"
	case mq.IllegalDeliveryTime:
		return "the delivery time is later than the cluster takes"
	case mq.BodyTooLarge:
		return "the message is larger than the cluster takes"
	case mq.Forbidden:
		return "the cluster does not allow it"
	case mq.TopicNotFound:
		return "the cluster does not have the topic"
	case mq.GroupNotFound:
		return "the cluster does not have the group"
	case mq.Unavailable:
		return "the cluster cannot take it now"
	}
	return "the cluster refuses it"
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

// fullFrom is the share of a disk from which brokers take no more messages: their diskSpaceWarningLevelRatio, which is no setting.
const fullFrom = 0.90

// diskFull tells whether a broker that takes no messages has no room. Its words name every reason there is; what tells them apart is how full it
// says that its disks are: "[CL:  0.96 CQ:  0.41 INDEX: -1.00]".
func diskFull(remark string) bool {
	_, shares, told := strings.Cut(remark, "disk is full [")
	shares, _, whole := strings.Cut(shares, "]")
	if !told || !whole {
		return false
	}
	for _, word := range strings.Fields(shares) {
		if share, err := strconv.ParseFloat(word, 64); err == nil && share >= fullFrom {
			return true
		}
	}
	return false
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
