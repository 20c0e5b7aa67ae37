// SPDX-License-Identifier: Apache-2.0

// Package manifest reads documents that say what there is to be, and tells what would have to change for it.
//
// A document names its kind, its tenant and its name, then what is wanted. What it leaves out is a default when the thing is made, and
// stays as it is when the thing is there. Values are compared by what they mean: "7d" is "168h0m0s", and the order of rights does not
// matter.
package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/mq"
)

// Kind is a noun that documents can speak of.
type Kind struct {
	Name     string   // in documents
	Words    []string // on the command line, the first one in paths as well
	InTenant bool
	Key      string   // the name's field in the API
	Asked    bool     // of another tenant, which decides: it is there once a request is approved
	Later    []string // fields that a creation does not take: they are changed right after it
	fresh    func() document
}

// Kinds is every kind, in the order in which documents are applied: what others name comes first.
func Kinds() []Kind {
	return []Kind{
		{Name: "Plan", Words: []string{"plans", "plan"}, Key: "name", fresh: func() document { return &plan{} }},
		{Name: "Environment", Words: []string{"environments", "environment"}, Key: "name", fresh: func() document { return &environment{} }},
		{Name: "Zone", Words: []string{"zones", "zone"}, Key: "name", fresh: func() document { return &zone{} }},
		{Name: "Tenant", Words: []string{"tenants", "tenant"}, Key: "id", Later: []string{"disabled"}, fresh: func() document { return &tenant{} }},
		{Name: "Topic", Words: []string{"topics", "topic"}, InTenant: true, Key: "name", fresh: func() document { return &topic{} }},
		{Name: "Group", Words: []string{"groups", "group"}, InTenant: true, Key: "name", Later: []string{"paused"}, fresh: func() document { return &group{} }},
		{Name: "Grant", Words: []string{"grants", "grant"}, InTenant: true, Key: "as", Asked: true, fresh: func() document { return &grant{} }},
		{Name: "Application", Words: []string{"apps", "app", "applications", "application"}, InTenant: true, Key: "name", Later: []string{"disabled"},
			fresh: func() document { return &application{} }},
	}
}

// KindOf finds a kind by its name in documents.
func KindOf(name string) (Kind, bool) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// Head is what every document begins with.
type Head struct {
	Kind     string `yaml:"kind" json:"kind"`
	Tenant   string `yaml:"tenant" json:"tenant,omitempty"`
	Name     string `yaml:"name" json:"name"`
	Revision int64  `yaml:"revision" json:"revision,omitempty"` // that the thing must still have; 0 = whatever it has
}

func (h *Head) head() *Head { return h }

// document is one kind's fields. A field tagged fixed cannot change once the thing is there, one tagged grows only upwards.
type document interface {
	head() *Head
	// named refuses a name that the kind's things cannot have.
	named(name string) error
	// sound tells what is wrong between fields: field, then rule.
	sound() (field, rule string)
}

type tenant struct {
	Head
	Note        *note       `yaml:"note" json:"note,omitempty"`
	Labels      *labels     `yaml:"labels" json:"labels,omitempty"`
	Plan        *estateName `yaml:"plan" json:"plan,omitempty"`
	Environment *estateName `yaml:"environment" json:"environment,omitempty"`
	Disabled    *bool       `yaml:"disabled" json:"disabled,omitempty"`
}

func (*tenant) named(name string) error {
	if _, err := mq.ParseTenant(name); err != nil {
		return errors.New("1 to 20 characters of a-z, 0-9 and '-' are required")
	}
	return nil
}

func (t *tenant) sound() (field, rule string) { return t.Labels.sound() }

type topic struct {
	Head
	Cluster    *clusterName   `yaml:"cluster" json:"cluster,omitempty" fixed:"true"`
	Types      *[]messageType `yaml:"types" json:"types,omitempty" fixed:"true"`
	Queues     *int           `yaml:"queues" json:"queues,omitempty" grows:"true" from:"1" to:"256"`
	Durability *durability    `yaml:"durability" json:"durability,omitempty"`
	Retention  *span          `yaml:"retention" json:"retention,omitempty"`
	Note       *note          `yaml:"note" json:"note,omitempty"`
	Labels     *labels        `yaml:"labels" json:"labels,omitempty"`
}

func (*topic) named(name string) error {
	n, err := mq.ParseTopicName(name)
	if _, dead := n.DeadLettersOf(); err == nil && dead {
		return errors.New("the topic of a group's dead letters comes and goes with the group")
	}
	return err
}

func (t *topic) sound() (field, rule string) {
	if t.Types != nil && len(*t.Types) == 0 {
		return "types", "at least one type of message is needed"
	}
	return t.Labels.sound()
}

type group struct {
	Head
	Cluster     *clusterName `yaml:"cluster" json:"cluster,omitempty" fixed:"true"`
	Mode        *mode        `yaml:"mode" json:"mode,omitempty" fixed:"true"`
	Fifo        *bool        `yaml:"fifo" json:"fifo,omitempty" fixed:"true"`
	MaxAttempts *int         `yaml:"maxAttempts" json:"maxAttempts,omitempty" from:"1" to:"1000"`
	Retry       *retry       `yaml:"retry" json:"retry,omitempty"`
	From        *start       `yaml:"from" json:"from,omitempty" fixed:"true" once:"latest"`
	Hold        *span        `yaml:"hold" json:"hold,omitempty"`
	Note        *note        `yaml:"note" json:"note,omitempty"`
	Labels      *labels      `yaml:"labels" json:"labels,omitempty"`
	Paused      *bool        `yaml:"paused" json:"paused,omitempty"`
}

func (*group) named(name string) error {
	_, err := mq.ParseGroupName(name)
	return err
}

func (g *group) sound() (field, rule string) {
	if r := g.Retry; r != nil {
		exponential := r.Initial != "" || r.Max != "" || r.Multiplier != 0
		if exponential == (len(r.Steps) > 0) || exponential && (r.Initial == "" || r.Max == "" || r.Multiplier < 1) {
			return "retry", "either steps, or initial with max and a multiplier of 1 or more"
		}
	}
	if g.Fifo != nil && *g.Fifo && g.Mode != nil && *g.Mode == "pulls" {
		return "fifo", "a group that pulls reads in order as it is"
	}
	return g.Labels.sound()
}

type retry struct {
	Steps      []span  `yaml:"steps" json:"steps,omitempty"`
	Initial    span    `yaml:"initial" json:"initial,omitempty"`
	Max        span    `yaml:"max" json:"max,omitempty"`
	Multiplier float64 `yaml:"multiplier" json:"multiplier,omitempty"`
}

type application struct {
	Head
	Owner    *bool        `yaml:"owner" json:"owner,omitempty"`
	Publish  *[]topicName `yaml:"publish" json:"publish,omitempty"`
	Read     *[]topicName `yaml:"read" json:"read,omitempty"`
	Consume  *[]groupName `yaml:"consume" json:"consume,omitempty"`
	Disabled *bool        `yaml:"disabled" json:"disabled,omitempty"`
	Note     *note        `yaml:"note" json:"note,omitempty"`
	Labels   *labels      `yaml:"labels" json:"labels,omitempty"`
}

func (*application) named(name string) error {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			name = ""
		}
	}
	if name == "" || len(name) > 64 {
		return errors.New("1 to 64 characters of A-Z, a-z, 0-9, '_' and '-' are required")
	}
	return nil
}

func (a *application) sound() (field, rule string) { return a.Labels.sound() }

// The values below read themselves and keep the form that the API shows, so that equal means equal.

// span is a duration; days may stand in front.
type span string

func (s *span) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = ""
		return nil
	}
	d, err := call.ParseSpan(string(text))
	if err == nil && d < 0 {
		err = errors.New("a duration of 0s or more is needed")
	}
	*s = span(d.String())
	return err
}

type note string

const maxNote = 1000

func (n *note) UnmarshalText(text []byte) error {
	if len(text) > maxNote {
		return fmt.Errorf("%d bytes, the limit is %d", len(text), maxNote)
	}
	*n = note(text)
	return nil
}

type labels map[string]string

func (l *labels) sound() (field, rule string) {
	if l == nil {
		return "", ""
	}
	if _, err := label.Of(*l); err != nil {
		return "labels", strings.TrimPrefix(err.Error(), "labels: ")
	}
	return "", ""
}

type messageType string

func (t *messageType) UnmarshalText(text []byte) error { return read(t, text, mq.ParseMessageType) }

type durability string

func (d *durability) UnmarshalText(text []byte) error { return read(d, text, mq.ParseDurability) }

type clusterName string

func (n *clusterName) UnmarshalText(text []byte) error { return read(n, text, mq.ParseCluster) }

type topicName string

func (n *topicName) UnmarshalText(text []byte) error { return read(n, text, mq.ParseTopicName) }

type groupName string

func (n *groupName) UnmarshalText(text []byte) error { return read(n, text, mq.ParseGroupName) }

// read keeps a value as its type writes it.
func read[S ~string, T fmt.Stringer](into *S, text []byte, parse func(string) (T, error)) error {
	v, err := parse(string(text))
	if err == nil {
		*into = S(v.String())
	}
	return err
}

type mode string

func (m *mode) UnmarshalText(text []byte) error {
	if !slices.Contains([]string{"leases", "pulls"}, string(text)) {
		return errors.New("leases or pulls")
	}
	*m = mode(text)
	return nil
}

// start is where a group begins. "latest" is the moment of its creation, which is a time afterwards.
type start string

const latest start = "latest"

func (s *start) UnmarshalText(text []byte) error {
	*s = start(text)
	if *s == "earliest" || *s == latest {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return errors.New("earliest, latest or a time such as 2026-11-23T09:00:00Z")
	}
	*s = start(t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano))
	return nil
}

// Shown is a value for people.
func Shown(v json.RawMessage) string {
	if s, err := strconv.Unquote(string(v)); err == nil {
		return call.Tidy(s)
	}
	if len(v) == 0 {
		return "-"
	}
	return string(v)
}
