// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/engine/rocketmq/stored"
)

const (
	halfTopic = "RMQ_SYS_TRANS_HALF_TOPIC"
	maxPop    = 32
	logBytes  = 256 << 10 // what one read of a queue gives at most
)

// broker is one primary.
type broker struct {
	cluster *Cluster
	name    string
	address netip.AddrPort

	topics   map[string]*topic
	unknown  map[string]*topic // that this copy had not heard of when it took over: their messages are in its log
	groups   map[string]admin.Group
	users    map[string]admin.User
	acls     map[string][]admin.Entry  // by subject
	log      map[int64]*stored.Message // by physical offset
	end      int64                     // of the log
	progress map[place]*progress
	leases   map[leaseKey]*lease
	changed  map[leaseKey]int         // changes that fell into the millisecond of their lease
	timers   map[string]*timerMessage // by unique key
	halves   map[int64]*half          // unsettled ones, by offset in halfTopic
	parked   map[string][]*poll       // by topic: the subscription's, not the retry topic
	random   *rand.Rand
}

type topic struct {
	config admin.Topic
	queues []*queue
}

type queue struct{ messages []*stored.Message } // the index is the offset

// place is a group's view of one queue.
type place struct {
	group, topic string
	queue        int32
}

// toolsGroup is there on every broker from its start.
const toolsGroup = "TOOLS_CONSUMER"

func newBroker(c *Cluster, name string, address netip.AddrPort) *broker {
	b := &broker{
		cluster: c, name: name, address: address, topics: map[string]*topic{}, unknown: map[string]*topic{}, groups: map[string]admin.Group{toolsGroup: admin.NewGroup(toolsGroup)}, users: map[string]admin.User{}, acls: map[string][]admin.Entry{}, log: map[int64]*stored.Message{},
		progress: map[place]*progress{}, leases: map[leaseKey]*lease{}, changed: map[leaseKey]int{}, timers: map[string]*timerMessage{}, halves: map[int64]*half{},
		parked: map[string][]*poll{}, random: rand.New(rand.NewPCG(1, uint64(address.Port())+uint64(len(name)))),
	}
	b.putTopicLocked(admin.Topic{Name: halfTopic, Read: 1, Write: 1, Permission: admin.ReadWrite})
	return b
}

func (b *broker) describe() request.Broker {
	return request.Broker{Cluster: b.cluster.opts.Name, Name: b.name, Addresses: map[int64]string{request.PrimaryID: b.address.String()}}
}

func (b *broker) now() time.Time { return b.cluster.clock.Now() }

// after runs do under the lock when d has passed, while the broker is up. What falls due while it is down or frozen is put off by a second
// at a time.
func (b *broker) after(d time.Duration, do func()) stopper {
	return b.cluster.clock.AfterFunc(d, func() {
		c := b.cluster
		c.mu.Lock()
		defer c.mu.Unlock()
		if n := c.nodes[b.address.String()]; n.down || n.frozen {
			b.after(time.Second, do)
			return
		}
		do()
	})
}

type stopper interface{ Stop() bool }

func (b *broker) putTopicLocked(t admin.Topic) *topic {
	x := b.topics[t.Name]
	if x == nil {
		if x = b.unknown[t.Name]; x == nil {
			x = &topic{}
		}
		delete(b.unknown, t.Name)
		b.topics[t.Name] = x
	}
	x.config = t
	for len(x.queues) < int(max(t.Read, t.Write)) {
		x.queues = append(x.queues, &queue{})
	}
	return x
}

// writable finds a topic to send to.
func (b *broker) writable(name string, queues int32) (*topic, *remoting.Frame) {
	t := b.topics[name]
	if t == nil && b.cluster.opts.AutoTopic {
		t = b.putTopicLocked(admin.Topic{Name: name, Read: max(queues, 1), Write: max(queues, 1), Permission: admin.ReadWrite})
	}
	if t == nil {
		return nil, fail(remoting.TopicNotExist, "topic[%s] not exist, apply first please!", name)
	}
	if t.config.Permission&request.MayWrite == 0 {
		return nil, fail(remoting.NoPermission, "Sending message to topic[%s] is forbidden.", name)
	}
	return t, nil
}

// readable finds a topic and a group to consume with.
func (b *broker) readable(name, group string) (*topic, admin.Group, *remoting.Frame) {
	t := b.topics[name]
	if t == nil {
		return nil, admin.Group{}, fail(remoting.TopicNotExist, "topic[%s] not exist, apply first please!", name)
	}
	if t.config.Permission&request.MayRead == 0 {
		return nil, admin.Group{}, fail(remoting.NoPermission, "the topic[%s] peeking message is forbidden", name)
	}
	g, ok := b.groups[group]
	if !ok {
		if b.cluster.opts.NoAutoGroup {
			return nil, g, fail(remoting.GroupNotExist, "subscription group [%s] does not exist", group)
		}
		g = admin.NewGroup(group)
		b.groups[group] = g
	}
	if !g.Consume {
		return nil, g, fail(remoting.NoPermission, "subscription group no permission, %s", group)
	}
	return t, g, nil
}

// storeLocked appends a message to its queue and wakes who waits for it.
func (b *broker) storeLocked(m stored.Message) *stored.Message {
	t := b.topics[m.Topic]
	if t == nil || int(m.Queue) >= len(t.queues) { // the topic was deleted while the message waited
		return &m
	}
	q := t.queues[m.Queue]
	m.Offset, m.Physical, m.Stored, m.StoreHost = int64(len(q.messages)), b.end, b.now(), b.address
	if n := len(q.messages); n > 0 && m.Stored.Before(q.messages[n-1].Stored) {
		m.Stored = q.messages[n-1].Stored
	}
	kept := &m
	q.messages = append(q.messages, kept)
	b.log[m.Physical] = kept
	b.end += int64(len(stored.Append(nil, kept)))
	b.wakeLocked(m.Topic)
	return kept
}

func (b *broker) placeID(physical int64) string {
	return stored.Place{Host: b.address, Physical: physical}.String()
}

// queueAt finds a queue.
func (b *broker) queueAt(topic string, id int32) (*queue, *remoting.Frame) {
	t := b.topics[topic]
	if t == nil {
		return nil, fail(remoting.TopicNotExist, "topic[%s] not exist", topic)
	}
	if id < 0 || int(id) >= len(t.queues) {
		return nil, fail(remoting.InvalidParameter, "queueId[%d] is illegal, topic:[%s] topicConfig.readQueueNums:[%d]", id, topic, len(t.queues))
	}
	return t.queues[id], nil
}

// forgetLocked drops what a connection that ended waited for.
func (b *broker) forgetLocked(x *conn) {
	for name, polls := range b.parked {
		kept := polls[:0]
		for _, p := range polls {
			if p.call.conn == x {
				p.timer.Stop()
				continue
			}
			kept = append(kept, p)
		}
		b.parked[name] = kept
	}
}

func (b *broker) String() string { return fmt.Sprintf("%s at %s", b.name, b.address) }
