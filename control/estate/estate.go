// SPDX-License-Identifier: Apache-2.0

// Package estate holds the nouns that belong to the installation as a whole: quota plans, environments and zones. How one comes and goes is the
// matter of room steward; docs/adr/0015 says why it is as it is.
package estate

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/mq"
)

// The kinds under which they are kept, as documents of the installation.
const (
	Plan        audit.RecordKind = "plan"        // limits that tenants share
	Environment audit.RecordKind = "environment" // what tenants are there for
	Zone        audit.RecordKind = "zone"        // where clusters and proxies stand
)

// MaxName bounds a name, in characters.
const MaxName = 100

// Name is what people call a plan, an environment or a zone.
type Name struct{ s string }

// ParseName accepts 1 to 100 characters of A-Z, a-z, 0-9, '_' and '-', or refuses with BadRequest; field is where the name stands.
func ParseName(field, s string) (Name, error) {
	ok := s != "" && len(s) <= MaxName
	for _, c := range []byte(s) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	if !ok {
		return Name{}, refusal.New(refusal.OutOfRange, mq.BadRequest, "%s: 1 to %d characters of A-Z, a-z, 0-9, '_' and '-' are required", field, MaxName).On(field).Beyond(strconv.Itoa(MaxName))
	}
	return Name{s}, nil
}

// OptionalName is ParseName where "" is no name.
func OptionalName(field, s string) (Name, error) {
	if s == "" {
		return Name{}, nil
	}
	return ParseName(field, s)
}

// String is the name, "" for none.
func (n Name) String() string { return n.s }

// Limits is how many of each noun a tenant may have. 0 is no limit of the plan: the installation's holds.
type Limits struct {
	Topics       int `json:"topics,omitempty"`
	Groups       int `json:"groups,omitempty"`
	Applications int `json:"applications,omitempty"`
	Members      int `json:"members,omitempty"`
	Tokens       int `json:"tokens,omitempty"`
}

// Of is the limit for records of a kind, 0 where there is none.
func (l Limits) Of(kind audit.RecordKind) int {
	return map[audit.RecordKind]int{
		audit.TopicRecord: l.Topics, audit.GroupRecord: l.Groups, audit.ApplicationRecord: l.Applications, "member": l.Members, "token": l.Tokens,
	}[kind]
}

// Bound is how many records of a kind a tenant may have, and by which plan; no plan: the installation says so.
type Bound struct {
	Most int
	Plan Name
}

// Over refuses one more.
func (b Bound) Over(kind audit.RecordKind) error {
	r := refusal.New(refusal.Quota, mq.TooManyRequests, "as many %ss as allowed exist: %d", kind, b.Most)
	if b.Plan != (Name{}) {
		r = refusal.New(refusal.Quota, mq.TooManyRequests, "as many %ss as the tenant's plan %q allows exist: %d", kind, b.Plan, b.Most)
	}
	return r.Beyond(strconv.Itoa(b.Most))
}

// Item is one plan, environment or zone, as its kind says.
type Item struct {
	Kind       audit.RecordKind
	Name       Name
	Note       string
	Limits     Limits // of a plan
	Production bool   // of an environment: the real thing
	Created    time.Time
	Revision   audit.Version
}

// Ref names the record.
func (i Item) Ref() audit.Ref { return audit.Ref{Kind: i.Kind, Name: i.Name.String()} }

// body is how an item is kept.
type body struct {
	Note       string    `json:"note,omitempty"`
	Limits     Limits    `json:"limits,omitzero"`
	Production bool      `json:"production,omitempty"`
	Created    time.Time `json:"created"`
}

// Body is the item as Read reads it; the audit shows it.
func (i Item) Body() string {
	b, _ := json.Marshal(body{i.Note, i.Limits, i.Production, i.Created}) // plain values always marshal
	return string(b)
}

// Read reads what was kept under a ref. An error is a record that this program did not write.
func Read(ref audit.Ref, text string) (i Item, err error) {
	var b body
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return i, mq.Refuse(mq.Internal, "%s %q cannot be read: %v", ref.Kind, ref.Name, err)
	}
	i = Item{Kind: ref.Kind, Note: b.Note, Limits: b.Limits, Production: b.Production, Created: b.Created}
	i.Name, err = ParseName("name", ref.Name)
	return i, err
}
