// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// NotifyClientTermination is a client's word that it leaves: what it holds goes to others at once. Producers name no group,
// some of them an empty one.
func (d *Door) NotifyClientTermination(ctx context.Context, c Caller, req *v2.NotifyClientTerminationRequest) *v2.NotifyClientTerminationResponse {
	return &v2.NotifyClientTerminationResponse{Status: d.status(&c, NotifyClientTermination, d.terminate(ctx, &c, req))}
}

func (d *Door) terminate(ctx context.Context, c *Caller, req *v2.NotifyClientTerminationRequest) error {
	if req.GetGroup().GetName() != "" {
		g, err := d.group(ctx, c, req.GetGroup())
		if err != nil {
			return err
		}
		if err := c.MaySubscribe(g, nil); err != nil {
			return err
		}
	}
	d.ports.Sessions.Gone(c.Session())
	return nil
}
