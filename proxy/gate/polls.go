// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"sync"

	"github.com/causeway-mq/causeway/mq"
)

// Limits of the polls that are parked at one proxy.
const (
	maxTenantPolls = 20_000
	maxGroupPolls  = 10_000
)

// polls counts parked polls, which have their own limits because they do nothing but wait: neither may they crowd out work,
// nor may one group crowd out another.
type polls struct {
	mu       sync.Mutex // guards both maps
	byTenant map[mq.Tenant]int
	byGroup  map[mq.Physical]int
}

func newPolls() *polls {
	return &polls{byTenant: make(map[mq.Tenant]int), byGroup: make(map[mq.Physical]int)}
}

// enter takes a place or refuses with TooManyRequests. Whoever got one leaves it.
func (p *polls) enter(tenant mq.Tenant, group mq.Physical) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.byGroup[group] >= maxGroupPolls:
		return mq.Refuse(mq.TooManyRequests, "polls: the consumer group has %d waiting at this proxy, the limit", maxGroupPolls)
	case p.byTenant[tenant] >= maxTenantPolls:
		return mq.Refuse(mq.TooManyRequests, "polls: the tenant has %d waiting at this proxy, the limit", maxTenantPolls)
	}
	p.byTenant[tenant]++
	p.byGroup[group]++
	return nil
}

func (p *polls) leave(tenant mq.Tenant, group mq.Physical) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byTenant[tenant]--; p.byTenant[tenant] == 0 {
		delete(p.byTenant, tenant)
	}
	if p.byGroup[group]--; p.byGroup[group] == 0 {
		delete(p.byGroup, group)
	}
}
