// SPDX-License-Identifier: Apache-2.0

package file

import (
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// borrows reads what a tenant borrows. The name stands for the grant: it is there once.
func (r *reader) borrows(tenant mq.Tenant, t owner, at string) (all []catalog.Grant) {
	names := map[string]string{}
	for i, x := range t.Topics {
		names[x.Name] = fmt.Sprintf("%s.topics[%d].name", at, i)
	}
	for i, b := range t.Borrows {
		at := fmt.Sprintf("%s.borrows[%d]", at, i)
		r.once(names, b.As, at+".as")
		g := catalog.Grant{ID: t.ID + "/" + b.As, Borrower: tenant, Publish: b.Publish, Subscribe: b.Subscribe}
		var err error
		if g.As, err = mq.ParseTopicName(b.As); err != nil {
			r.bad(at+".as", "%v", err)
		}
		if g.Topic, err = mq.ParseTopicName(b.Topic); err != nil {
			r.bad(at+".topic", "%v", err)
		}
		if g.Owner, err = mq.ParseTenant(b.Owner); err != nil || g.Owner == tenant {
			r.bad(at+".owner", "the id of another tenant")
		}
		if !b.Publish && !b.Subscribe {
			r.bad(at, "publish or subscribe is needed")
		}
		if b.Expires != "" {
			if g.Expires, err = time.Parse(time.RFC3339, b.Expires); err != nil {
				r.bad(at+".expires", "a time like 2027-01-31T00:00:00Z")
			}
		}
		all = append(all, g)
	}
	return all
}

func borrowOf(g catalog.Grant) borrow {
	out := borrow{As: g.As.String(), Owner: g.Owner.String(), Topic: g.Topic.String(), Publish: g.Publish, Subscribe: g.Subscribe}
	if !g.Expires.IsZero() {
		out.Expires = g.Expires.UTC().Format(time.RFC3339Nano)
	}
	return out
}
