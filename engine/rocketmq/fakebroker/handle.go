// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"fmt"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

func fail(code remoting.Code, format string, args ...any) *remoting.Frame {
	return &remoting.Frame{Code: code, Remark: fmt.Sprintf(format, args...)}
}

func done(h remoting.Header) *remoting.Frame {
	f := &remoting.Frame{}
	if h != nil {
		f.Put(h)
	}
	return f
}

// malformed is how a broker takes a header that lacks something.
func malformed(err error) *remoting.Frame {
	return fail(remoting.SystemError, "RemotingCommandException, %v", err)
}

// handleLocked does what a request asks. nil: no answer, or one that comes later.
func (c *Cluster) handleLocked(r *call) *remoting.Frame {
	b := r.conn.node.broker
	if b == nil {
		switch r.frame.Code {
		case remoting.TopicRoute:
			return c.topicRoute(r)
		case remoting.ClusterInfo:
			return c.clusterInfo()
		case remoting.AllTopics:
			return c.allTopics()
		case remoting.DeleteTopicInNamesrv:
			return done(nil)
		}
		return fail(remoting.NotSupported, " request type %d not supported", r.frame.Code)
	}
	if r.conn.node.replaced {
		if f, ok := b.secondary(r); ok {
			return f
		}
	}
	if f, ok := b.messages(r); ok {
		return f
	}
	if f, ok := b.tables(r); ok {
		return f
	}
	if f, ok := b.keep(r); ok {
		return f
	}
	return fail(remoting.NotSupported, " request type %d not supported", r.frame.Code)
}

// messages handles what moves messages.
func (b *broker) messages(r *call) (f *remoting.Frame, ok bool) {
	switch r.frame.Code {
	case remoting.SendMessage:
		return b.send(r), true
	case remoting.SendBatch:
		return b.sendBatch(r), true
	case remoting.PopMessage:
		return b.pop(r), true
	case remoting.AckMessage:
		return b.ack(r), true
	case remoting.BatchAck:
		return b.batchAck(r), true
	case remoting.ChangeInvisible:
		return b.changeInvisible(r), true
	case remoting.Notification:
		return b.notification(r), true
	case remoting.EndTransaction:
		return b.endTransaction(r), true
	case remoting.HeartBeat:
		return b.heartBeat(r), true
	case remoting.UnregisterClient:
		return b.unregister(r), true
	case remoting.RecallMessage:
		return b.recall(r), true
	case remoting.PullMessage:
		return b.pull(r), true
	case remoting.QueryMessage:
		return b.query(r), true
	case remoting.ViewMessage:
		return b.view(r), true
	}
	return nil, false
}

// tables handles what looks at queues, topics and groups.
func (b *broker) tables(r *call) (f *remoting.Frame, ok bool) {
	switch r.frame.Code {
	case remoting.QueryConsumerOffset:
		return b.queryOffset(r), true
	case remoting.UpdateConsumerOffset:
		return b.updateOffset(r), true
	case remoting.SearchOffset:
		return b.searchOffset(r), true
	case remoting.MaxOffset:
		return b.maxOffset(r), true
	case remoting.MinOffset:
		return b.minOffset(r), true
	case remoting.EarliestStoreTime:
		return b.earliest(r), true
	case remoting.CreateTopic:
		return b.createTopic(r), true
	case remoting.TopicConfig:
		return b.topicConfig(r), true
	case remoting.DeleteTopic:
		return b.deleteTopic(r), true
	case remoting.CreateGroup:
		return b.createGroup(r), true
	case remoting.GroupConfig:
		return b.groupConfig(r), true
	case remoting.DeleteGroup:
		return b.deleteGroup(r), true
	case remoting.AllTopicConfigs:
		return b.allTopicConfigs(r), true
	case remoting.AllGroupConfigs:
		return b.allGroupConfigs(r), true
	case remoting.TopicStats:
		return b.topicStats(r), true
	case remoting.ConsumeStats:
		return b.consumeStats(r), true
	case remoting.ResetOffset:
		return b.resetOffset(r), true
	case remoting.ConsumedTopics:
		return b.consumedTopics(r), true
	case remoting.TopicConsumers:
		return b.topicConsumers(r), true
	case remoting.BrokerRuntime:
		return b.runtime(), true
	case remoting.GetBrokerConfig:
		return b.config(), true
	}
	return nil, false
}
