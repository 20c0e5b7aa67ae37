// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"context"
	"errors"
	"hash/fnv"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/health"
	"github.com/causeway-mq/causeway/proxy/route"
)

// Limits of the endpoints that a client says it dialled.
const (
	maxAddresses = 64
	maxHost      = 253
)

// QueryRoute says which queues a topic has and where they are served. Entries that a client may not use at all are left out,
// since some clients look at no permission.
func (d *Door) QueryRoute(ctx context.Context, c Caller, req *v2.QueryRouteRequest) *v2.QueryRouteResponse {
	queues, err := d.queryRoute(ctx, &c, req)
	return &v2.QueryRouteResponse{Status: d.status(&c, QueryRoute, err), MessageQueues: queues}
}

func (d *Door) queryRoute(ctx context.Context, c *Caller, req *v2.QueryRouteRequest) ([]*v2.MessageQueue, error) {
	t, err := d.topic(ctx, c, req.GetTopic())
	if err != nil {
		return nil, err
	}
	if err := c.MayRoute(t); err != nil {
		return nil, err
	}
	q, err := d.question(c, t, req.GetEndpoints())
	if err != nil {
		return nil, err
	}
	entries, err := d.ports.Routes.Plan(ctx, q)
	if err = errors.Join(there(t, err), reachable(entries)); err != nil {
		return nil, err
	}
	accepts := acceptsOut(t.Accepts)
	_, dead := t.Name.DeadLettersOf()
	queues := make([]*v2.MessageQueue, 0, len(entries))
	for _, e := range entries {
		permission := permissionOut(e.Readable, e.Writable && !dead)
		if permission == v2.Permission_NONE {
			continue
		}
		queues = append(queues, &v2.MessageQueue{
			Topic:              req.GetTopic(),
			Id:                 int32(e.Queue),
			Permission:         permission,
			Broker:             brokerOut(e),
			AcceptMessageTypes: accepts,
		})
	}
	if len(queues) == 0 {
		return nil, d.cannot(t, "used")
	}
	return queues, nil
}

// question asks for a topic's route. Clients of one process differ in their id, which spreads them over the endpoints.
func (d *Door) question(c *Caller, t *catalog.Topic, asked *v2.Endpoints) (route.Question, error) {
	peers, err := endpointsIn(asked)
	h := fnv.New64a()
	h.Write([]byte(c.Client.String()))
	return route.Question{Topic: t.Topic, Asked: peers, Spread: h.Sum64(), Purpose: d.purpose(c)}, err
}

// reachable refuses a route without addresses.
func reachable(entries []route.Entry) error {
	for _, e := range entries {
		if len(e.Endpoints) == 0 {
			return mq.Refuse(mq.BadRequest, "endpoints: the request names none, and this proxy has no public address")
		}
	}
	return nil
}

func endpointsIn(e *v2.Endpoints) ([]health.Peer, error) {
	addresses := e.GetAddresses()
	if len(addresses) > maxAddresses {
		return nil, mq.Refuse(mq.BadRequest, "endpoints: %d addresses, the limit is %d", len(addresses), maxAddresses)
	}
	peers := make([]health.Peer, len(addresses))
	for i, a := range addresses {
		if a.GetHost() == "" || len(a.GetHost()) > maxHost || a.GetPort() < 1 || a.GetPort() > 65535 {
			return nil, mq.Refuse(mq.BadRequest, "endpoints: a host of 1 to %d bytes and a port of 1 to 65535 are required", maxHost)
		}
		peers[i] = health.Peer{Host: a.GetHost(), Port: uint16(a.GetPort())}
	}
	return peers, nil
}

// brokerOut names a queue's broker and where it is served. Clients use only entries of broker id 0. A list of host names may
// carry one address only, so of such peers the first stands for all.
func brokerOut(e route.Entry) *v2.Broker {
	return &v2.Broker{Name: e.Broker, Id: 0, Endpoints: endpointsOut(e.Endpoints)}
}

func endpointsOut(peers []health.Peer) *v2.Endpoints {
	out := &v2.Endpoints{Scheme: v2.AddressScheme_IPv4, Addresses: make([]*v2.Address, 0, len(peers))}
	for i, p := range peers {
		scheme := v2.AddressScheme_DOMAIN_NAME
		if ip, ok := p.IsIP(); ok {
			if scheme = v2.AddressScheme_IPv6; ip.Is4() {
				scheme = v2.AddressScheme_IPv4
			}
		}
		if i == 0 {
			out.Scheme = scheme
		} else if scheme != out.Scheme || scheme == v2.AddressScheme_DOMAIN_NAME {
			continue // one list has one scheme
		}
		out.Addresses = append(out.Addresses, &v2.Address{Host: p.Host, Port: int32(p.Port)})
	}
	return out
}

func permissionOut(readable, writable bool) v2.Permission {
	switch {
	case readable && writable:
		return v2.Permission_READ_WRITE
	case readable:
		return v2.Permission_READ
	case writable:
		return v2.Permission_WRITE
	}
	return v2.Permission_NONE
}

// acceptsOut never contains MESSAGE_TYPE_UNSPECIFIED and is never empty: clients throw on either.
func acceptsOut(a mq.Accepts) []v2.MessageType {
	types := a.Types()
	if len(types) == 0 {
		return []v2.MessageType{v2.MessageType_NORMAL}
	}
	out := make([]v2.MessageType, len(types))
	for i, t := range types {
		out[i] = v2.MessageType(t)
	}
	return out
}
