// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// Kind is the noun of a record.
type Kind string

// The kinds of record.
const (
	TenantKind      Kind = "tenant"
	ApplicationKind Kind = "app"
	KeyKind         Kind = "key"
	TopicKind       Kind = "topic"
	GroupKind       Kind = "group"
	GrantKind       Kind = "grant"
)

// ID names a record among all. Name of a tenant or a grant is its id, that of a key its access key.
type ID struct {
	Kind   Kind   `json:"kind"`
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
}

// line is a record in JSON: exactly one of its fields is there.
type line struct {
	Tenant *tenant `json:"tenant,omitempty"`
	App    *app    `json:"app,omitempty"`
	Key    *key    `json:"key,omitempty"`
	Topic  *topic  `json:"topic,omitempty"`
	Group  *group  `json:"group,omitempty"`
	Grant  *grant  `json:"grant,omitempty"`
	Gone   *ID     `json:"gone,omitempty"`
}

type tenant struct {
	ID       string `json:"id"`
	Unsigned string `json:"unsigned,omitempty"` // loopback, anybody
	Disabled bool   `json:"disabled,omitempty"`
}

type app struct {
	Tenant   string   `json:"tenant"`
	Name     string   `json:"name"`
	Owner    bool     `json:"owner,omitempty"`
	Disabled bool     `json:"disabled,omitempty"`
	Publish  []string `json:"publish,omitempty"` // topics
	Consume  []string `json:"consume,omitempty"` // groups
	Read     []string `json:"read,omitempty"`    // topics
}

type key struct {
	Tenant  string    `json:"tenant"`
	App     string    `json:"app"`
	ID      string    `json:"id"`
	Secret  string    `json:"secret"`
	Expires time.Time `json:"expires,omitzero"`
	Revoked bool      `json:"revoked,omitempty"`
}

type topic struct {
	Tenant     string   `json:"tenant"`
	Name       string   `json:"name"`
	Physical   string   `json:"physical"`
	Cluster    string   `json:"cluster"`
	Accepts    []string `json:"accepts"`
	Queues     int      `json:"queues,omitempty"`
	Durability string   `json:"durability,omitempty"`
	Retention  span     `json:"retention,omitempty"`
	Move       *move    `json:"move,omitempty"`
}

type move struct {
	Stage string `json:"stage"` // fencing, draining
	Peer  string `json:"peer"`
}

type group struct {
	Tenant      string `json:"tenant"`
	Name        string `json:"name"`
	Physical    string `json:"physical"`
	Cluster     string `json:"cluster"`
	Pulls       bool   `json:"pulls,omitempty"`
	Ordered     bool   `json:"ordered,omitempty"`
	MaxAttempts int    `json:"max_attempts"`
	Retry       *retry `json:"retry,omitempty"`
	Start       string `json:"start,omitempty"` // latest, engine or a time; none is earliest
	Hold        span   `json:"hold,omitempty"`
	Paused      bool   `json:"paused,omitempty"`
	Move        *move  `json:"move,omitempty"`
}

type retry struct {
	Steps      []span  `json:"steps,omitempty"`
	Initial    span    `json:"initial,omitempty"`
	Max        span    `json:"max,omitempty"`
	Multiplier float64 `json:"multiplier,omitempty"`
}

// span is a duration with its unit, for example "72h0m0s".
type span time.Duration

// MarshalText writes what UnmarshalText reads.
func (s span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText reads a duration that is not below 0.
func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err == nil && d < 0 {
		err = errors.New("a duration below 0")
	}
	*s = span(d)
	return err
}

// Tenant is a tenant as a line.
func Tenant(t catalog.Tenant) (ID, string, error) {
	out := tenant{ID: t.ID.String(), Disabled: t.Disabled}
	switch t.Unsigned {
	case catalog.UnsignedLoopback:
		out.Unsigned = "loopback"
	case catalog.UnsignedAnybody:
		out.Unsigned = "anybody"
	}
	return write(line{Tenant: &out})
}

// Application is an application as a line. Rules of a cluster's own users have no place in one.
func Application(a *catalog.App) (ID, string, error) {
	if a.Rules != nil {
		return ID{}, "", mq.Refuse(mq.Internal, "catalog: application %s has rules of a cluster's own", a.Name)
	}
	return write(line{App: &app{
		Tenant: a.Tenant.String(), Name: a.Name, Owner: a.Owner, Disabled: a.Disabled,
		Publish: catalog.Named(a.Publish), Consume: catalog.Named(a.Subscribe), Read: catalog.Named(a.SubscribeTopics),
	}})
}

// Key is an access key as a line.
func Key(k catalog.Key) (ID, string, error) {
	return write(line{Key: &key{Tenant: k.App.Tenant.String(), App: k.App.Name, ID: k.ID, Secret: k.Secret, Expires: k.Expires.UTC(), Revoked: k.Revoked}})
}

// Topic is a topic as a line.
func Topic(t catalog.Topic) (ID, string, error) {
	out := topic{
		Tenant: t.Tenant.String(), Name: t.Name.String(), Physical: t.Topic.Name.String(), Cluster: t.Cluster.String(),
		Queues: t.Queues, Retention: span(t.Retention), Move: moveOf(t.Move),
	}
	for _, kind := range t.Accepts.Types() {
		out.Accepts = append(out.Accepts, kind.String())
	}
	if !t.Durability.Synced() {
		out.Durability = t.Durability.String()
	}
	return write(line{Topic: &out})
}

// Group is a group as a line.
func Group(g catalog.Group) (ID, string, error) {
	out := group{
		Tenant: g.Tenant.String(), Name: g.Name.String(), Physical: g.Group.Name.String(), Cluster: g.Cluster.String(),
		Pulls: g.Mode == mq.Pulls, Ordered: g.Ordered, MaxAttempts: g.MaxAttempts, Hold: span(g.Hold), Paused: g.Paused, Move: moveOf(g.Move),
	}
	if r := g.Retry; !r.IsZero() {
		out.Retry = &retry{Initial: span(r.Initial), Max: span(r.Max), Multiplier: r.Multiplier}
		for _, s := range r.Steps {
			out.Retry.Steps = append(out.Retry.Steps, span(s))
		}
	}
	switch g.Start.Kind {
	case mq.StartLatest:
		out.Start = "latest"
	case mq.StartByEngine:
		out.Start = "engine"
	case mq.StartAt:
		out.Start = g.Start.Time.UTC().Format(time.RFC3339Nano)
	}
	return write(line{Group: &out})
}

// Gone is the line that says that a record is not there any more.
func Gone(id ID) (string, error) {
	_, text, err := write(line{Gone: &id})
	return text, err
}

func write(l line) (ID, string, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return ID{}, "", fmt.Errorf("catalog: %w", err)
	}
	id, err := l.id()
	return id, string(text), err
}

func moveOf(m catalog.Move) *move {
	switch m.Stage {
	case catalog.Fencing:
		return &move{Stage: "fencing", Peer: m.Peer.String()}
	case catalog.Draining:
		return &move{Stage: "draining", Peer: m.Peer.String()}
	}
	return nil
}

// id is what the line speaks of; an error when that is not exactly one record.
func (l line) id() (id ID, err error) {
	found := 0
	note := func(k Kind, tenant, name string) { id, found = ID{k, tenant, name}, found+1 }
	if l.Tenant != nil {
		note(TenantKind, l.Tenant.ID, l.Tenant.ID)
	}
	if l.App != nil {
		note(ApplicationKind, l.App.Tenant, l.App.Name)
	}
	if l.Key != nil {
		note(KeyKind, l.Key.Tenant, l.Key.ID)
	}
	if l.Topic != nil {
		note(TopicKind, l.Topic.Tenant, l.Topic.Name)
	}
	if l.Group != nil {
		note(GroupKind, l.Group.Tenant, l.Group.Name)
	}
	if l.Grant != nil {
		note(GrantKind, l.Grant.Tenant, l.Grant.ID)
	}
	if l.Gone != nil {
		note(l.Gone.Kind, l.Gone.Tenant, l.Gone.Name)
	}
	if found != 1 || id.Tenant == "" || id.Name == "" {
		return id, errors.New("one record with a tenant and a name belongs on a line")
	}
	return id, nil
}
