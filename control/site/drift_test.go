// SPDX-License-Identifier: Apache-2.0

package site

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/mq"
)

func named(t *testing.T, s string) mq.Physical {
	t.Helper()
	p, err := mq.ParsePhysical(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A cluster of two primaries that keeps neither retention nor start: what it cannot tell is no drift.
func TestWhatAClusterDoesNotKeepIsNoDrift(t *testing.T) {
	coarse := mq.Coarse{Primaries: 2, Plain: true, DefaultHold: 15 * time.Minute, HoldUnit: time.Minute, Whole: true}
	topic := mq.TopicSpec{Name: named(t, "t"), Accepts: mq.AcceptsOf(mq.Normal), Queues: 7, Retention: time.Hour}
	group := mq.GroupSpec{Name: named(t, "g"), Mode: mq.Pulls, MaxAttempts: 17, Retry: mq.DefaultRetry(), Start: mq.Start{Time: time.Unix(9, 0)}, Hold: 90 * time.Second}
	letters := mq.TopicSpec{Name: named(t, "%DLQ%g"), Accepts: mq.AcceptsOf(mq.Normal), Queues: 1}
	wants := []Want{{Ref: audit.Ref{Kind: audit.TopicRecord, Name: "t"}, Topic: topic}, {Ref: audit.Ref{Kind: audit.GroupRecord, Name: "g"}, Topic: letters, Group: &group}}
	held := func() mq.Inventory {
		return mq.Inventory{
			Coarse: coarse,
			Topics: []mq.TopicSpec{{Name: topic.Name, Accepts: topic.Accepts, Queues: 8}, {Name: letters.Name, Accepts: letters.Accepts, Queues: 2}},
			Groups: []mq.GroupSpec{{Name: group.Name, MaxAttempts: 17, Hold: 2 * time.Minute}},
		}
	}
	for name, c := range map[string]struct {
		change func(*mq.Inventory)
		kind   DriftKind
		detail string
	}{
		"as it is":              {func(*mq.Inventory) {}, "", ""},
		"more queues":           {func(i *mq.Inventory) { i.Topics[0].Queues = 12 }, "", ""},
		"fewer queues":          {func(i *mq.Inventory) { i.Topics[0].Queues = 4 }, Different, "queues: 4, wanted 8"},
		"another type":          {func(i *mq.Inventory) { i.Topics[0].Accepts = mq.AcceptsOf(mq.FIFO) }, Different, "types: fifo, wanted normal"},
		"a topic that is gone":  {func(i *mq.Inventory) { i.Topics = i.Topics[1:] }, Missing, ""},
		"an uneven topic":       {func(i *mq.Inventory) { i.UnevenTopics = []mq.Physical{topic.Name} }, Uneven, "not the same on every primary"},
		"an uneven group":       {func(i *mq.Inventory) { i.UnevenGroups = []mq.Physical{group.Name} }, Different, "not the same on every primary"},
		"another hold":          {func(i *mq.Inventory) { i.Groups[0].Hold = time.Minute }, Different, "hold: 1m0s, wanted 2m0s"},
		"no order":              {func(i *mq.Inventory) { i.Groups[0].Ordered = true }, Different, "ordered: true, wanted false"},
		"a topic of a stranger": {func(i *mq.Inventory) { i.Topics = append(i.Topics, mq.TopicSpec{Name: named(t, "x")}) }, Extra, ""},
	} {
		inv := held()
		c.change(&inv)
		got := Compare(inv, wants, nil)
		if c.kind == "" && len(got) > 0 || c.kind != "" && (len(got) != 1 || got[0].Kind != c.kind || got[0].Detail != c.detail) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	inv := held()
	inv.Topics = inv.Topics[1:]
	wants[0].Fresh = true
	if got := Compare(inv, wants, nil); len(got) > 0 {
		t.Errorf("what was just made is missed: %+v", got)
	}
	if got := Compare(held(), wants[:1], wants); len(got) > 0 {
		t.Errorf("what is being deleted is drift: %+v", got)
	}
}
