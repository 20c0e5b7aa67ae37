// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/kept"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// FindTopic asks for one topic: TopicNotFound when there is none. Where Options.OnDemand is set and the brokers make topics with the first
// message, a topic that is not there yet is described as it would be made.
func (e *Engine) FindTopic(ctx context.Context, name mq.Physical) (mq.TopicSpec, error) {
	spec := mq.TopicSpec{Name: name, Cluster: e.opts.Cluster, Accepts: mq.AcceptsOf(mq.Normal)}
	r, err := e.routes.LookUp(ctx, name)
	if err != nil {
		return spec, err
	}
	spec.Queues = len(r.Writable)
	var failed error
	for broker := range r.Brokers() {
		f, err := e.call(ctx, r, broker, remoting.Request{Code: remoting.TopicConfig, Header: &admin.ByTopic{Topic: name.String()}})
		if mq.KindOf(err) == mq.TopicNotFound && r.OnDemand {
			return spec, nil
		}
		if err != nil {
			failed = mq.During("broker "+broker, err)
			continue
		}
		t, err := admin.ParseTopic(f.Body)
		f.Release()
		if err != nil {
			return spec, mq.Refuse(mq.Internal, "configuration of topic %s: %v", name, err)
		}
		spec.Accepts = kept.AcceptsOf(t.Attributes[admin.TypeAttribute])
		return spec, nil
	}
	return spec, failed
}

// FindGroup asks one primary after the other for one group: GroupNotFound when none has it. Brokers that make groups on demand make it now.
func (e *Engine) FindGroup(ctx context.Context, name mq.Physical) (mq.GroupSpec, error) {
	primaries, err := e.primaries(ctx)
	if err != nil {
		return mq.GroupSpec{}, err
	}
	var failed error = mq.Refuse(mq.Unavailable, "no primary is registered")
	for broker := range primaries.Addresses {
		f, err := e.call(ctx, primaries, broker, remoting.Request{Code: remoting.GroupConfig, Header: &admin.ByGroup{Group: name.String()}})
		if err != nil {
			failed = mq.During("broker "+broker, err)
			continue
		}
		g, err := admin.ParseGroup(f.Body)
		f.Release()
		if err != nil {
			return mq.GroupSpec{}, mq.Refuse(mq.Internal, "configuration of group %s: %v", name, err)
		}
		return kept.GroupSpec(e.opts.Cluster, name, g), nil
	}
	return mq.GroupSpec{}, failed
}
