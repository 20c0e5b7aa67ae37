// SPDX-License-Identifier: Apache-2.0

package trail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func id(n int) mq.MessageID { return must(mq.ParseMessageID(fmt.Sprintf("01%032X", n))) }

func producer(client string) Scope {
	return Scope{
		Owner: must(mq.ParseTenant("shop")), Tenant: must(mq.ParseTenant("shop")), App: "till", Client: must(mq.ParseClientID(client)), Topic: must(mq.ParsePhysical("shop%orders")),
	}
}

func consumer(client, group string) Scope {
	s := producer(client)
	s.Group = must(mq.ParseGroupName(group))
	return s
}

func about(n int) Question {
	return Question{Number: "1", Tenant: must(mq.ParseTenant("shop")), Topic: must(mq.ParsePhysical("shop%orders")), Message: id(n)}
}

func fresh(bytes int64) (*Trail, *clock.Virtual) {
	c := clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	return New(bytes, c), c
}

func kindsOf(a Answer) string {
	var all []string
	for _, e := range a.Events {
		all = append(all, e.Kind.String())
	}
	return strings.Join(all, " ")
}

func TestAMessagesEventsAreToldInOrderWithAllThatIsKnown(t *testing.T) {
	trail, c := fresh(DefaultBytes)
	p, g := producer("host-a@1"), consumer("host-b@2", "billing")
	sent := Event{Kind: Stored, ID: id(1), At: c.Now(), Took: 1500 * time.Microsecond, Broker: "broker-a", Queue: 3, Offset: 17}
	trail.Note(&p, &sent)
	trail.Note(&p, &Event{Kind: Stored, ID: id(2), At: c.Now()})
	c.Advance(time.Second)
	first := Event{Kind: Delivered, ID: id(1), At: c.Now(), Until: c.Now().Add(time.Minute), Broker: "broker-a", Queue: 3, Offset: 17, Attempt: 1}
	trail.Note(&g, &first)
	c.Advance(time.Second)
	failed := Event{Kind: Acked, ID: id(1), At: c.Now(), Attempt: 1}
	failed.Failed(mq.Doubt(mq.Timeout, nil, "no answer"))
	trail.Note(&g, &failed)
	c.Advance(time.Second)
	trail.Note(&g, &Event{Kind: Delivered, ID: id(1), At: c.Now(), Attempt: 2, Offset: 17})
	c.Advance(time.Second)
	trail.Note(&g, &Event{Kind: Acked, ID: id(1), At: c.Now(), Attempt: 2})

	a := trail.Ask(about(1))
	if kindsOf(a) != "stored delivered acked delivered acked" {
		t.Fatal(kindsOf(a))
	}
	want := sent
	if got := a.Events[0]; got.Event != want || got.App != "till" || got.Client != "host-a@1" || got.Group != (mq.GroupName{}) || got.Borrower {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := a.Events[1]; got.Event != first || got.Client != "host-b@2" || got.Group.String() != "billing" {
		t.Errorf("%+v, want %+v", got, first)
	}
	if got := a.Events[2]; got.Result != mq.Timeout || !got.Unknown {
		t.Errorf("%+v", got)
	}
	if !a.Began.Equal(a.Whole) || !a.Began.Equal(a.RareWhole) || a.More || a.Off {
		t.Errorf("%+v", a)
	}
	way := must(a.withName().Encode())
	back := must(DecodeAnswer(bytes.NewReader(way)))
	for i := range back.Events {
		if back.Events[i].ID = id(1); back.Events[i] != a.Events[i] {
			t.Errorf("on its way %+v became %+v", a.Events[i], back.Events[i])
		}
	}
}

func (a Answer) withName() Answer { a.Proxy = "p"; return a }

func TestARingForgetsTheOldestAndSaysSo(t *testing.T) {
	trail, c := fresh(MinBytes)
	p := producer("host-a@1")
	const many = 400_000 // 19 MB of records, of which there is room for two
	began := c.Now()
	for n := range many {
		trail.Note(&p, &Event{Kind: Stored, ID: id(n), At: c.Now(), Offset: mq.Offset(n)})
		c.Advance(time.Millisecond)
	}
	kept := 0
	for n := 0; n < many; n += 97 {
		a := trail.Ask(about(n))
		at := began.Add(time.Duration(n) * time.Millisecond)
		if at.After(a.Whole) && len(a.Events) != 1 {
			t.Fatalf("message %d of %v is not there, though all is since %v", n, at, a.Whole)
		}
		if len(a.Events) == 1 {
			if kept++; !a.Events[0].At.Equal(at) || a.Events[0].Offset != mq.Offset(n) {
				t.Fatalf("message %d: %+v", n, a.Events[0])
			}
		}
		if !a.Began.Equal(began) || !a.RareWhole.Equal(began) {
			t.Fatalf("began %v, what is rare is whole since %v", a.Began, a.RareWhole)
		}
	}
	if got := trail.Ask(about(0)); len(got.Events) != 0 || !got.Whole.After(began) {
		t.Errorf("the first message: %+v", got)
	}
	if got := trail.Ask(about(many - 1)); len(got.Events) != 1 {
		t.Errorf("the last message: %+v", got)
	}
	if room := (MinBytes - MinBytes/scopeShare - wantBytes) * 3 / 4 / int(recordBytes); kept*97 < room*3/4 {
		t.Errorf("%d of %d messages are kept, there is room for %d", kept*97, many, room)
	}
	if used := trail.Bytes(); used > MinBytes {
		t.Errorf("%d bytes are used", used)
	}
}

func TestTheRareOutlivesTheOrdinary(t *testing.T) {
	trail, c := fresh(MinBytes)
	p, g := producer("host-a@1"), consumer("host-b@2", "billing")
	trail.Note(&p, &Event{Kind: Stored, ID: id(1), At: c.Now()})
	trail.Note(&g, &Event{Kind: Delivered, ID: id(1), At: c.Now(), Attempt: 2})
	trail.Note(&g, &Event{Kind: Forwarded, ID: id(1), At: c.Now(), Attempt: 2})
	for n := 2; n < 200_000; n++ {
		trail.Note(&p, &Event{Kind: Stored, ID: id(n), At: c.Now()})
		c.Advance(time.Microsecond)
	}
	a := trail.Ask(about(1))
	if kindsOf(a) != "delivered forwarded" || a.RareWhole != a.Began || !a.Whole.After(a.Began) {
		t.Errorf("%s, whole since %v, of what is rare since %v", kindsOf(a), a.Whole, a.RareWhole)
	}
}

// Clients choose their names, so every message may bring another one of the longest kind.
func TestNamesAreWithinTheBytesAndWhatIsForgottenWithThemIsTold(t *testing.T) {
	trail, c := fresh(MinBytes)
	long := strings.Repeat("x", mq.MaxClientID-8)
	const many = 20_000
	began := c.Now()
	note := func(n int, client string) {
		p := producer(client)
		trail.Note(&p, &Event{Kind: Stored, ID: id(n), At: c.Now(), Broker: "broker-a"})
		c.Advance(time.Second)
	}
	for n := range many {
		note(n, fmt.Sprintf("%s%08d", long, n))
		if used := trail.Bytes(); n%1000 == 0 && used > MinBytes {
			t.Fatalf("%d bytes after %d messages", used, n)
		}
	}
	if a := trail.Ask(about(many - 1)); kindsOf(a) != "stored" || !strings.HasSuffix(a.Events[0].Client, "00019999") {
		t.Errorf("%+v", a.Events)
	}
	forgotten := 0
	for n := range many {
		a := trail.Ask(about(n))
		at := began.Add(time.Duration(n) * time.Second)
		switch {
		case len(a.Events) == 0 && at.After(a.Whole):
			t.Fatalf("message %d of %v is not there, though all is since %v", n, at, a.Whole)
		case len(a.Events) == 0:
			forgotten++
		case !strings.HasSuffix(a.Events[0].Client, fmt.Sprintf("%08d", n)):
			t.Fatalf("message %d was sent by %s", n, a.Events[0].Client)
		}
	}
	if forgotten == 0 || forgotten == many {
		t.Errorf("%d of %d are forgotten", forgotten, many)
	}
	for n := range many { // a client that goes on is not forgotten by others that come and go
		note(many+2*n, "one")
		note(many+2*n+1, fmt.Sprintf("%s%08d", long, n))
	}
	if a := trail.Ask(about(many + 2*many - 2)); len(a.Events) != 1 || a.Events[0].Client != "one" {
		t.Errorf("%+v", a.Events)
	}
	if used := trail.Bytes(); used > MinBytes {
		t.Errorf("%d bytes", used)
	}
}

func TestManyNoteWhileSomebodyAsks(t *testing.T) {
	trail, c := fresh(MinBytes)
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			p, g := producer(fmt.Sprint("p", w)), consumer(fmt.Sprint("c", w), "billing")
			for n := range 20_000 {
				trail.Note(&p, &Event{Kind: Stored, ID: id(n), At: c.Now()})
				trail.Note(&g, &Event{Kind: Delivered, ID: id(n), At: c.Now(), Attempt: 1 + n%2})
				trail.Wanted(&g, mq.Filter{Expression: fmt.Sprint("t", n%10)})
			}
		})
	}
	all.Go(func() {
		for n := range 2000 {
			for _, e := range trail.Ask(about(n)).Events {
				if e.Client == "" || e.App != "till" {
					t.Errorf("%+v", e)
				}
			}
		}
	})
	all.Wait()
	if a := trail.Ask(about(19_999)); len(a.Events) < 2 || len(a.Wants) != 10 { // of the last one at least
		t.Errorf("%d events, %d filters", len(a.Events), len(a.Wants))
	}
}

// A topic's owner sees his own, of a borrower that a message was sent, and nobody else sees anything.
func TestATenantIsToldWhatIsItsOwn(t *testing.T) {
	trail, c := fresh(DefaultBytes)
	bank := must(mq.ParseTenant("bank"))
	own, theirs, reader := consumer("own-client", "billing"), producer("canary-client"), consumer("canary-client", "canary-group")
	theirs.Tenant, theirs.App, reader.Tenant, reader.App = bank, "canary-app", bank, "canary-app"
	trail.Note(&own, &Event{Kind: Acked, ID: id(1), At: c.Now()})
	trail.Note(&theirs, &Event{Kind: Stored, ID: id(1), At: c.Now(), Offset: 5})
	trail.Note(&reader, &Event{Kind: Delivered, ID: id(1), At: c.Now(), Attempt: 1})
	trail.Note(&reader, &Event{Kind: Forwarded, ID: id(1), At: c.Now(), Attempt: 1})
	trail.Wanted(&own, mq.Filter{Expression: "a"})
	trail.Wanted(&reader, mq.Filter{Expression: "canary"})
	a := trail.Ask(about(1)).withName()
	if kindsOf(a) != "acked stored" || !a.Events[1].Borrower || a.Events[1].Offset != 5 || len(a.Wants) != 1 {
		t.Errorf("the owner: %+v, %+v", a.Events, a.Wants)
	}
	if text := string(must(a.Encode())); strings.Contains(text, "canary") || strings.Contains(text, "bank") {
		t.Errorf("the owner: %s", text)
	}
	for what, q := range map[string]Question{
		"the borrower":                  {Tenant: bank, Topic: about(1).Topic, Message: id(1)},
		"another topic":                 {Tenant: about(1).Tenant, Topic: must(mq.ParsePhysical("shop%others")), Message: id(1)},
		"the next tenant of that name":  {Tenant: about(1).Tenant, Topic: must(mq.ParsePhysical("shop|2%orders")), Message: id(1)},
		"a topic of a name of its own":  {Tenant: bank, Topic: must(mq.ParsePhysical("bank%orders")), Message: id(1)},
		"another message of that topic": about(2),
	} {
		if a := trail.Ask(q); len(a.Events) != 0 || what != "another message of that topic" && len(a.Wants) != 0 {
			t.Errorf("%s: %+v, %+v", what, a.Events, a.Wants)
		}
	}
}

func TestFiltersAreKeptWithTheTimeInWhichSomebodyAskedWithThem(t *testing.T) {
	trail, c := fresh(DefaultBytes)
	g := consumer("c", "billing")
	began := c.Now()
	trail.Wanted(&g, mq.Filter{Expression: "*"})
	trail.Wanted(&g, mq.Filter{SQL: true, Expression: "a > 1"})
	c.Advance(time.Minute)
	trail.Wanted(&g, mq.Filter{})
	all := map[mq.Filter]Want{}
	for _, w := range trail.Ask(about(1)).Wants {
		all[w.Filter] = w
	}
	if w := all[mq.Filter{}]; len(all) != 2 || !w.First.Equal(began) || !w.Last.Equal(c.Now()) {
		t.Errorf("%+v", all)
	}
	for n := range 20_000 { // who makes up filters takes the room for filters and no more
		trail.Wanted(&g, mq.Filter{Expression: fmt.Sprint("t", n)})
	}
	if trail.wants.bytes > wantBytes {
		t.Errorf("%d bytes", trail.wants.bytes)
	}
	c.Advance(2 * wantIdle)
	trail.Wanted(&g, mq.Filter{Expression: "new"})
	if n := len(trail.wants.all); n != 1 {
		t.Errorf("%d filters are kept that nobody asked with for hours", n)
	}
}

func TestNobodyRemembersWhereTheBytesAreNone(t *testing.T) {
	trail, c := fresh(0)
	p := producer("c")
	trail.Note(&p, &Event{Kind: Stored, ID: id(1), At: c.Now()})
	trail.Wanted(&p, mq.Filter{})
	if a := trail.Ask(about(1)); !a.Off || trail.On() || trail.Bytes() != 0 {
		t.Errorf("%+v", a)
	}
}

func TestAnAnswerIsBounded(t *testing.T) {
	trail, c := fresh(DefaultBytes)
	g := consumer("c", "billing")
	for n := range 3000 {
		trail.Note(&g, &Event{Kind: Delivered, ID: id(1), At: c.Now(), Attempt: n + 1})
		c.Advance(time.Second)
	}
	a := trail.Ask(about(1))
	if len(a.Events) != MaxSeen || !a.More || a.Events[0].Attempt != 1 || a.Events[MaxSeen-1].Attempt != 3000 {
		t.Errorf("%d events, from %d to %d", len(a.Events), a.Events[0].Attempt, a.Events[len(a.Events)-1].Attempt)
	}
	if text := must(a.withName().Encode()); len(text) > MaxAnswer {
		t.Errorf("%d bytes", len(text))
	}
}

func TestWhatANewerProxySaysIsLeftOutAndNonsenseIsRefused(t *testing.T) {
	text := `{"number":"1","proxy":"p","later":true,"events":[{"kind":"teleported","at":"2026-12-01T09:00:00Z"},{"kind":"acked","at":"2026-12-01T09:00:00Z","result":"bewitched","group":"billing"}]}`
	a := must(DecodeAnswer(strings.NewReader(text)))
	if kindsOf(a) != "acked" || a.Events[0].Result != mq.Internal {
		t.Errorf("%+v", a)
	}
	for what, text := range map[string]string{
		"no proxy": `{"number":"1"}`, "no number": `{"proxy":"p"}`, "no document": `[`, "a group's name": `{"number":"1","proxy":"p","events":[{"kind":"acked","group":"a b"}]}`,
		"a long name": `{"number":"1","proxy":"` + strings.Repeat("x", 400) + `"}`, "a filter's group": `{"number":"1","proxy":"p","wants":[{"group":"a/b"}]}`,
	} {
		if _, err := DecodeAnswer(strings.NewReader(text)); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	asked := []Question{about(1), about(2)}
	var got []Question
	if err := json.Unmarshal(must(json.Marshal(asked)), &got); err != nil || len(got) != 2 || got[1] != asked[1] {
		t.Errorf("%v: %+v", err, got)
	}
	if err := json.Unmarshal([]byte(`{"number":"1","tenant":"A B"}`), new(Question)); err == nil {
		t.Error("a question of nobody was taken")
	}
}

// What one event costs on the way of a message: go test -bench Note -benchmem ./proxy/trail
func BenchmarkNote(b *testing.B) {
	c := clock.System()
	ids := make([]mq.MessageID, 1<<16)
	for i := range ids {
		ids[i] = id(i)
	}
	now := c.Now()
	b.Run("one client", func(b *testing.B) {
		trail := New(DefaultBytes, c)
		p := producer("host-a@1@0@abcdef")
		b.ReportAllocs()
		for n := range b.N {
			call := p
			trail.Note(&call, &Event{Kind: Stored, ID: ids[n%len(ids)], At: now, Broker: "broker-a", Queue: 3, Offset: mq.Offset(n)})
		}
	})
	b.Run("a thousand clients", func(b *testing.B) {
		trail := New(DefaultBytes, c)
		all := make([]Scope, 1000)
		for i := range all {
			all[i] = consumer(fmt.Sprintf("host-%04d@1@0@abcdef", i), "billing")
		}
		b.ReportAllocs()
		for n := range b.N {
			call := all[n%len(all)]
			trail.Note(&call, &Event{Kind: Acked, ID: ids[n%len(ids)], At: now, Attempt: 1})
		}
	})
	b.Run("32 messages of a call", func(b *testing.B) {
		trail := New(DefaultBytes, c)
		g := consumer("host-a@1@0@abcdef", "billing")
		b.ReportAllocs()
		for n := 0; n < b.N; n += 32 {
			call := g
			for i := range 32 {
				trail.Note(&call, &Event{Kind: Delivered, ID: ids[(n+i)%len(ids)], At: now, Until: now, Attempt: 1, Offset: mq.Offset(n)})
			}
		}
	})
	b.Run("the clock, to compare", func(b *testing.B) {
		for range b.N {
			_ = c.Now()
		}
	})
	b.Run("in parallel", func(b *testing.B) {
		trail := New(DefaultBytes, c)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			p := producer("host-a@1@0@abcdef")
			for n := 0; pb.Next(); n++ {
				call := p
				trail.Note(&call, &Event{Kind: Stored, ID: ids[n%len(ids)], At: now, Broker: "broker-a", Queue: 3, Offset: mq.Offset(n)})
			}
		})
	})
	b.Run("a receive's filter", func(b *testing.B) {
		trail := New(DefaultBytes, c)
		g := consumer("host-a@1@0@abcdef", "billing")
		b.ReportAllocs()
		for range b.N {
			trail.Wanted(&g, mq.Filter{Expression: "paid || sent"})
		}
	})
}

// What a question costs where all is full.
func BenchmarkAsk(b *testing.B) {
	trail := New(DefaultBytes, clock.System())
	p := producer("host-a@1@0@abcdef")
	now := time.Now()
	for n := range 2_000_000 {
		trail.Note(&p, &Event{Kind: Stored, ID: id(n), At: now})
	}
	b.ResetTimer()
	for n := range b.N {
		trail.Ask(about(n))
	}
}
