// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"sync"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// skews remembers the last filter that a member of a group announced for a topic, so that members that differ are noticed.
// A rolling deployment makes them differ for a while, so they are served; who forgets one instance should learn of it.
type skews struct {
	mu   sync.Mutex // guards last
	last map[skewKey]mq.Filter
}

type skewKey struct{ group, topic mq.Physical }

// maxSkews bounds the memory; beyond it differences go unnoticed.
const maxSkews = 20_000

func newSkews() *skews { return &skews{last: make(map[skewKey]mq.Filter)} }

// swap notes a filter and gives the one before.
func (s *skews) swap(k skewKey, f mq.Filter) (before mq.Filter, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, known = s.last[k]
	if known || len(s.last) < maxSkews {
		s.last[k] = f
	}
	return before, known
}

func (d *Door) noteFilter(c *Caller, g *catalog.Group, t *catalog.Topic, f mq.Filter) {
	before, known := d.skews.swap(skewKey{g.Group.Name, t.Topic.Name}, f)
	if !known || before == f {
		return
	}
	d.observer.Differed(g, t)
	d.log.Warn("a member of a consumer group has another filter than the member before it", "tenant", c.Tenant.String(),
		"group", g.Name.String(), "topic", t.Name.String(), "client", c.Client.String(), "filter", f.Expression, "before", before.Expression)
}
