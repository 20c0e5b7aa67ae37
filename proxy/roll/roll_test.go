// SPDX-License-Identifier: Apache-2.0

package roll_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/roll"
	"github.com/causeway-mq/causeway/proxy/session"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// hall is a proxy's clients, and the roll of them.
type hall struct {
	*roll.Roll
	*session.Registry
	t     *testing.T
	clock *clock.Virtual
}

func newHall(t *testing.T) *hall {
	h := &hall{t: t, clock: clock.NewVirtual(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)), Roll: roll.New()}
	h.Registry = session.New(h.clock, 1000, nil)
	h.Watch(h.Clients)
	return h
}

func id(name string) session.ID {
	return session.ID{Tenant: must(mq.ParseTenant("shop")), App: "till", Client: must(mq.ParseClientID(name))}
}

func topics(some ...string) (all []session.Interest) {
	for _, s := range some {
		name, filter, _ := strings.Cut(s, ":")
		all = append(all, session.Interest{Topic: must(mq.ParseTopicName(name)), Filter: mq.Filter{Expression: filter}})
	}
	return all
}

func (h *hall) join(name string, interests ...string) *session.Stream {
	h.t.Helper()
	c := session.Client{ID: id(name), Key: "AK", Kind: session.PushConsumer, Group: must(mq.ParseGroupName("billing")), Language: "JAVA", Version: "5.0.7", Remote: "10.0.0.9:4711", Topics: topics(interests...)}
	return must(h.Open(c, func(session.Command) bool { return true }))
}

// told is all of it, as a control plane reads it.
func (h *hall) told() roll.Report {
	h.t.Helper()
	r := h.Report(0)
	r.Proxy = "p-1:8081"
	return must(roll.Decode(bytes.NewReader(must(r.Encode()))))
}

func says(r roll.Report) string {
	var words []string
	for _, c := range r.Here {
		words = append(words, "+"+c.ID.Client.String())
	}
	for _, i := range r.Gone {
		words = append(words, "-"+i.Client.String())
	}
	return strings.Join(words, " ")
}

func TestAReportSaysWhoCameChangedAndLeft(t *testing.T) {
	h := newHall(t)
	a := h.join("a", "orders")
	first := h.Report(0)
	if says(first) != "+a" || first.After != 0 {
		t.Fatalf("at first: %s", says(first))
	}
	h.join("b")
	second := h.Report(first.Number)
	if says(second) != "+b" {
		t.Errorf("who came: %s", says(second))
	}
	if lost := h.Report(first.Number); says(lost) != "+b" {
		t.Errorf("a report that got lost is said again: %s", says(lost))
	}
	a.Settle(topics("orders:paid"))
	third := h.Report(second.Number)
	if says(third) != "+a" || third.Here[0].Topics[0].Filter.Expression != "paid" {
		t.Errorf("who changed: %+v", third)
	}
	h.Gone(id("b"))
	fourth := h.Report(third.Number)
	if says(fourth) != "-b" {
		t.Errorf("who left: %s", says(fourth))
	}
	if quiet := h.Report(fourth.Number); says(quiet) != "" || quiet.After != fourth.Number {
		t.Errorf("nothing happened: %s", says(quiet))
	}
	if whole := h.Report(0); says(whole) != "+a" {
		t.Errorf("all of it: %s", says(whole))
	}
	h.join("b")
	if back := h.Report(fourth.Number); says(back) != "+b" {
		t.Errorf("who came back: %s", says(back))
	}
}

func TestWhenAClientWasHeardOfIsToldToTheMinute(t *testing.T) {
	h := newHall(t)
	h.join("a")
	last := h.Report(0).Number
	told := 0
	for range 30 { // five minutes of a report and a heartbeat each ten seconds
		h.clock.Advance(10 * time.Second)
		h.Seen(id("a"))
		r := h.Report(last)
		last = r.Number
		told += len(r.Here)
	}
	if told != 5 {
		t.Errorf("it was told %d times", told)
	}
}

func TestAProxyThatEndsHasNobody(t *testing.T) {
	h := newHall(t)
	h.join("a")
	last := h.Report(0).Number
	h.Leave()
	if r := h.Report(last); !r.Leaving || says(r) != "-a" {
		t.Errorf("%+v", r)
	}
	if whole := h.Report(0); !whole.Leaving || says(whole) != "" {
		t.Errorf("%+v", whole)
	}
}

// More may leave between two reports than is remembered of them: who was away for so long gets the whole.
func TestWhoLeftIsNotRememberedForEver(t *testing.T) {
	h := newHall(t)
	h.join("stays")
	first := h.Report(0).Number
	crowd := make([]session.Client, 1000)
	for turn := range roll.MaxClients/len(crowd) + 1 {
		for i := range crowd {
			crowd[i] = session.Client{ID: id(fmt.Sprint(turn, "-", i))}
		}
		h.Watch(func() []session.Client { return crowd })
		h.Report(0)
	}
	h.Watch(h.Clients)
	h.Report(0)
	if r := h.Report(first); r.After != 0 || says(r) != "+stays" {
		t.Errorf("it adds to %d: %d here, %d gone", r.After, len(r.Here), len(r.Gone))
	}
}

func TestAReportComesThroughAsItWas(t *testing.T) {
	h := newHall(t)
	h.join("a", "orders:paid || open", "bills")
	h.join("b")
	first := h.Report(0).Number
	h.Gone(id("b"))
	h.join("c", "orders")
	sent := h.Report(first)
	sent.Proxy, sent.Zone = "p-1:8081", "az-1"
	got := must(roll.Decode(bytes.NewReader(must(sent.Encode()))))
	if got.Proxy != sent.Proxy || got.Zone != sent.Zone || got.Run != sent.Run || got.Number != sent.Number || got.After != sent.After || says(got) != "+c -b" {
		t.Errorf("got %+v\nwant %+v", got, sent)
	}
	whole := h.told()
	for _, c := range whole.Here {
		if c.ID == id("a") && (c.Key != "AK" || c.Kind != session.PushConsumer || c.Group.String() != "billing" || c.Language != "JAVA" || c.Version != "5.0.7" || c.Remote != "10.0.0.9:4711" ||
			len(c.Topics) != 2 || c.Topics[0].Filter.Expression != "paid || open" || !c.Since.Equal(h.clock.Now()) || !c.Heard.Equal(c.Settled)) {
			t.Errorf("%+v", c)
		}
	}
}

// One client must not be able to fill a report: what is beyond the bound is a number, and filters that differ stay different.
func TestWhatIsToldOfOneClientIsBounded(t *testing.T) {
	h := newHall(t)
	long := strings.Repeat("a || ", 200)
	many := []string{"first:" + long + "b", "second:" + long + "c"}
	for i := range 1000 {
		many = append(many, fmt.Sprint("topic-", i))
	}
	h.join("a", many...)
	c := h.told().Here[0]
	if len(c.Topics)+c.Untold != len(many) || c.Untold == 0 || len(c.Topics) < 10 {
		t.Errorf("%d topics and %d more", len(c.Topics), c.Untold)
	}
	if one, two := c.Topics[0].Filter.Expression, c.Topics[1].Filter.Expression; one == two || len(one) > 256 || !strings.HasPrefix(one, "a || a") {
		t.Errorf("%q and %q", one, two)
	}
}

func TestAReportThatIsNoneIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nobody's":         `{"proxy":"","run":"r","number":1}`,
		"an unknown field": `{"proxy":"p","run":"r","number":1,"x":1}`,
		"a bad tenant":     `{"proxy":"p","run":"r","number":1,"here":[{"tenant":"SHOP!","client":"a","kind":1}]}`,
		"no client":        `{"proxy":"p","run":"r","number":1,"gone":[{"tenant":"shop","client":""}]}`,
		"a bad group":      `{"proxy":"p","run":"r","number":1,"here":[{"tenant":"shop","client":"a","kind":1,"group":"%"}]}`,
		"a bad topic":      `{"proxy":"p","run":"r","number":1,"here":[{"tenant":"shop","client":"a","kind":1,"topics":[{"topic":"%"}]}]}`,
		"a long language":  `{"proxy":"p","run":"r","number":1,"here":[{"tenant":"shop","client":"a","kind":1,"language":"` + strings.Repeat("j", 300) + `"}]}`,
		"a long filter":    `{"proxy":"p","run":"r","number":1,"here":[{"tenant":"shop","client":"a","kind":1,"topics":[{"topic":"t","filter":"` + strings.Repeat("j", 3000) + `"}]}]}`,
	} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		must(z.Write([]byte(text)))
		must(0, z.Close())
		if r, err := roll.Decode(&packed); err == nil {
			t.Errorf("%s: %+v was taken", name, r)
		}
	}
	if _, err := roll.Decode(strings.NewReader("plain")); err == nil {
		t.Error("what is not packed was taken")
	}
}

// What a full proxy has to tell at once, and what a quiet one has.
func BenchmarkReport(b *testing.B) {
	clients := make([]session.Client, roll.MaxClients)
	for i := range clients {
		clients[i] = session.Client{
			ID: id(fmt.Sprint("host", i, "@1@0@abcdef")), Key: "CWABCDEFGHIJ", Kind: session.PushConsumer, Group: must(mq.ParseGroupName("billing")), Language: "JAVA", Version: "5.0.7",
			Remote: fmt.Sprint("10.0.0.9:", i), Topics: topics("orders:paid"), Change: 1,
		}
	}
	r := roll.New()
	r.Watch(func() []session.Client { return clients })
	last := r.Report(0).Number
	b.Run("whole", func(b *testing.B) {
		for b.Loop() {
			b.ReportMetric(float64(len(must(r.Report(0).Encode()))), "bytes")
		}
	})
	b.Run("nothing new", func(b *testing.B) {
		for b.Loop() {
			b.ReportMetric(float64(len(must(r.Report(last).Encode()))), "bytes")
		}
	})
}
