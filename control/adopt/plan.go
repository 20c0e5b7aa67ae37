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
}

// Thing is a topic or group by the cluster's name, or an access key.
type Thing struct {
	Noun audit.RecordKind
	Name string
}

// Owner is whose a thing is, and under what name.
type Owner struct {
	Tenant mq.Tenant
	As     string
}

// Plan judges everything that the cluster has, sorted by noun and name.
func Plan(q Question) []Item {
	var all []Item
	topics, groups := map[string]mq.TopicName{}, map[string]mq.GroupName{}
	for _, g := range q.Has.Groups {
		i := q.group(g)
		if n, err := mq.ParseGroupName(i.Name); err == nil && i.Verdict != Left {
			groups[i.Physical] = n
		}
		all = append(all, i)
	}
	for _, t := range q.Has.Topics {
		i := q.topic(t, groups)
		if n, err := mq.ParseTopicName(i.Name); err == nil && i.Verdict != Left {
			topics[i.Physical] = n
		}
		all = append(all, i)
	}
	for _, name := range q.Has.Own {
		all = append(all, Item{Noun: audit.TopicRecord, Physical: name.String(), Verdict: Left, Why: whyOwn(name.String())})
	}
	for _, a := range q.Accounts {
		if !q.Skip(a.Name) {
			all = append(all, q.user(a, topics, groups))
		}
	}
	slices.SortStableFunc(all, func(a, b Item) int {
		return cmp.Or(-cmp.Compare(a.Noun, b.Noun), cmp.Compare(a.Physical, b.Physical)) // topics, groups, applications
	})
	return all
}

func whyOwn(name string) string {
	if strings.HasPrefix(name, "%RETRY%") {
		return "retries of a group: they stay with it"
	}
	return "the brokers keep it for themselves"
}

// name is what a thing will be called, or why it cannot be.
func (q Question) name(noun audit.RecordKind, physical mq.Physical, parse func(string) error) (name string, v Verdict, why string) {
	if owner, taken := q.Owners[Thing{noun, physical.String()}]; taken {
		if owner.Tenant == q.Tenant {
			return owner.As, Known, ""
		}
		return "", Left, "it is tenant " + owner.Tenant.String() + "'s"
	}
	name, own := physical.String(), false
	if given, ok := q.Names[name]; ok {
		name = given
	} else if rest, ok := strings.CutPrefix(name, q.Tenant.String()+"%"); ok && !q.Tenant.IsDefault() {
		name, own = rest, true
	}
	if i := strings.IndexByte(physical.String(), '%'); i >= 0 && !own {
		if _, err := mq.ParseTenant(physical.String()[:i]); err == nil { // no name of T%x may be another's than T's
			return "", Left, "its name is one of tenant " + physical.String()[:i]
		}
	}
	if err := parse(name); err != nil {
		return "", Left, err.Error() + "; another name can be given"
	}
	if q.Taken(noun, name) {
		return "", Left, fmt.Sprintf("the tenant has another %s %q; another name can be given", noun, name)
	}
	return name, Adopted, ""
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
	i.Name, i.Verdict, i.Why = q.name(audit.TopicRecord, t.Name, func(s string) error {
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
	i.Name, i.Verdict, i.Why = q.name(audit.GroupRecord, g.Name, func(s string) error { _, err := mq.ParseGroupName(s); return err })
	if i.Verdict == Adopted && slices.Contains(q.Has.UnevenGroups, g.Name) {
		i.Why = "not the same on every primary: it will be"
	}
	return i
}
