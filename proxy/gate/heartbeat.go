// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
)

// Heartbeat notes that a client is alive.
//
// A heartbeat that names no group is answered with OK whoever sends it: after it lost its stream the Go client sends one
// without any header or signature and gives its session up unless the answer is OK. It tells nothing and changes nothing.
func (d *Door) Heartbeat(ctx context.Context, h *Headers, call Call, req *v2.HeartbeatRequest) *v2.HeartbeatResponse {
	if req.GetGroup().GetName() == "" && h.ClientID == "" && req.GetClientType() == v2.ClientType_CLIENT_TYPE_UNSPECIFIED {
		return &v2.HeartbeatResponse{Status: d.ok}
	}
	c, refused := d.Enter(h, call)
	if refused != nil {
		if req.GetGroup().GetName() == "" && h.Authorization == "" && refused.Code == v2.Code_UNAUTHORIZED {
			return &v2.HeartbeatResponse{Status: d.ok}
		}
		return &v2.HeartbeatResponse{Status: refused}
	}
	return &v2.HeartbeatResponse{Status: d.status(&c, Heartbeat, d.heartbeat(ctx, &c, req))}
}

func (d *Door) heartbeat(ctx context.Context, c *Caller, req *v2.HeartbeatRequest) error {
	switch t := req.GetClientType(); t {
	case v2.ClientType_LITE_PUSH_CONSUMER, v2.ClientType_LITE_SIMPLE_CONSUMER:
		return liteRefused()
	case v2.ClientType_CLIENT_TYPE_UNSPECIFIED, v2.ClientType_PRODUCER:
	case v2.ClientType_PUSH_CONSUMER, v2.ClientType_SIMPLE_CONSUMER, v2.ClientType_PULL_CONSUMER:
	default:
		return mq.Refuse(mq.UnrecognizedClient, "client type %d is not known", t)
	}
	if req.GetGroup().GetName() != "" {
		g, err := d.group(ctx, c, req.GetGroup())
		if err != nil {
			return err
		}
		if err := c.MaySubscribe(g, nil); err != nil {
			return err
		}
	}
	d.ports.Sessions.Seen(c.Session())
	return nil
}
