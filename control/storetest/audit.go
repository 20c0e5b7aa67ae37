// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/mq"
)

func auditCases() []testCase {
	return []testCase{
		{"every change is a row of audit", everyChangeIsARow},
		{"a row comes back as it was written", rowsComeBack},
		{"a change that cannot be audited does not happen", unauditedChanges},
		{"a refused change leaves no row", refusedChanges},
		{"a chain that nobody touched holds", untouchedChain},
		{"a changed row shows", changedRows},
		{"a missing row shows", missingRows},
		{"rows that changed places show", movedRows},
		{"rows cut off at the end show", cutRows},
		{"a row that nobody wrote shows", strangeRows},
		{"rows of many writers have no gaps", manyWriters},
		{"rows are found by time, tenant, actor and target, page by page", foundRows},
		{"the change log tells what changed after a version", changeLog},
		{"the change log tells that something was gone in between", changeLogReturns},
		{"the change log says when it does not go back so far", changeLogEnds},
	}
}

// row is the audit row of a change of a record.
func row(r control.Record) control.Entry {
	return control.Entry{
		Time: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), Actor: control.Actor{Kind: control.MemberActor, Name: "ada", Role: "developer"},
		Action: "test.change", Target: r.Ref(), Outcome: control.Done, After: "{}",
	}
}

// chain reads every row, oldest first.
func chain(t *testing.T, s control.Store) []control.Entry {
	t.Helper()
	some, _, err := s.Chain(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return some
}

func everyChangeIsARow(t *testing.T, on Subject) {
	c := fill(t, on.Store)
	topic := c.Topics[0]
	topic.Revision = must[control.Version](t)(on.Store.Put(context.Background(), topic, row(topic)))
	removed := must[control.Version](t)(on.Store.Remove(context.Background(), topic, row(topic)))
	rows := chain(t, on.Store)
	if len(rows) != len(nouns(t))+2 {
		t.Fatalf("%d rows for %d changes", len(rows), len(nouns(t))+2)
	}
	for i, e := range rows {
		if e.Number != uint64(i+1) || i > 0 && e.Version != rows[i-1].Version+1 {
			t.Errorf("row %d has number %d and version %d", i, e.Number, e.Version)
		}
	}
	if last := rows[len(rows)-1]; last.Version != removed || last.Target != topic.Ref() {
		t.Errorf("the last change made version %d, its row says %d of %v", removed, last.Version, last.Target)
	}
}

func rowsComeBack(t *testing.T, on Subject) {
	want := control.Entry{
		Time:   time.Date(2026, 11, 23, 10, 11, 12, 131415000, time.UTC),
		Actor:  control.Actor{Kind: control.TokenActor, Name: "ci ✓ 'quoted'", Role: "tenant-admin", Remote: "[2001:db8::1]:443", Request: "r-9"},
		Action: "group.reset", Target: control.Ref{Kind: control.GroupRecord, Tenant: "shop", Name: "invoices"},
		Before: `{"a":1}`, After: `{"note":"'); DROP TABLE audit; -- ? $1"}`, Outcome: control.Denied, Why: "no right",
	}
	for range 2 {
		if err := on.Store.Append(context.Background(), want); err != nil {
			t.Fatal(err)
		}
	}
	rows := chain(t, on.Store)
	if len(rows) != 2 || rows[0].Hash == "" || rows[0].Hash == rows[1].Hash || rows[1].Hash != rows[1].Sum(rows[0].Hash) {
		t.Fatalf("the chain holds %+v", rows)
	}
	want.Number, want.Hash = 1, rows[0].Hash
	if !reflect.DeepEqual(rows[0], want) {
		t.Errorf("got\n%+v\nwant\n%+v", rows[0], want)
	}
}

func unauditedChanges(t *testing.T, on Subject) {
	s := on.Store
	want := fill(t, s)
	on.Exec("ALTER TABLE audit RENAME TO audit_away")
	tenant := must[mq.Tenant](t)(mq.ParseTenant("other"))
	for name, change := range map[string]func() error{
		"add": func() error {
			r := control.Tenant{ID: tenant}
			_, err := s.Add(context.Background(), r, row(r))
			return err
		},
		"put": func() error { _, err := s.Put(context.Background(), want.Topics[0], row(want.Topics[0])); return err },
		"remove": func() error {
			_, err := s.Remove(context.Background(), want.Applications[0], row(want.Applications[0]))
			return err
		},
		"append": func() error { return s.Append(context.Background(), row(want.Topics[0])) },
	} {
		if err := change(); mq.Outcome(err) != mq.Refused {
			t.Errorf("%s without its row: %v, want a refusal", name, err)
		}
	}
	on.Exec("ALTER TABLE audit_away RENAME TO audit")
	sameCatalog(t, s, want)
	if n := len(chain(t, s)); n != len(nouns(t)) {
		t.Errorf("%d rows", n)
	}
	holds(t, s)
}

func refusedChanges(t *testing.T, on Subject) {
	c := fill(t, on.Store)
	stale := c.Topics[0]
	stale.Revision--
	if _, err := on.Store.Put(context.Background(), stale, row(stale)); err == nil {
		t.Fatal("a stale record was put")
	}
	if n := len(chain(t, on.Store)); n != len(nouns(t)) {
		t.Errorf("%d rows", n)
	}
	holds(t, on.Store)
}

// verified is what a look at the chain finds.
func verified(t *testing.T, s control.Store) control.AuditReport {
	t.Helper()
	r, err := audit.Verify(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func holds(t *testing.T, s control.Store) {
	t.Helper()
	if r := verified(t, s); len(r.Broken) != 0 {
		t.Errorf("the chain is said to be broken: %+v", r.Broken)
	}
}

func breaksAt(t *testing.T, s control.Store, number uint64) {
	t.Helper()
	r := verified(t, s)
	if len(r.Broken) == 0 || r.Broken[0].Number != number || r.Broken[0].Why == "" {
		t.Errorf("found %+v, the chain is broken at %d", r.Broken, number)
	}
}

// long writes more rows than one piece of a chain holds.
func long(t *testing.T, s control.Store) uint64 {
	t.Helper()
	fill(t, s)
	const rows = 1100
	for i := range rows {
		e := row(nouns(t)[0])
		e.Why = fmt.Sprint("row ", i)
		if err := s.Append(context.Background(), e); err != nil {
			t.Fatal(err)
		}
	}
	return rows + uint64(len(nouns(t)))
}

func untouchedChain(t *testing.T, on Subject) {
	holds(t, on.Store)
	n := long(t, on.Store)
	holds(t, on.Store)
	if r := verified(t, on.Store); r.Rows != n || r.Head.Number != n || r.Head.Hash == "" {
		t.Errorf("%d rows, the report says %+v", n, r)
	}
}

func changedRows(t *testing.T, on Subject) {
	n := long(t, on.Store)
	for _, change := range []string{
		"actor = 'eve'", "actor_kind = 'token'", "role = 'x'", "remote = 'x'", "request = 'x'", "at = at + 1", "version = version + 1", "action = 'x'", "kind = 'x'",
		"tenant = 'x'", "name = 'x'", "was = '{}'", "became = '{1}'", "outcome = 'denied'", "why = 'x'", "hash = 'x'",
	} {
		column, _, _ := strings.Cut(change, " ")
		on.Exec("CREATE TABLE kept AS SELECT " + column + " AS it FROM audit WHERE number = 3")
		on.Exec("UPDATE audit SET " + change + " WHERE number = 3")
		breaksAt(t, on.Store, 3)
		on.Exec("UPDATE audit SET " + column + " = (SELECT it FROM kept) WHERE number = 3")
		on.Exec("DROP TABLE kept")
	}
	holds(t, on.Store)
	on.Exec(fmt.Sprintf("UPDATE audit SET why = 'x' WHERE number = %d", n))
	breaksAt(t, on.Store, n)
}

func missingRows(t *testing.T, on Subject) {
	long(t, on.Store)
	on.Exec("DELETE FROM audit WHERE number = 4")
	breaksAt(t, on.Store, 4)
	on.Exec("DELETE FROM audit WHERE number < 4")
	breaksAt(t, on.Store, 1)
}

func movedRows(t *testing.T, on Subject) {
	long(t, on.Store)
	on.Exec("UPDATE audit SET number = -1 WHERE number = 2")
	on.Exec("UPDATE audit SET number = 2 WHERE number = 3")
	on.Exec("UPDATE audit SET number = 3 WHERE number = -1")
	breaksAt(t, on.Store, 2)
}

func cutRows(t *testing.T, on Subject) {
	n := long(t, on.Store)
	on.Exec(fmt.Sprintf("DELETE FROM audit WHERE number > %d", n-3))
	breaksAt(t, on.Store, n-2)
	on.Exec("DELETE FROM audit")
	breaksAt(t, on.Store, 1)
}

func strangeRows(t *testing.T, on Subject) {
	n := long(t, on.Store)
	on.Exec(fmt.Sprintf("INSERT INTO audit SELECT number + 1, version, at, actor_kind, actor, role, remote, request, action, kind, tenant, name, was, became, outcome, why, hash FROM audit WHERE number = %d", n))
	breaksAt(t, on.Store, n+1)
}

func manyWriters(t *testing.T, on Subject) {
	first := nouns(t)[0]
	must[control.Version](t)(on.Store.Add(context.Background(), first, row(first)))
	other := on.Again()
	var done sync.WaitGroup
	for i := range 20 {
		s := []control.Store{on.Store, other}[i%2]
		done.Go(func() {
			r := control.Tenant{ID: must[mq.Tenant](t)(mq.ParseTenant(fmt.Sprint("t", i)))}
			if _, err := s.Add(context.Background(), r, row(r)); err != nil {
				t.Error(err)
			}
		})
		done.Go(func() {
			if err := s.Append(context.Background(), row(first)); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if r := verified(t, on.Store); r.Rows != 41 || len(r.Broken) != 0 {
		t.Errorf("%+v", r)
	}
	at := control.Version(0)
	for _, e := range chain(t, on.Store) {
		if e.Version == 0 {
			continue
		}
		if at != 0 && e.Version != at+1 {
			t.Errorf("version %d stands behind %d", e.Version, at)
		}
		at = e.Version
	}
}

func foundRows(t *testing.T, on Subject) {
	begin := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for i := range 12 {
		e := control.Entry{
			Time: begin.Add(time.Duration(i) * time.Minute), Actor: control.Actor{Kind: control.MemberActor, Name: []string{"ada", "bob"}[i%2]},
			Action: "topic.delete", Target: control.Ref{Kind: control.TopicRecord, Tenant: []string{"a", "b", "c"}[i%3], Name: []string{"x", "X", "x%", "y"}[i%4]},
			Outcome: []control.Outcome{control.Done, control.Denied}[i/6],
		}
		if err := on.Store.Append(context.Background(), e); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		query control.AuditQuery
		want  []uint64
	}{
		"all":                   {control.AuditQuery{}, []uint64{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
		"a time":                {control.AuditQuery{From: begin.Add(2 * time.Minute), To: begin.Add(4 * time.Minute)}, []uint64{4, 3}},
		"a tenant":              {control.AuditQuery{Tenant: "b"}, []uint64{11, 8, 5, 2}},
		"an actor":              {control.AuditQuery{Actor: "bob"}, []uint64{12, 10, 8, 6, 4, 2}},
		"a target":              {control.AuditQuery{Kind: control.TopicRecord, Name: "x"}, []uint64{9, 5, 1}},
		"a name with a percent": {control.AuditQuery{Name: "x%"}, []uint64{11, 7, 3}},
		"denials":               {control.AuditQuery{Outcome: control.Denied, Actor: "ada"}, []uint64{11, 9, 7}},
		"nothing":               {control.AuditQuery{Tenant: "A"}, nil},
		"a page":                {control.AuditQuery{Below: 7, Limit: 2}, []uint64{6, 5}},
	} {
		if c.query.Limit == 0 {
			c.query.Limit = 100
		}
		some, err := on.Store.Entries(context.Background(), c.query)
		var got []uint64
		for _, e := range some {
			got = append(got, e.Number)
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: rows %v, %v, want %v", name, got, err, c.want)
		}
	}
}

func changeLog(t *testing.T, on Subject) {
	s := on.Store
	c := fill(t, s)
	if err := s.Append(context.Background(), row(c.Topics[0])); err != nil { // a denial changes nothing
		t.Fatal(err)
	}
	if got, err := s.Since(context.Background(), c.Version); err != nil || got.Version != c.Version || got.Lost || len(got.Changed) != 0 {
		t.Errorf("nothing has changed, yet %+v, %v", got, err)
	}
	topic, app := c.Topics[0], c.Applications[0]
	for range 3 {
		topic.Note += "!"
		topic.Revision = must[control.Version](t)(s.Put(context.Background(), topic, row(topic)))
	}
	gone := must[control.Version](t)(s.Remove(context.Background(), app, lastRow(app)))
	want := control.Changes{Version: gone, Changed: []control.Changed{
		{Version: topic.Revision, Ref: topic.Ref(), Record: topic},
		{Version: gone, Ref: app.Ref(), Left: true},
	}}
	got, err := s.Since(context.Background(), c.Version)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, %v\nwant\n%+v", got, err, want)
	}
	begin := c.Tenants[0].Revision - 1
	all, err := s.Since(context.Background(), begin)
	if err != nil || len(all.Changed) != len(nouns(t)) || all.Changed[0].Record != control.Record(c.Tenants[0]) {
		t.Errorf("from the beginning: %+v, %v", all, err)
	}
	for _, one := range all.Changed {
		if gone := one.Record == nil; gone != (one.Ref.Kind == control.ApplicationRecord || one.Ref.Kind == control.KeyRecord) {
			t.Errorf("%v: %+v", one.Ref, one.Record)
		}
	}
}

// lastRow is the row of a removal: nothing is there afterwards.
func lastRow(r control.Record) control.Entry {
	e := row(r)
	e.After = ""
	return e
}

// Who follows must learn that keys went with an application, even when he looks after it was made anew.
func changeLogReturns(t *testing.T, on Subject) {
	s := on.Store
	c := fill(t, s)
	app := c.Applications[0]
	must[control.Version](t)(s.Remove(context.Background(), app, lastRow(app)))
	app.Revision = must[control.Version](t)(s.Add(context.Background(), app, row(app)))
	got, err := s.Since(context.Background(), c.Version)
	if err != nil || len(got.Changed) != 1 || !got.Changed[0].Left || !reflect.DeepEqual(got.Changed[0].Record, control.Record(app)) {
		t.Errorf("%+v, %v", got, err)
	}
}

func changeLogEnds(t *testing.T, on Subject) {
	s := on.Store
	c := fill(t, s)
	begin := c.Tenants[0].Revision - 1
	for name, v := range map[string]control.Version{"before the log": begin - 1, "in the future": c.Version + 1} {
		if got, err := s.Since(context.Background(), v); err != nil || !got.Lost || got.Version != c.Version || len(got.Changed) != 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	tenant := c.Tenants[0]
	for range control.MaxChanges {
		tenant.Revision = must[control.Version](t)(s.Put(context.Background(), tenant, row(tenant)))
	}
	if got, err := s.Since(context.Background(), c.Version); err != nil || got.Lost || len(got.Changed) != 1 {
		t.Errorf("as many changes as one look gives: %+v, %v", got, err)
	}
	if got, err := s.Since(context.Background(), c.Version-1); err != nil || !got.Lost {
		t.Errorf("one more: lost %v with %d records, %v", got.Lost, len(got.Changed), err)
	}
}
