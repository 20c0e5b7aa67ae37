// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"errors"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

type grant struct {
	Tenant    string    `json:"tenant"` // the borrower
	ID        string    `json:"id"`
	As        string    `json:"as"`
	Owner     string    `json:"owner"`
	Topic     string    `json:"topic"`
	Publish   bool      `json:"publish,omitempty"`
	Subscribe bool      `json:"subscribe,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
}

// Grant is a grant as a line.
func Grant(g catalog.Grant) (ID, string, error) {
	return write(line{Grant: &grant{g.Borrower.String(), g.ID, g.As.String(), g.Owner.String(), g.Topic.String(), g.Publish, g.Subscribe, g.Expires.UTC()}})
}

func (g grant) parse() (out catalog.Grant, err error) {
	out = catalog.Grant{ID: g.ID, Publish: g.Publish, Subscribe: g.Subscribe, Expires: g.Expires}
	if !g.Publish && !g.Subscribe {
		return out, errors.New("publish or subscribe is needed")
	}
	if out.Borrower, err = mq.ParseTenant(g.Tenant); err != nil {
		return out, err
	}
	if out.Owner, err = mq.ParseTenant(g.Owner); err != nil {
		return out, err
	}
	if out.As, err = mq.ParseTopicName(g.As); err != nil {
		return out, err
	}
	out.Topic, err = mq.ParseTopicName(g.Topic)
	return out, err
}
