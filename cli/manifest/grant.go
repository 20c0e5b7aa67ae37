// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// grant is a topic of another tenant, the owner, under the name that it has in the document's tenant. Whoever applies one asks the owner for it, who decides.
type grant struct {
	Head
	Owner     *tenantID  `yaml:"owner" json:"owner,omitempty" fixed:"true"`
	Topic     *topicName `yaml:"topic" json:"topic,omitempty" fixed:"true"`
	Publish   *bool      `yaml:"publish" json:"publish,omitempty"`
	Subscribe *bool      `yaml:"subscribe" json:"subscribe,omitempty"`
	Expires   *moment    `yaml:"expires" json:"expires,omitempty"`
}

func (*grant) named(name string) error { return (&topic{}).named(name) }

func (g *grant) sound() (field, rule string) {
	if g.Publish != nil && g.Subscribe != nil && !*g.Publish && !*g.Subscribe {
		return "publish", "a grant is for publishing, subscribing or both"
	}
	return "", ""
}

// over is the grant with what another one says instead.
func (g grant) over(was *grant) grant {
	if was == nil {
		return g
	}
	out := *was
	take(&out.Owner, g.Owner)
	take(&out.Topic, g.Topic)
	take(&out.Publish, g.Publish)
	take(&out.Subscribe, g.Subscribe)
	take(&out.Expires, g.Expires)
	return out
}

func take[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

// value is what a field says, the zero value where it says nothing.
func value[T any](of *T) (v T) {
	if of != nil {
		v = *of
	}
	return v
}

// ask asks for what the object wants. Where that was asked before and is not decided yet, nothing new happens.
func (s *Step) ask(ctx context.Context, c *call.Call) error {
	wanted, _ := s.Object.doc.(*grant)
	var was *grant
	if s.Live != nil {
		was, _ = s.Live.doc.(*grant)
	}
	g := wanted.over(was)
	wish := wire.GrantWish{Topic: string(value(g.Topic)), As: s.Object.Name(), Publish: value(g.Publish), Subscribe: value(g.Subscribe)}
	if end := value(g.Expires); end != "" {
		t, err := time.Parse(time.RFC3339Nano, string(end))
		if err != nil {
			return err
		}
		wish.Expires = &t
	}
	var made wire.Request
	where := "/v1/tenants/" + url.PathEscape(s.Object.Tenant()) + "/requests"
	err := c.Ask(ctx, http.MethodPost, where, wire.NewRequest{Kind: "grant", To: string(value(g.Owner)), Reason: "a document of this tenant wants it", Grant: &wish}, &made)
	var refused *call.Refused
	if errors.As(err, &refused) && refused.Reason == "already_exists" && refused.Field == "" {
		s.Result, s.Detail = Unchanged, refused.Detail
		return nil
	}
	s.Detail = "request " + made.ID
	return err
}

// lentOut tells that a listed grant is of a topic that the tenant itself lends: it is another tenant's to wish for.
func lentOut(k Kind, tenant string, raw json.RawMessage) bool {
	var g wire.Grant
	return k.Asked && json.Unmarshal(raw, &g) == nil && g.Borrower != tenant
}

type tenantID string

func (n *tenantID) UnmarshalText(text []byte) error { return read(n, text, mq.ParseTenant) }

// moment is a time, as the API writes it.
type moment string

func (m *moment) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return errors.New("a time such as 2027-12-31T00:00:00Z")
	}
	*m = moment(t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano))
	return nil
}
