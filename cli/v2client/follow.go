// SPDX-License-Identifier: Apache-2.0

package v2client

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/grpc/metadata"
)

// seat is the session of a producer or consumer, which changes when it follows a route.
type seat struct {
	turn    chan struct{} // capacity 1: who has it follows, the others go the same way after
	mu      sync.Mutex    // guards session
	session *session
}

func newSeat(s *session) *seat { return &seat{turn: make(chan struct{}, 1), session: s} }

func (s *seat) now() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}

// after is the session for one more try of a call that failed with err at used; nil where there is none.
func (s *seat) after(ctx context.Context, used *session, topic *v2.Resource, need v2.Permission, err error) *session {
	var no *Refused
	if !errors.As(err, &no) || no.Code != v2.Code_UNSUPPORTED {
		return nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil
	}
	if at := s.now(); at != used { // another call followed meanwhile
		return at
	}
	next := used.follow(ctx, topic, need)
	if next != nil {
		s.mu.Lock()
		s.session = next
		s.mu.Unlock()
	}
	return next
}

// follow opens the session anew at a proxy that does what this one refused because of its role, as the topic's route names it; nil where the
// route knows no other. What was refused was certainly not done, so it may be done there. A session follows once: who is sent on
// from there as well is better told.
func (s *session) follow(ctx context.Context, topic *v2.Resource, need v2.Permission) *session {
	if s.owned {
		return nil
	}
	other := s.client.elsewhere(ctx, topic, need)
	if other == nil {
		return nil
	}
	next, err := other.open(ctx, s.settings, s.group)
	if err != nil {
		_ = other.Close() // the refusal is what is told
		return nil
	}
	next.owned = true
	s.Close()
	return next
}

// elsewhere is a client of the first other proxy of the topic's route that has the permission, nil when there is none.
func (c *Client) elsewhere(ctx context.Context, topic *v2.Resource, need v2.Permission) *Client {
	ctx, cancel := context.WithTimeout(c.headers(ctx), CallTime)
	defer cancel()
	// Clients of Go are given only what suits the proxy that they ask; this one looks at permissions, as those of Java do.
	told, _ := metadata.FromOutgoingContext(ctx)
	told.Set("x-mq-language", "JAVA")
	ctx = metadata.NewOutgoingContext(ctx, told)
	route, err := c.v2.QueryRoute(ctx, &v2.QueryRouteRequest{Topic: topic, Endpoints: endpointsOf(c.opt.Endpoint)})
	if c.outcome("route", route.GetStatus(), err) != nil {
		return nil
	}
	for _, q := range route.GetMessageQueues() {
		if p := q.GetPermission(); p != need && p != v2.Permission_READ_WRITE {
			continue
		}
		for _, a := range q.GetBroker().GetEndpoints().GetAddresses() {
			opt := c.opt
			opt.Endpoint = net.JoinHostPort(a.GetHost(), strconv.Itoa(int(a.GetPort())))
			if opt.Endpoint == c.opt.Endpoint {
				continue
			}
			if other, err := New(opt); err == nil {
				return other
			}
		}
	}
	return nil
}

// endpointsOf says where the route was asked for, which is the answer of a proxy that knows no others.
func endpointsOf(endpoint string) *v2.Endpoints {
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil
	}
	scheme := v2.AddressScheme_DOMAIN_NAME
	if ip := net.ParseIP(host); ip != nil {
		if scheme = v2.AddressScheme_IPv6; ip.To4() != nil {
			scheme = v2.AddressScheme_IPv4
		}
	}
	return &v2.Endpoints{Scheme: scheme, Addresses: []*v2.Address{{Host: host, Port: int32(n)}}}
}
