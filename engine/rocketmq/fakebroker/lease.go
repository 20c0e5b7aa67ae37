// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
)

// leaseKey is one delivered message: the topic is the real one, which may be a retry topic.
type leaseKey struct {
	place
	offset int64
	popped int64 // millis: a later delivery of the same message is another lease
}

// lease is a checkpoint of one message that is not acknowledged.
type lease struct {
	topic   string // of the subscription
	message *stored.Message
	timer   stopper
}

// leaseLocked hides a message until a time, then gives it to the group's retry topic.
func (b *broker) leaseLocked(key leaseKey, topic string, m *stored.Message, hide time.Duration) {
	x := &lease{topic: topic, message: m}
	b.leases[key] = x
	x.timer = b.after(hide, func() {
		if b.leases[key] == x {
			delete(b.leases, key)
			b.reviveLocked(key, x)
		}
	})
}

// releaseLocked ends a lease; false: it is not live, which a broker does not mind.
func (b *broker) releaseLocked(key leaseKey) (*lease, bool) {
	x, ok := b.leases[key]
	if ok {
		x.timer.Stop()
		delete(b.leases, key)
	}
	return x, ok
}

func (b *broker) reviveLocked(key leaseKey, x *lease) {
	name := request.RetryTopicV1(x.topic, key.group)
	if b.cluster.opts.RetryV2 {
		name = request.RetryTopicV2(x.topic, key.group)
	}
	if b.topics[name] == nil {
		b.putTopicLocked(admin.Topic{Name: name, Read: 1, Write: 1, Permission: admin.ReadWrite})
	}
	m := *x.message
	m.Topic, m.Queue, m.Reconsumed = name, 0, m.Reconsumed+1
	if m.Properties.Get(stored.FirstPopMillis) == "" {
		m.Properties = m.Properties.With(stored.FirstPopMillis, strconv.FormatInt(key.popped, 10))
	}
	m.Properties = m.Properties.With(stored.OriginGroup, key.group)
	if m.Properties.Get(stored.OriginMessageID) == "" {
		m.Properties = m.Properties.With(stored.OriginMessageID, b.placeID(x.message.Physical))
	}
	b.storeLocked(m)
}

// order is what a broker knows about an orderly group in one queue: one run of messages, which blocks the queue.
type order struct {
	attempt string
	popped  int64 // millis; acknowledgements must carry it
	hide    time.Duration
	offsets []int64
	acked   map[int64]bool
	visible map[int64]time.Time // set by a changed invisible time
	counts  map[int64]int32     // deliveries before
	timer   stopper
}

// blocks tells whether the run keeps others away, and until when.
func (o *order) blocks(attempt string, now time.Time) (until time.Time, blocked bool) {
	if o == nil || o.attempt != "" && o.attempt == attempt {
		return time.Time{}, false
	}
	for _, offset := range o.offsets {
		if v := o.shows(offset); !o.acked[offset] && now.Before(v) {
			blocked = true
			if v.After(until) {
				until = v
			}
		}
	}
	return until, blocked
}

func (o *order) shows(offset int64) time.Time {
	if v, ok := o.visible[offset]; ok {
		return v
	}
	return time.UnixMilli(o.popped).Add(o.hide)
}

// next is where the queue goes on: the first message of the run that is not acknowledged, or behind it.
func (o *order) next() int64 {
	for _, offset := range o.offsets {
		if !o.acked[offset] {
			return offset
		}
	}
	return o.offsets[len(o.offsets)-1] + 1
}

func (o *order) has(offset int64) bool {
	for _, x := range o.offsets {
		if x == offset {
			return true
		}
	}
	return false
}
