// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

func pick(t testing.TB, id ID, text string, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if id.Kind == "" {
		t.Fatalf("no id: %s", text)
	}
	return text
}

// world is one of everything, with every field set.
func world(t testing.TB) (lines []string, want catalog.Difference) {
	pay, east, west := must(mq.ParseTenant("pay")), must(mq.ParseCluster("east")), must(mq.ParseCluster("west"))
	orders, billing := must(mq.ParseTopicName("orders")), must(mq.ParseGroupName("billing"))
	tenants := []catalog.Tenant{{ID: pay, Disabled: true}, {ID: must(mq.ParseTenant("default")), Unsigned: catalog.UnsignedLoopback}, {ID: must(mq.ParseTenant("open")), Unsigned: catalog.UnsignedAnybody}}
	app := &catalog.App{
		Tenant: pay, Name: "ledger", Owner: true, Disabled: true, Publish: map[mq.TopicName]bool{orders: true},
		Subscribe: map[mq.GroupName]bool{billing: true}, SubscribeTopics: map[mq.TopicName]bool{orders: true},
	}
	keys := []catalog.Key{
		{ID: "AK1", Secret: "s3cret", App: app, Expires: time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC)},
		{ID: "AK2", Secret: "other", App: app, Revoked: true},
	}
	topics := []catalog.Topic{{
		Tenant: pay, Name: orders, Move: catalog.Move{Stage: catalog.Draining, Peer: west},
		Topic: mq.Topic{
			Name: must(mq.ParsePhysical("legacy_orders")), Cluster: east, Accepts: mq.AcceptsOf(mq.FIFO, mq.Transaction), Queues: 8,
			Durability: must(mq.Window(20 * time.Millisecond)), Retention: 72 * time.Hour,
		},
	}}
	groups := []catalog.Group{
		{Tenant: pay, Name: billing, Paused: true, Move: catalog.Move{Stage: catalog.Fencing, Peer: west}, Group: mq.Group{
			Name: must(mq.ParsePhysical("pay%billing")), Cluster: east, Ordered: true, MaxAttempts: 5, Hold: 90 * time.Second,
			Retry: mq.RetryPolicy{Steps: []time.Duration{time.Second, 5 * time.Second}}, Start: mq.Start{Kind: mq.StartAt, Time: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)},
		}},
		{Tenant: pay, Name: must(mq.ParseGroupName("report")), Group: mq.Group{
			Name: must(mq.ParsePhysical("legacy_report")), Cluster: west, Mode: mq.Pulls, MaxAttempts: 17, Start: mq.Start{Kind: mq.StartLatest},
			Retry: mq.RetryPolicy{Initial: time.Second, Max: time.Minute, Multiplier: 2.5},
		}},
		{Tenant: pay, Name: must(mq.ParseGroupName("first")), Group: mq.Group{Name: must(mq.ParsePhysical("pay%first")), Cluster: west, MaxAttempts: 1, Start: mq.Start{Kind: mq.StartEarliest}}},
		{Tenant: pay, Name: must(mq.ParseGroupName("any")), Group: mq.Group{Name: must(mq.ParsePhysical("pay%any")), Cluster: west, MaxAttempts: 1, Start: mq.Start{Kind: mq.StartByEngine}}},
	}
	add := func(id ID, text string, err error) { lines = append(lines, pick(t, id, text, err)) }
	for _, x := range tenants {
		add(Tenant(x))
	}
	add(Application(app))
	for _, x := range keys {
		add(Key(x))
	}
	for _, x := range topics {
		add(Topic(x))
	}
	for _, x := range groups {
		add(Group(x))
	}
	grants := []catalog.Grant{{
		ID: "g1", Borrower: must(mq.ParseTenant("open")), As: must(mq.ParseTopicName("pay-orders")), Owner: pay, Topic: orders, Publish: true, Subscribe: true,
		Expires: time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC),
	}}
	add(Grant(grants[0]))
	return lines, catalog.Difference{Version: 7, Tenants: tenants, Apps: []*catalog.App{app}, Keys: keys, Topics: topics, Groups: groups, Grants: grants}
}

func epoch() Epoch { return Epoch{ID: "0123456789abcdef"} }

// document writes lines with the sum of a whole state.
func document(t testing.TB, h Head, lines, whole []string) []byte {
	t.Helper()
	var s Sum
	for _, l := range whole {
		s.Add(l)
	}
	h.Sum = s.Of(h.Epoch, h.Version)
	data, err := Encode(h, lines)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func apply(t testing.TB, to *State, data []byte) *State {
	t.Helper()
	d, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	next, err := to.Apply(d)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// said is what a document says, in the order of names.
func said(t testing.TB, data []byte) catalog.Difference {
	t.Helper()
	d, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return tidy(d.Difference())
}

// tidy sorts, and leaves of each key's application the name alone, which is all that a key says of it.
func tidy(c catalog.Difference) catalog.Difference {
	c.Keys = slices.Clone(c.Keys)
	for i, k := range c.Keys {
		c.Keys[i].App = &catalog.App{Tenant: k.App.Tenant, Name: k.App.Name}
	}
	slices.SortFunc(c.Tenants, func(a, b catalog.Tenant) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	slices.SortFunc(c.Keys, func(a, b catalog.Key) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(c.Topics, func(a, b catalog.Topic) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	slices.SortFunc(c.Groups, func(a, b catalog.Group) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	return c
}

func TestEveryFieldOfACatalogArrives(t *testing.T) {
	lines, want := world(t)
	sent := document(t, Head{Epoch: epoch(), Version: 7}, lines, lines)
	if got := said(t, sent); !reflect.DeepEqual(got, tidy(want)) {
		t.Errorf("it arrived as\n%+v\nand was\n%+v", got, want)
	}
	s := apply(t, Empty(), sent)
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if again := apply(t, Empty(), data); !reflect.DeepEqual(said(t, data), tidy(want)) || again.Sum() != s.Sum() || again.Epoch() != epoch() || again.Version() != 7 {
		t.Error("what is kept on disk is something else")
	}
}

func TestADeltaGivesWhatTheSnapshotWouldGive(t *testing.T) {
	lines, _ := world(t)
	s := apply(t, Empty(), document(t, Head{Epoch: epoch(), Version: 7}, lines, lines))
	_, changed, err := Tenant(catalog.Tenant{ID: must(mq.ParseTenant("pay"))})
	if err != nil {
		t.Fatal(err)
	}
	gone := must(Gone(ID{GroupKind, "pay", "any"}))
	after := slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
		return strings.Contains(l, `"name":"any"`) || strings.HasPrefix(l, `{"tenant":{"id":"pay"`)
	})
	after = append(after, changed)
	delta := document(t, Head{Epoch: epoch(), Version: 9, After: 7}, []string{changed, gone}, after)
	got, whole := apply(t, s, delta), apply(t, Empty(), document(t, Head{Epoch: epoch(), Version: 9}, after, after))
	if a, b := must(got.Encode()), must(whole.Encode()); !bytes.Equal(a, b) || got.Sum() != whole.Sum() || got.Len() != len(after) {
		t.Errorf("%s\n%s", a, b)
	}
	if d := said(t, delta); len(d.Tenants) != 1 || d.Tenants[0].Disabled || !reflect.DeepEqual(d.Gone, catalog.Gone{Groups: []catalog.GroupID{{Tenant: must(mq.ParseTenant("pay")), Name: must(mq.ParseGroupName("any"))}}}) {
		t.Errorf("the delta says %+v", d)
	}
	if s.Len() != len(lines) || s.Version() != 7 {
		t.Error("the state before was changed")
	}
	again := must(Decode(delta))
	if _, err := got.Apply(again); mq.KindOf(err) != mq.Conflict {
		t.Errorf("a delta over another version: %v", err)
	}
	if lost := got.Lost(); lost != (Loss{0, 3}) {
		t.Errorf("tenants lost: %+v", lost)
	}
}

func TestNoDamageGoesUnseen(t *testing.T) {
	lines, _ := world(t)
	data := document(t, Head{Epoch: epoch(), Version: 7}, lines, lines)
	ok := func(data []byte) bool {
		d, err := Decode(data)
		if err != nil {
			return false
		}
		_, err = Empty().Apply(d)
		return err == nil
	}
	if !ok(data) {
		t.Fatal("it is damaged as it is")
	}
	for i := range data {
		for _, flip := range []byte{0x01, 0x20} {
			data[i] ^= flip
			if ok(data) && !strings.EqualFold(string(data[:i+1]), string(data[:i])+string(data[i]^0x20)) {
				t.Errorf("byte %d became %q, and nobody noticed: %q", i, data[i], data[max(0, i-20):min(len(data), i+20)])
			}
			data[i] ^= flip
		}
	}
	for n := range data {
		if ok(data[:n]) {
			t.Errorf("cut after %d of %d bytes, and nobody noticed", n, len(data))
		}
	}
	if ok(append(slices.Clone(data), data...)) {
		t.Error("it stands there twice, and nobody noticed")
	}
}

func TestBadDocumentsAreRefusedWithTheirReason(t *testing.T) {
	for name, c := range map[string]struct{ line, says string }{
		"an unknown key":         {`{"tenant":{"id":"pay","admin":true}}`, "admin"},
		"an unknown record":      {`{"quota":{"id":"pay"}}`, "quota"},
		"two records":            {`{"tenant":{"id":"pay"},"gone":{"kind":"key","tenant":"a","name":"b"}}`, "one record"},
		"nothing":                {`{}`, "one record"},
		"no name":                {`{"topic":{"tenant":"pay","name":""}}`, "one record"},
		"two on a line":          {`{"tenant":{"id":"pay"}} {"tenant":{"id":"b"}}`, "a line is one record"},
		"a bad tenant":           {`{"tenant":{"id":"Pay"}}`, "Pay"},
		"a bad trust":            {`{"tenant":{"id":"pay","unsigned":"all"}}`, "unsigned"},
		"a bad topic":            {`{"topic":{"tenant":"pay","name":"a b","physical":"x","cluster":"c","accepts":["normal"]}}`, "topic"},
		"a topic for nothing":    {`{"topic":{"tenant":"pay","name":"a","physical":"x","cluster":"c","accepts":[]}}`, "accepts"},
		"a bad cluster":          {`{"topic":{"tenant":"pay","name":"a","physical":"x","cluster":"","accepts":["normal"]}}`, "cluster"},
		"a bad move":             {`{"topic":{"tenant":"pay","name":"a","physical":"x","cluster":"c","accepts":["normal"],"move":{"stage":"gone","peer":"d"}}}`, "move"},
		"a duration below 0":     {`{"group":{"tenant":"pay","name":"a","physical":"x","cluster":"c","max_attempts":1,"hold":"-1s"}}`, "below 0"},
		"no attempts":            {`{"group":{"tenant":"pay","name":"a","physical":"x","cluster":"c"}}`, "max_attempts"},
		"a bad start":            {`{"group":{"tenant":"pay","name":"a","physical":"x","cluster":"c","max_attempts":1,"start":"now"}}`, "now"},
		"a key without a secret": {`{"key":{"tenant":"pay","app":"a","id":"k"}}`, "secret"},
		"nothing of that kind":   {`{"gone":{"kind":"quota","tenant":"pay","name":"a"}}`, "of that kind"},
		"a bad name of the gone": {`{"gone":{"kind":"topic","tenant":"pay","name":"a b"}}`, "topic"},
		"a grant of nothing":     {`{"grant":{"tenant":"a","id":"g","as":"x","owner":"b","topic":"y"}}`, "publish or subscribe"},
		"a grant of nobody's":    {`{"grant":{"tenant":"a","id":"g","as":"x","owner":"","topic":"y","publish":true}}`, "tenant"},
		"a bad right":            {`{"app":{"tenant":"pay","name":"a","publish":["a b"]}}`, "topic"},
	} {
		_, err := Decode(must(Encode(Head{Epoch: epoch(), Version: 1}, []string{c.line})))
		if mq.KindOf(err) != mq.BadRequest || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	twice := []string{`{"tenant":{"id":"pay"}}`, `{"gone":{"kind":"tenant","tenant":"pay","name":"pay"}}`}
	if _, err := Decode(must(Encode(Head{Epoch: epoch(), Version: 1}, twice))); mq.KindOf(err) != mq.BadRequest || !strings.Contains(err.Error(), "line 3: tenant pay of tenant pay stands there twice") {
		t.Errorf("one record twice: %v", err)
	}
	for name, c := range map[string]struct{ text, says string }{
		"nothing":        {"", "no head"},
		"another format": {`{"format":2,"epoch":{"id":"x"},"version":1,"lines":0,"sum":""}` + "\n", "format 2"},
		"no end of line": {`{"format":1,"epoch":{"id":"x"},"version":1,"lines":0,"sum":""}`, "head"},
		"too few lines":  {`{"format":1,"epoch":{"id":"x"},"version":1,"lines":1,"sum":""}` + "\n", "0 whole lines"},
	} {
		if _, err := Decode([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRightsOfAClustersUsersHaveNoPlaceInAFeed(t *testing.T) {
	if _, _, err := Application(&catalog.App{Tenant: must(mq.ParseTenant("pay")), Name: "x", Rules: catalog.NewRules(nil)}); err == nil {
		t.Error("they were written as rights that nobody has")
	}
}

func TestAKeyWithoutItsApplicationLetsNobodyIn(t *testing.T) {
	lines, _ := world(t)
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, `{"app"`) })
	s := (&catalog.Snapshot{}).With(said(t, document(t, Head{Epoch: epoch(), Version: 7}, lines, lines)))
	if k, ok := s.Key("AK1"); !ok || !k.App.Disabled {
		t.Errorf("%+v", k)
	}
}

func TestTenantsThatADocumentTakesAwayAreCounted(t *testing.T) {
	lines, _ := world(t)
	s := apply(t, Empty(), document(t, Head{Epoch: epoch(), Version: 7}, lines, lines))
	without := func(id string) func(string) bool {
		return func(l string) bool { return strings.HasPrefix(l, `{"tenant":{"id":"`+id) }
	}
	less := slices.DeleteFunc(slices.Clone(lines), without("pay"))
	gone := must(Gone(ID{TenantKind, "pay", "pay"}))
	byDelta := apply(t, s, document(t, Head{Epoch: epoch(), Version: 8, After: 7}, []string{gone, must(Gone(ID{TenantKind, "never", "never"}))}, less))
	anew := apply(t, s, document(t, Head{Epoch: epoch(), Version: 8}, less, less))
	if byDelta.Lost() != (Loss{1, 3}) || anew.Lost() != byDelta.Lost() {
		t.Errorf("by a delta %+v, by a snapshot %+v", byDelta.Lost(), anew.Lost())
	}
	if next := apply(t, byDelta, document(t, Head{Epoch: epoch(), Version: 9, After: 8}, nil, less)); next.Lost() != (Loss{0, 2}) {
		t.Errorf("what goes on has lost %+v", next.Lost())
	}
}

// FuzzDecode: whatever comes, a document is refused or is one that is written the same way again.
func FuzzDecode(f *testing.F) {
	lines, _ := world(f)
	f.Add(document(f, Head{Epoch: epoch(), Version: 7}, lines, lines))
	f.Add([]byte(fmt.Sprintf(`{"format":%d,"epoch":{"id":"x"},"version":1,"lines":0,"sum":""}`+"\n", Format)))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Decode(data)
		if err != nil {
			return
		}
		s, err := Empty().Apply(d)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if next := apply(t, Empty(), again); next.Sum() != s.Sum() {
			t.Error("it is another catalog when it is written again")
		}
	})
}
