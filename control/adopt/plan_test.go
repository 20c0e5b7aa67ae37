// SPDX-License-Identifier: Apache-2.0

package adopt_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/adopt"
	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/mq"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func named(s string) mq.Physical { return must(mq.ParsePhysical(s)) }

func topic(name string) mq.TopicSpec {
	return mq.TopicSpec{Name: named(name), Accepts: mq.AcceptsOf(mq.Normal), Queues: 8}
}

func group(name string) mq.GroupSpec {
	return mq.GroupSpec{Name: named(name), MaxAttempts: 17, Hold: 15 * time.Minute}
}

// question is about a stock cluster, for tenant shop.
func question() adopt.Question {
	return adopt.Question{
		Tenant: must(mq.ParseTenant("shop")),
		Has:    mq.Inventory{Coarse: mq.Coarse{DefaultHold: 15 * time.Minute}},
		Taken:  func(audit.RecordKind, string) bool { return false },
		Skip:   func(user string) bool { return user == "causeway-tenant-shop" },
		Application: func(name string) error {
			if strings.ContainsRune(name, ' ') {
				return fmt.Errorf("no name of an application")
			}
			return nil
		},
	}
}

func told(i adopt.Item) string {
	return strings.TrimRight(fmt.Sprintf("%s %s: %s %s (%s)", i.Noun, i.Physical, i.Verdict, i.Name, i.Why), " ()")
}

func TestAPlanNamesWhatBecomesOfEverything(t *testing.T) {
	q := question()
	many := topic("many")
	many.Queues = 300
	endless := group("endless")
	endless.MaxAttempts = 1_000_001
	q.Has.Topics = []mq.TopicSpec{topic("orders"), topic("%DLQ%billing"), topic("%DLQ%stranger"), topic("%LMQ%light"), many, topic("shop%own"), topic("pay%theirs"),
		topic("mine|x"), topic("taken"), topic("held"), topic("kept"), topic("uneven"), topic("TRANS_CHECK_MAX_TIME_TOPIC2")}
	q.Has.Groups = []mq.GroupSpec{group("billing"), endless, group("redrive|billing"), group("bad%name")}
	q.Has.UnevenTopics = []mq.Physical{named("uneven")}
	q.Has.Own = []mq.Physical{named("%RETRY%billing"), named("TBW102")}
	q.Names = map[string]string{"mine|x": "mine-x"}
	q.Taken = func(k audit.RecordKind, name string) bool { return name == "taken" }
	q.Owners = map[adopt.Thing]adopt.Owner{
		{Noun: audit.TopicRecord, Name: "held"}: {Tenant: must(mq.ParseTenant("pay")), As: "held"}, {Noun: audit.TopicRecord, Name: "kept"}: {Tenant: q.Tenant, As: "as-kept"},
	}
	want := map[string]string{
		"orders": "adopted orders", "%DLQ%billing": "left  (dead letters: they come with group billing", "%DLQ%stranger": "left  (dead letters of a group that is not taken over",
		"%LMQ%light": "left  (a light queue: clients of proxies cannot reach it", "many": "left  (it has 300 queues, from 1 to 256 are possible", "shop%own": "adopted own",
		"pay%theirs": "left  (its name is one of tenant pay", "mine|x": "adopted mine-x", "taken": `left  (the tenant has another topic "taken"; another name can be given`,
		"held": "left  (it is tenant pay's", "kept": "known as-kept", "uneven": "adopted uneven (not the same on every primary: it stays so",
		"TRANS_CHECK_MAX_TIME_TOPIC2": `left  (topic "TRANS_CHECK_MAX_TIME_TOPIC2": the name is reserved for the system; another name can be given`,
		"%RETRY%billing":              "left  (retries of a group: they stay with it", "TBW102": "left  (the brokers keep it for themselves",
		"billing": "adopted billing", "endless": "left  (it delivers 1000001 times, from 1 to 1000 are possible", "redrive|billing": "left  (a group of the platform's own",
		"bad%name": "left  (its name is one of tenant bad",
	}
	for _, i := range adopt.Plan(q) {
		if got := told(i); got != fmt.Sprintf("%s %s: %s", i.Noun, i.Physical, want[i.Physical]) {
			t.Errorf("%s\nwant %s", got, want[i.Physical])
		}
		delete(want, i.Physical)
		if i.Noun == audit.GroupRecord && i.Verdict == adopt.Adopted && (i.Group.Hold != 0 || i.Group.Start.Kind != mq.StartByEngine || i.Group.Retry.IsZero()) {
			t.Errorf("group %+v", i.Group)
		}
	}
	if len(want) > 0 {
		t.Errorf("not told: %v", want)
	}
}

func TestUsersBecomeApplicationsWithTheRightsThatTheirRulesGive(t *testing.T) {
	q := question()
	q.Has.Topics, q.Has.Groups = []mq.TopicSpec{topic("orders"), topic("orders2"), topic("bills")}, []mq.GroupSpec{group("readers"), group("billing")}
	rule := func(resource string, actions ...string) mq.Rule { return mq.Rule{Resource: resource, Actions: actions} }
	denies, bound := rule("Topic:bills", "Pub"), rule("Topic:bills", "Pub")
	denies.Deny, bound.Sources = true, []string{"10.0.0.0/8"}
	q.Accounts = []mq.Account{
		{Name: "root", Secret: "s", Super: true}, {Name: "off", Secret: "s", Disabled: true}, {Name: "mute"}, {Name: "causeway-tenant-shop", Secret: "s"},
		{Name: "sender", Secret: "s1", Rules: []mq.Rule{rule("Topic:orders", "Pub"), rule("Topic:gone", "Pub"), rule("Cluster:c", "Get")}},
		{Name: "reader", Secret: "s2", Rules: []mq.Rule{rule("Topic:ord*", "Sub"), rule("Group:*", "All")}},
		{Name: "no", Secret: "s", Rules: []mq.Rule{rule("Topic:orders", "Pub"), denies}},
		{Name: "near", Secret: "s", Rules: []mq.Rule{bound}},
	}
	got := map[string]adopt.Item{}
	for _, i := range adopt.Plan(q) {
		if i.Noun == audit.ApplicationRecord {
			got[i.Physical] = i
		}
	}
	for name, why := range map[string]string{
		"root": "may everything on the cluster: for operators, not for an application", "off": "is disabled", "mute": "the cluster does not tell his secret",
		"no": "rule for Topic:bills denies: rights here only allow", "near": "rule for Topic:bills holds from some addresses only: rights here hold from everywhere",
	} {
		if i := got[name]; i.Verdict != adopt.Left || i.Why != why || i.User.Secret != "" {
			t.Errorf("%s: %+v", name, i)
		}
	}
	if _, ok := got["causeway-tenant-shop"]; ok {
		t.Error("a user of the platform's own is told")
	}
	s := got["sender"]
	if fmt.Sprint(s.User.Publish, s.User.Read, s.User.Consume) != "[orders] [] []" || s.User.Secret != "s1" ||
		s.Why != "Topic:gone is not taken over; what he may administer is not taken over (Cluster:c)" {
		t.Errorf("%+v", s)
	}
	r := got["reader"]
	if fmt.Sprint(r.User.Publish, r.User.Read, r.User.Consume) != "[] [orders orders2] [billing readers]" ||
		r.Why != "Topic:ord*: the 2 that there are now, none to come; Group:*: the 2 that there are now, none to come" {
		t.Errorf("%+v", r)
	}
}

// Names are judged all at once: one that cannot be given, or would change nothing, is told with its reason.
func TestNamesThatCannotBeGivenAreAllTold(t *testing.T) {
	q := question()
	q.Has.Topics, q.Has.Groups = []mq.TopicSpec{topic("orders"), topic("bills"), topic("held"), topic("odd|name"), topic("shared"), topic("shop%twin"), topic("twin")}, []mq.GroupSpec{group("readers"), group("shared")}
	q.Has.Own = []mq.Physical{named("TBW102")}
	q.Accounts = []mq.Account{{Name: "root", Secret: "s", Super: true}, {Name: "AK1", Secret: "s"}, {Name: "AK2", Secret: "s"}, {Name: "AK3", Secret: "s"}}
	q.Owners = map[adopt.Thing]adopt.Owner{{Noun: audit.TopicRecord, Name: "held"}: {Tenant: q.Tenant, As: "as-held"}, {Noun: audit.KeyRecord, Name: "AK3"}: {Tenant: q.Tenant, As: "three", Revoked: true}}
	q.Names = map[string]string{
		"orders": "old orders", "nosuch": "x", "held": "other", "TBW102": "mine", "root": "mine", "AK1": "a b", "AK2": "AK2", "bills": "same", "readers": "other-readers",
		"odd|name": "same", "shared": "both", "AK3": "four",
	}
	got := strings.Join(adopt.Misnamed(q.Names, adopt.Plan(q)), "\n")
	want := `"AK1": user cannot become "a b": no name of an application
"AK3": user is not taken over: his access key was revoked
"TBW102": topic is not taken over: the brokers keep it for themselves
"held": topic is taken over already, as "as-held"
"nosuch": the cluster has nothing of that name
"odd|name": topic cannot become "same": bills becomes topic "same"
"orders": topic cannot become "old orders": topic "old orders": only A-Z, a-z, 0-9, '_' and '-' may stand in a name
"root": user is not taken over: may everything on the cluster: for operators, not for an application`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	q.Names = map[string]string{"held": "as-held", "readers": "other-readers", "shared": "both"} // the first is so already
	if wrong := adopt.Misnamed(q.Names, adopt.Plan(q)); len(wrong) > 0 {
		t.Errorf("%q", wrong)
	}
}

// Of two things that would have one name the second is left, with the rights on it; what the brokers keep for themselves comes last.
func TestTheSecondOfANameIsLeftAndWhatBrokersKeepComesLast(t *testing.T) {
	q := question()
	q.Has.Topics, q.Has.Own = []mq.TopicSpec{topic("shop%twin"), topic("shop%aaa"), topic("aaa"), topic("twin")}, []mq.Physical{named("TBW102"), named("%RETRY%a")}
	q.Accounts = []mq.Account{{Name: "AK", Secret: "s", Rules: []mq.Rule{{Resource: "Topic:twin", Actions: []string{"Pub"}}, {Resource: "Topic:shop%aaa", Actions: []string{"Pub"}}}}}
	var got []string
	for _, i := range adopt.Plan(q) {
		got = append(got, strings.TrimSpace(fmt.Sprintln(i.Noun, i.Physical, i.Verdict, i.Name, i.User.Publish)))
	}
	want := "topic aaa adopted aaa []|topic shop%aaa left  []|topic shop%twin adopted twin []|topic twin left  []|application AK adopted AK []|topic %RETRY%a left  []|topic TBW102 left  []"
	if all := strings.Join(got, "|"); all != want {
		t.Errorf("%s\nwant %s", all, want)
	}
}
