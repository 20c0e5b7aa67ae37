// SPDX-License-Identifier: Apache-2.0

package site

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/mq"
)

// DriftKind says how a cluster differs from what is wanted of it.
type DriftKind string

// The kinds of drift. What is missing or different is put again; what is extra is told and never touched.
const (
	Missing   DriftKind = "missing"
	Different DriftKind = "different"
	Uneven    DriftKind = "uneven" // a topic that some primary lacks or has otherwise, with enough queues in all: told, not changed, since an order may hang on its queues
	Extra     DriftKind = "extra"  // there, and nobody wants it
)

// Drift is one topic or group that differs.
type Drift struct {
	Kind     DriftKind
	Ref      audit.Ref // the record; of an extra one only the noun
	Physical mq.Physical
	Detail   string // what differs, as "queues: 4, wanted 8"
	// Mended tells what came of putting it again: "" where it was not tried, "done", or why not.
	Mended string
}

// Want is one record, as far as it is compared.
type Want struct {
	Ref   audit.Ref
	Topic mq.TopicSpec  // of a group: its dead letters, of which only the being there matters
	Group *mq.GroupSpec // nil for a topic
	Also  []mq.Physical // further groups that come with it
	// Fresh records were changed after the inventory was asked for: nothing is said of them.
	Fresh bool
}

// Compare holds an inventory against everything that is wanted of the cluster, by name. What was wanted before the inventory was asked for,
// and is not any more, is nobody's drift: it is perhaps being deleted.
func Compare(has mq.Inventory, wants, before []Want) []Drift {
	c := compared{
		coarse: has.Coarse, topics: map[mq.Physical]mq.TopicSpec{}, groups: map[mq.Physical]mq.GroupSpec{},
		uneven: map[audit.RecordKind]map[mq.Physical]bool{audit.TopicRecord: set(has.UnevenTopics), audit.GroupRecord: set(has.UnevenGroups)},
	}
	for _, t := range has.Topics {
		c.topics[t.Name] = t
	}
	for _, g := range has.Groups {
		c.groups[g.Name] = g
	}
	var all []Drift
	for _, w := range wants {
		if d := c.one(w); d.Kind != "" && !w.Fresh {
			all = append(all, d)
		}
		c.wanted(w)
	}
	for _, w := range before {
		c.wanted(w)
	}
	for name := range c.topics {
		all = append(all, Drift{Kind: Extra, Ref: audit.Ref{Kind: audit.TopicRecord}, Physical: name})
	}
	for name := range c.groups {
		all = append(all, Drift{Kind: Extra, Ref: audit.Ref{Kind: audit.GroupRecord}, Physical: name})
	}
	slices.SortFunc(all, func(a, b Drift) int {
		return cmp.Or(cmp.Compare(a.Physical.String(), b.Physical.String()), cmp.Compare(a.Ref.Kind, b.Ref.Kind))
	})
	return all
}

// Since is what of a drift holds still for what is wanted by now: what was made or taken over after the look is not extra any more.
func Since(found []Drift, wants []Want) []Drift {
	c := compared{topics: map[mq.Physical]mq.TopicSpec{}, groups: map[mq.Physical]mq.GroupSpec{}}
	for _, d := range found {
		switch {
		case d.Kind == Extra && d.Ref.Kind == audit.TopicRecord:
			c.topics[d.Physical] = mq.TopicSpec{}
		case d.Kind == Extra && d.Ref.Kind == audit.GroupRecord:
			c.groups[d.Physical] = mq.GroupSpec{}
		}
	}
	if len(c.topics)+len(c.groups) == 0 {
		return found
	}
	for _, w := range wants {
		c.wanted(w)
	}
	var all []Drift
	for _, d := range found {
		_, topic := c.topics[d.Physical]
		_, group := c.groups[d.Physical]
		if d.Kind != Extra || d.Ref.Kind == audit.TopicRecord && topic || d.Ref.Kind == audit.GroupRecord && group || d.Ref.Kind == audit.TenantRecord {
			all = append(all, d)
		}
	}
	return all
}

func set(names []mq.Physical) map[mq.Physical]bool {
	all := make(map[mq.Physical]bool, len(names))
	for _, n := range names {
		all[n] = true
	}
	return all
}

// compared is an inventory; what is wanted is taken out of it.
type compared struct {
	coarse mq.Coarse
	topics map[mq.Physical]mq.TopicSpec
	groups map[mq.Physical]mq.GroupSpec
	uneven map[audit.RecordKind]map[mq.Physical]bool
}

func (c *compared) one(w Want) Drift {
	d := Drift{Ref: w.Ref, Physical: w.Topic.Name}
	topic, there := c.topics[w.Topic.Name]
	var differs []string
	if w.Group == nil {
		differs = topicDiffers(c.coarse.Topic(w.Topic), topic)
	} else {
		d.Physical = w.Group.Name
		letters := there
		var group mq.GroupSpec
		group, there = c.groups[w.Group.Name]
		differs = groupDiffers(c.coarse.Group(*w.Group), c.coarse.Group(group))
		if !letters {
			differs = append(differs, "dead letters: none, wanted "+w.Topic.Name.String())
		}
	}
	uneven := c.uneven[w.Ref.Kind][d.Physical]
	switch {
	case !there:
		d.Kind = Missing
	case len(differs) > 0:
		d.Kind, d.Detail = Different, strings.Join(differs, "; ")
	case uneven && w.Group != nil: // a group has to be the same everywhere: its messages are
		d.Kind, d.Detail = Different, "not the same on every primary"
	case uneven:
		d.Kind, d.Detail = Uneven, "not the same on every primary"
	}
	return d
}

func (c *compared) wanted(w Want) {
	delete(c.topics, w.Topic.Name)
	if w.Group != nil {
		delete(c.groups, w.Group.Name)
	}
	for _, name := range w.Also {
		delete(c.groups, name)
		delete(c.topics, mq.PhysicalDeadLetters(name))
	}
}

// differ says one attribute that differs.
func differ[T comparable](all []string, attribute string, has, wants T) []string {
	if has == wants {
		return all
	}
	return append(all, fmt.Sprintf("%s: %v, wanted %v", attribute, has, wants))
}

func topicDiffers(wants, has mq.TopicSpec) (all []string) {
	all = differ(all, "types", types(has.Accepts), types(wants.Accepts))
	if has.Queues < wants.Queues { // they only grow
		all = differ(all, "queues", has.Queues, wants.Queues)
	}
	all = differ(all, "durability", has.Durability, wants.Durability)
	return differ(all, "retention", has.Retention, wants.Retention)
}

func types(a mq.Accepts) string {
	var names []string
	for _, t := range a.Types() {
		names = append(names, t.String())
	}
	return strings.Join(names, "+")
}

func groupDiffers(wants, has mq.GroupSpec) (all []string) {
	all = differ(all, "mode", has.Mode, wants.Mode)
	all = differ(all, "ordered", has.Ordered, wants.Ordered)
	all = differ(all, "attempts", has.MaxAttempts, wants.MaxAttempts)
	all = differ(all, "retry", retry(has.Retry), retry(wants.Retry))
	all = differ(all, "start", start(has.Start), start(wants.Start))
	return differ(all, "hold", has.Hold, wants.Hold)
}

func retry(p mq.RetryPolicy) string {
	if len(p.Steps) > 0 {
		return fmt.Sprint(p.Steps)
	}
	return fmt.Sprintf("%v..%v x%s", p.Initial, p.Max, strconv.FormatFloat(p.Multiplier, 'g', -1, 64))
}

func start(s mq.Start) string { return fmt.Sprintf("%d %d", s.Kind, s.Time.UnixMicro()) }
