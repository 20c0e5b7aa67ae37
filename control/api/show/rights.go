// SPDX-License-Identifier: Apache-2.0

package show

import (
	"slices"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// ApplicationAt is an application with what its rights name and the tenant does not have. That is no error: rights may come before what they are to, and stay when that is deleted.
// A name under which the tenant borrows a topic is there for it, whatever became of the other tenant's topic.
func ApplicationAt(p *control.Plane, a control.Application) wire.Application {
	shown := Application(a)
	borrowed := map[mq.TopicName]bool{}
	for _, g := range p.Borrowed(a.Tenant) {
		borrowed[g.As] = true
	}
	for _, n := range slices.Concat(a.Rights.Publish, a.Rights.Read) {
		if _, err := p.Readable(a.Tenant, n); mq.KindOf(err) == mq.TopicNotFound && !borrowed[n] && !slices.Contains(shown.MissingTopics, n.String()) {
			shown.MissingTopics = append(shown.MissingTopics, n.String())
		}
	}
	for _, n := range a.Rights.Consume {
		if _, err := p.Group(a.Tenant, n); mq.KindOf(err) == mq.GroupNotFound {
			shown.MissingGroups = append(shown.MissingGroups, n.String())
		}
	}
	return shown
}
