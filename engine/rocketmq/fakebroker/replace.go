// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/engine/rocketmq/request"
)

// Replace makes another copy the primary of a broker name, as a controller does, and gives its address. The copy has all that was stored. The old
// node goes on as a secondary, what is parked there stays parked, and its connections stay: it was frozen, or cut off, when its time was over. Of topics in unknown the copy has not heard yet.
func (c *Cluster) Replace(name string, unknown ...string) (address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, b := range c.brokers {
		if b.name != name {
			continue
		}
		c.nodes[b.address.String()].replaced = true
		for _, topic := range unknown {
			b.unknown[topic] = b.topics[topic]
			delete(b.topics, topic)
		}
		b.address = netip.MustParseAddrPort(fmt.Sprintf("10.0.2.%d:%d", i+1, len(c.order)))
		c.addNode(b.address.String(), b)
		return b.address.String()
	}
	return ""
}

// secondary is how a secondary answers to what it does not do. An acknowledgement is answered as if it had worked, and is lost.
func (b *broker) secondary(r *call) (f *remoting.Frame, ok bool) {
	switch r.frame.Code {
	case remoting.SendMessage, remoting.SendBatch:
		return fail(remoting.SystemBusy, "[REJECTREQUEST]system busy, start flow control for a while"), true
	case remoting.EndTransaction:
		return fail(remoting.SlaveNotAvailable, ""), true
	case remoting.AckMessage, remoting.BatchAck:
		return done(nil), true
	case remoting.PopMessage:
		h := &request.Pop{}
		if err := r.frame.Into(h); err != nil {
			return malformed(err), true
		}
		if h.PollMillis <= 0 {
			return fail(remoting.PullNotFound, "no message"), true
		}
		return b.park(h.Topic, &poll{call: r, group: h.Group, pop: h}, time.Duration(h.PollMillis)*time.Millisecond), true
	}
	return nil, false
}
