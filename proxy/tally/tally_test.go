// SPDX-License-Identifier: Apache-2.0

package tally_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/tally"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	shop   = must(mq.ParseTenant("shop"))
	bank   = must(mq.ParseTenant("bank"))
	orders = must(mq.ParseTopicName("orders"))
	bills  = must(mq.ParseGroupName("bills"))
	read   = tally.Pair{Tenant: shop, Topic: orders, Reader: bank, Group: bills}
)

func newTally() (*tally.Tally, *clock.Virtual) {
	c := clock.NewVirtual(time.Date(2026, 12, 1, 23, 59, 0, 0, time.UTC))
	return tally.New(c), c
}

func TestAReportHoldsWhatGrewSinceTheOneThatArrived(t *testing.T) {
	c, _ := newTally()
	c.Stored(shop, orders, 3, 300)
	first := c.Report(0)
	if len(first.Lines) != 1 || first.Lines[0].Count != (tally.Count{Messages: 3, Bytes: 300}) {
		t.Fatalf("%+v", first)
	}
	c.Delivered(read, 2, 200)
	if lost := c.Report(first.Number); len(lost.Lines) != 1 || lost.Lines[0].Pair != read {
		t.Fatalf("%+v", lost)
	}
	// That one got lost: the next one says the same again.
	if again := c.Report(first.Number); len(again.Lines) != 1 || again.Lines[0].Messages != 2 {
		t.Errorf("%+v", again)
	} else if quiet := c.Report(again.Number); len(quiet.Lines) != 0 || quiet.Run != first.Run {
		t.Errorf("%+v", quiet)
	}
}

func TestUseIsToldByDayAndPayer(t *testing.T) {
	c, now := newTally()
	c.Stored(shop, orders, 3, 300)
	c.Report(0)
	now.Advance(2 * time.Minute) // into the next day
	c.Stored(shop, orders, 1, 100)
	c.Delivered(read, 2, 200)
	got := map[string]tally.Use{}
	for _, u := range c.Report(0).Uses {
		got[u.Tenant.String()+" "+string(u.Day)] = u
	}
	if len(got) != 3 || got["shop 2026-12-01"].In.Messages != 3 || got["shop 2026-12-02"].In.Bytes != 100 || got["bank 2026-12-02"].Out.Messages != 2 {
		t.Errorf("%+v", got)
	}
	now.Advance(9 * 24 * time.Hour)
	if old := c.Report(0).Uses; len(old) != 0 {
		t.Errorf("%+v are kept for ever", old)
	}
}

func TestNothingIsLostBetweenManyWhoCount(t *testing.T) {
	c, _ := newTally()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 500 {
				c.Stored(shop, orders, 1, 10)
				c.Delivered(read, 1, 10)
			}
		})
	}
	all.Go(func() {
		for range 20 {
			c.Report(0)
		}
	})
	all.Wait()
	r := c.Report(0)
	if len(r.Lines) != 2 || r.Lines[0].Messages != 2000 || r.Lines[1].Bytes != 20_000 {
		t.Errorf("%+v", r.Lines)
	}
	for _, u := range r.Uses {
		if u.In.Messages+u.Out.Messages != 2000 {
			t.Errorf("%+v", u)
		}
	}
}

func TestWhatIsBeyondTheBoundIsToldAsUncounted(t *testing.T) {
	c, _ := newTally()
	c.Limit(100)
	for i := range 105 {
		c.Stored(shop, must(mq.ParseTopicName(fmt.Sprintf("t-%d", i))), 1, 1)
	}
	if r := c.Report(0); len(r.Lines) != 100 || r.Uncounted.Messages != 5 {
		t.Errorf("%d lines, %+v uncounted", len(r.Lines), r.Uncounted)
	}
}

func TestAReportComesThroughAsItWas(t *testing.T) {
	c, _ := newTally()
	c.Stored(shop, orders, 3, 300)
	c.Delivered(read, 2, 200)
	sent := c.Report(0)
	sent.Proxy, sent.Zone = "p-1:8081", "az-1"
	got := must(tally.Decode(bytes.NewReader(must(sent.Encode()))))
	if got.Run != sent.Run || got.Proxy != sent.Proxy || got.Zone != sent.Zone || got.Number != sent.Number || len(got.Lines) != 2 || len(got.Uses) != 2 || got.Lines[0] != sent.Lines[0] || got.Lines[1] != sent.Lines[1] {
		t.Errorf("got %+v\nwant %+v", got, sent)
	}
}

func TestAReportThatIsNoneIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nobody's":         `{"proxy":"","run":"r","uncounted":[0,0]}`,
		"an unknown field": `{"proxy":"p","run":"r","uncounted":[0,0],"x":1}`,
		"a short line":     `{"proxy":"p","run":"r","uncounted":[0,0],"lines":[["shop","orders","",""]]}`,
		"a bad tenant":     `{"proxy":"p","run":"r","uncounted":[0,0],"lines":[["SHOP!","orders","","",1,1]]}`,
		"half a reader":    `{"proxy":"p","run":"r","uncounted":[0,0],"lines":[["shop","orders","","bills",1,1]]}`,
		"below zero":       `{"proxy":"p","run":"r","uncounted":[0,0],"lines":[["shop","orders","","",-1,1]]}`,
		"no day":           `{"proxy":"p","run":"r","uncounted":[0,0],"uses":[{"day":"soon","tenant":"shop","in":[1,1],"out":[0,0]}]}`,
		"a long name":      `{"proxy":"` + strings.Repeat("p", 300) + `","run":"r","uncounted":[0,0]}`,
	} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		must(z.Write([]byte(text)))
		must(0, z.Close())
		if r, err := tally.Decode(&packed); err == nil {
			t.Errorf("%s: %+v was taken", name, r)
		}
	}
	if _, err := tally.Decode(strings.NewReader("plain")); err == nil {
		t.Error("what is not packed was taken")
	}
}

func BenchmarkStored(b *testing.B) {
	c, _ := newTally()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			c.Stored(shop, orders, 1, 100)
		}
	})
}
