// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/access"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/session"
)

// Recheck ends the streams of callers that the newest catalog does not let in any more: a key revoked or expired, an
// application or a tenant disabled; and answers their calls that wait for messages, with those of callers that lost the right
// to what they wait for. The owner calls it now and then, since keys expire. It returns how many streams were told.
func (d *Door) Recheck() int {
	return d.judge(d.ports.Catalog(), func(mq.Tenant) bool { return true })
}

// CatalogChanged is Recheck for those alone whom a change of the catalog may concern: thousands of streams and of calls that wait
// are not judged again because another tenant made a topic. The owner calls it after each change, with what it put in place.
func (d *Door) CatalogChanged(s *catalog.Snapshot) int {
	since := catalog.Version(d.judged.Load())
	known := map[mq.Tenant]bool{}
	n := d.judge(s, func(t mq.Tenant) bool {
		concerns, ok := known[t]
		if !ok {
			concerns = s.Touched(t) > since
			known[t] = concerns
		}
		return concerns
	})
	for v := uint64(since); v < uint64(s.Version()) && !d.judged.CompareAndSwap(v, uint64(s.Version())); v = d.judged.Load() {
	}
	return n
}

// judge judges those who are here by a snapshot, if it concerns their tenant or the one whose topic they wait for.
func (d *Door) judge(s *catalog.Snapshot, concerns func(mq.Tenant) bool) int {
	d.endPolls(s, concerns)
	why := mq.Refuse(mq.Unauthorized, "auth_revoked: the credentials are not valid any more")
	return d.ports.Sessions.Tell(session.Closed{Why: why}, func(c session.Client) bool {
		return concerns(c.Tenant) && d.barred(s, c) != nil
	})
}

// barred tells why a client may not keep its stream, nil where it may.
func (d *Door) barred(snap *catalog.Snapshot, c session.Client) error {
	_, err := d.ports.Guard.Recheck(snap, access.Principal{Tenant: c.Tenant, Key: c.Key, From: c.From})
	return err
}
