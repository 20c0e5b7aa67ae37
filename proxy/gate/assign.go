// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"errors"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// QueryAssignment says what a push consumer polls. An ordinary group polls each broker once, whatever queue has messages
// (queue id -1). An ordered group polls each queue by itself, so that one busy queue does not hold the others back; every
// member gets all queues, since order is kept by leases, not by who polls.
func (d *Door) QueryAssignment(ctx context.Context, c Caller, req *v2.QueryAssignmentRequest) *v2.QueryAssignmentResponse {
	assignments, err := d.queryAssignment(ctx, &c, req)
	return &v2.QueryAssignmentResponse{Status: d.status(&c, QueryAssignment, err), Assignments: assignments}
}

func (d *Door) queryAssignment(ctx context.Context, c *Caller, req *v2.QueryAssignmentRequest) ([]*v2.Assignment, error) {
	g, t, err := d.subscribable(ctx, c, req.GetGroup(), req.GetTopic())
	if err != nil {
		return nil, err
	}
	q, err := d.question(c, t, req.GetEndpoints())
	if err != nil {
		return nil, err
	}
	entries, err := d.ports.Routes.Assign(ctx, q, g.Ordered)
	if err = errors.Join(there(t, err), reachable(entries)); err != nil {
		return nil, err
	}
	accepts := acceptsOut(t.Accepts)
	assignments := make([]*v2.Assignment, 0, len(entries))
	for _, e := range entries {
		assignments = append(assignments, &v2.Assignment{MessageQueue: &v2.MessageQueue{
			Topic:              req.GetTopic(),
			Id:                 int32(e.Queue),
			Permission:         permissionOut(e.Readable, e.Writable),
			Broker:             brokerOut(e),
			AcceptMessageTypes: accepts,
		}})
	}
	if len(assignments) == 0 {
		return nil, d.cannot(t, "read")
	}
	return assignments, nil
}
