// SPDX-License-Identifier: Apache-2.0

// Package adopt judges what becomes of the topics, groups and users that a cluster has when the control plane takes them over for a
// tenant. Nothing on the cluster changes: names there stay, and so do offsets and messages.
//
// What cannot become a topic, a group or an application is left out, with the reason: nothing is bent until it fits. A rule that the
// platform cannot say exactly would let somebody do more or less than before, so its user is left out, not his rule.
package adopt

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/mq"
)

// Verdict is what becomes of a thing.
type Verdict string

// The verdicts.
const (
	Adopted Verdict = "adopted" // it becomes, or became, what the item says
	Known   Verdict = "known"   // it is the tenant's already, as it is
	Left    Verdict = "left"    // it stays what it is, see Why
)

// Item is one thing that a cluster has.
type Item struct {
	Noun     audit.RecordKind // topic, group, or application for a user
	Physical string           // what the cluster calls it
	Name     string           // what the tenant will call it; "" of what is left
	Verdict  Verdict
	Why      string // it is left, or what there is to know of what is adopted
	Misnamed bool   // it is left because of the name that it would have

	Topic mq.TopicSpec // of a topic
	Group mq.GroupSpec // of a group
	User  User         // of an application
}

// User is a user of the cluster as an application.
type User struct {
	Owner   bool
	Publish []mq.TopicName
	Read    []mq.TopicName
	Consume []mq.GroupName
	Secret  string // stays valid; never shown
}

// Question is what is planned for.
type Question struct {
	Tenant   mq.Tenant
	Has      mq.Inventory
	Accounts []mq.Account      // none where the cluster checks nobody
	Names    map[string]string // what people want called otherwise than the cluster does, by its name
	Owners   map[Thing]Owner   // whose a name on the cluster, or an access key, is already
	// Taken tells whether the tenant has a thing of that name.
	Taken func(noun audit.RecordKind, name string) bool
	Skip  func(user string) bool // users that are not looked at: the platform's own
	// Application refuses what is no name of an application.
	Application func(name string) error
}

// Thing is a topic or group by the cluster's name, or an access key.
type Thing struct {
	Noun audit.RecordKind
	Name string
}

// Owner is whose a thing is, and under what name.
type Owner struct {
	Tenant  mq.Tenant
	As      string
	Revoked bool // of an access key
}

// Plan judges everything that the cluster has: topics, groups, then users, each by name; last comes what the brokers keep for themselves.
func Plan(q Question) []Item {
	var topics, groups, users, own []Item
	for _, g := range q.Has.Groups {
		groups = append(groups, q.group(g))
	}
	groupNames := settle(groups, mq.ParseGroupName)
	for _, t := range q.Has.Topics {
		topics = append(topics, q.topic(t, groupNames))
	}
	topicNames := settle(topics, mq.ParseTopicName)
	for _, a := range q.Accounts {
		if !q.Skip(a.Name) {
			users = append(users, q.user(a, topicNames, groupNames))
		}
	}
	settle(users, func(s string) (string, error) { return s, nil })
	for _, name := range q.Has.Own {
		own = append(own, Item{Noun: audit.TopicRecord, Physical: name.String(), Verdict: Left, Why: whyOwn(name.String())})
	}
	settle(own, func(s string) (string, error) { return s, nil })
	return slices.Concat(topics, groups, users, own)
}

// settle sorts things of one noun, leaves out what would have the name of one before it, and tells what the others will be called, by the cluster's names.
func settle[N any](all []Item, parse func(string) (N, error)) map[string]N {
	slices.SortStableFunc(all, func(a, b Item) int { return cmp.Compare(a.Physical, b.Physical) })
	names, first := map[string]N{}, map[string]string{}
	for i := range all {
		if one := &all[i]; one.Verdict == Known {
			first[one.Name] = one.Physical
		}
	}
	for i := range all {
		one := &all[i]
		if one.Verdict == Left {
			continue
		}
		if other, taken := first[one.Name]; taken && other != one.Physical {
			one.Verdict, one.Misnamed, one.Why = Left, true, fmt.Sprintf("%s becomes %s %q"+again, other, one.Noun, one.Name)
			one.Name = ""
			continue
		}
		first[one.Name] = one.Physical
		if n, err := parse(one.Name); err == nil {
			names[one.Physical] = n
		}
	}
	return names
}

// Misnamed tells what is wrong with the names that people gave, by the cluster's names.
func Misnamed(names map[string]string, plan []Item) (wrong []string) {
	for _, physical := range slices.Sorted(maps.Keys(names)) {
		if why := misnamed(physical, names[physical], plan); why != "" {
			wrong = append(wrong, fmt.Sprintf("%q: %s", physical, why))
		}
	}
	return wrong
}

// misnamed is why a name cannot be given, "" where it is: to one thing at least, and to each that would have it.
func misnamed(physical, name string, plan []Item) string {
	why, given := "the cluster has nothing of that name", false
	for _, i := range plan {
		if i.Physical != physical {
			continue
		}
		noun := string(i.Noun)
		if i.Noun == audit.ApplicationRecord {
			noun = "user"
		}
		switch {
		case i.Misnamed:
			return fmt.Sprintf("%s cannot become %q: %s", noun, name, strings.TrimSuffix(i.Why, again))
		case i.Verdict != Left && i.Name == name:
			given = true
		case i.Verdict == Known:
			why = fmt.Sprintf("%s is taken over already, as %q", noun, i.Name)
		default:
			why = noun + " is not taken over: " + i.Why
		}
	}
	if given {
		return ""
	}
	return why
}

// again ends what tells that a name does not fit.
const again = "; another name can be given"

func whyOwn(name string) string {
	if strings.HasPrefix(name, "%RETRY%") {
		return "retries of a group: they stay with it"
	}
	return "the brokers keep it for themselves"
}

// name says of a thing what it will be called, or why it cannot be.
func (q Question) name(to *Item, physical mq.Physical, parse func(string) error) {
	if owner, taken := q.Owners[Thing{to.Noun, physical.String()}]; taken {
		if owner.Tenant == q.Tenant {
			to.Name, to.Verdict = owner.As, Known
		} else {
			to.Why = "it is tenant " + owner.Tenant.String() + "'s"
		}
		return
	}
	name, own := physical.String(), false
	if given, ok := q.Names[name]; ok {
		name = given
	} else if rest, ok := strings.CutPrefix(name, q.Tenant.String()+"%"); ok && !q.Tenant.IsDefault() {
		name, own = rest, true
	}
	if i := strings.IndexByte(physical.String(), '%'); i >= 0 && !own {
		if _, err := mq.ParseTenant(physical.String()[:i]); err == nil { // no name of T%x may be another's than T's
			to.Why = "its name is one of tenant " + physical.String()[:i]
			return
		}
	}
	if err := parse(name); err != nil {
		to.Misnamed, to.Why = true, err.Error()+again
		return
	}
	if q.Taken(to.Noun, name) {
		to.Misnamed, to.Why = true, fmt.Sprintf("the tenant has another %s %q"+again, to.Noun, name)
		return
	}
	to.Name, to.Verdict = name, Adopted
}

func (q Question) topic(t mq.TopicSpec, groups map[string]mq.GroupName) Item {
	i := Item{Noun: audit.TopicRecord, Physical: t.Name.String(), Verdict: Left, Topic: t}
	switch group, dead := t.Name.DeadLettersOf(); {
	case dead && groups[group.String()] != (mq.GroupName{}):
		i.Why = "dead letters: they come with group " + groups[group.String()].String()
		return i
	case dead:
		i.Why = "dead letters of a group that is not taken over"
		return i
	case strings.HasPrefix(i.Physical, "%LMQ%"):
		i.Why = "a light queue: clients of proxies cannot reach it"
		return i
	case t.Queues < 1 || t.Queues > mq.MaxQueues:
		i.Why = fmt.Sprintf("it has %d queues, from 1 to %d are possible", t.Queues, mq.MaxQueues)
		return i
	}
	q.name(&i, t.Name, func(s string) error {
		n, err := mq.ParseTopicName(s)
		if _, dead := n.DeadLettersOf(); err == nil && dead {
			return mq.Refuse(mq.IllegalTopic, "topic %q: a group's dead letters come with the group", s)
		}
		return err
	})
	if i.Verdict == Adopted && slices.Contains(q.Has.UnevenTopics, t.Name) {
		i.Why = "not the same on every primary: it stays so"
	}
	return i
}

// maxAttempts is the most that a group may have here.
const maxAttempts = 1000

func (q Question) group(g mq.GroupSpec) Item {
	i := Item{Noun: audit.GroupRecord, Physical: g.Name.String(), Verdict: Left}
	g.Start = mq.Start{Kind: mq.StartByEngine} // what it has read it has read; elsewhere it begins as before
	if g.Hold == q.Has.Coarse.DefaultHold {
		g.Hold = 0
	}
	if g.Retry.IsZero() {
		g.Retry = mq.DefaultRetry()
	}
	i.Group = g
	if strings.ContainsRune(i.Physical, '|') {
		i.Why = "a group of the platform's own"
		return i
	}
	if g.MaxAttempts < 1 || g.MaxAttempts > maxAttempts {
		i.Why = fmt.Sprintf("it delivers %d times, from 1 to %d are possible", g.MaxAttempts, maxAttempts)
		return i
	}
	if g.Hold != 0 && (g.Hold < time.Minute || g.Hold > mq.MaxHold) {
		i.Why = fmt.Sprintf("a message may stay with a consumer for %v, up to %v are possible", g.Hold, mq.MaxHold)
		return i
	}
	q.name(&i, g.Name, func(s string) error { _, err := mq.ParseGroupName(s); return err })
	if i.Verdict == Adopted && slices.Contains(q.Has.UnevenGroups, g.Name) {
		i.Why = "not the same on every primary: it will be"
	}
	return i
}
