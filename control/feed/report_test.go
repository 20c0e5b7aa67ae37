// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
	"github.com/causeway-mq/causeway/proxy/roll"
	"github.com/causeway-mq/causeway/proxy/tally"
)

// report posts to a feed that takes reports as take says; nil: it takes none.
func report(t *testing.T, take func(tally.Report) bool, auth string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	f := must(feed.New(feed.Options{Tokens: []string{token}, Reports: take}))
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, tally.Path, bytes.NewReader(body))
	r.Header.Set("Authorization", auth)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func TestAReportIsTakenFromProxiesAlone(t *testing.T) {
	counts := tally.New(clock.System())
	counts.Stored(must(mq.ParseTenant("shop")), must(mq.ParseTopicName("orders")), 3, 30)
	one := counts.Report(0)
	one.Proxy = "p-1"
	body := must(one.Encode())
	var took []tally.Report
	take := func(r tally.Report) bool { took = append(took, r); return r.After == 0 }
	if w := report(t, take, "Bearer nobody", body); w.Code != http.StatusUnauthorized || len(took) != 0 {
		t.Errorf("a stranger: %d, %d were taken", w.Code, len(took))
	}
	if w := report(t, take, "Bearer "+token, body); w.Code != http.StatusNoContent || len(took) != 1 || took[0].Lines[0].Messages != 3 {
		t.Errorf("%d %s, took %+v", w.Code, w.Body, took)
	}
	more := counts.Report(one.Number)
	more.Proxy = "p-1"
	if w := report(t, take, "Bearer "+token, must(more.Encode())); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "whole") {
		t.Errorf("what adds to something unheard: %d %s", w.Code, w.Body)
	}
	if w := report(t, nil, "Bearer "+token, body); w.Code != http.StatusNotImplemented {
		t.Errorf("nobody wants to know: %d", w.Code)
	}
}

func TestWhoIsConnectedIsTakenFromProxiesAlone(t *testing.T) {
	seats := roll.New()
	one := seats.Report(0)
	one.Proxy = "p-1"
	body := must(one.Encode())
	post := func(take func(roll.Report) bool, auth string, body []byte) int {
		f := must(feed.New(feed.Options{Tokens: []string{token}, Rolls: take}))
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, roll.Path, bytes.NewReader(body))
		r.Header.Set("Authorization", auth)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		return w.Code
	}
	var took []roll.Report
	take := func(r roll.Report) bool { took = append(took, r); return r.After == 0 }
	if code := post(take, "Bearer nobody", body); code != http.StatusUnauthorized || len(took) != 0 {
		t.Errorf("a stranger: %d, %d were taken", code, len(took))
	}
	if code := post(take, "Bearer "+token, body); code != http.StatusNoContent || len(took) != 1 || took[0].Proxy != "p-1" {
		t.Errorf("%d, took %+v", code, took)
	}
	more := seats.Report(one.Number)
	more.Proxy = "p-1"
	if code := post(take, "Bearer "+token, must(more.Encode())); code != http.StatusConflict {
		t.Errorf("what adds to something unheard: %d", code)
	}
	if code := post(take, "Bearer "+token, []byte("no gzip")); code != http.StatusBadRequest {
		t.Errorf("nonsense: %d", code)
	}
	if code := post(nil, "Bearer "+token, body); code != http.StatusNotImplemented {
		t.Errorf("nobody wants to know: %d", code)
	}
}

func TestAReportIsBounded(t *testing.T) {
	take := func(tally.Report) bool { t.Error("it was taken"); return true }
	if w := report(t, take, "Bearer "+token, []byte("no gzip")); w.Code != http.StatusBadRequest {
		t.Errorf("nonsense: %d", w.Code)
	}
	counts := tally.New(clock.System())
	r := counts.Report(0)
	r.Proxy = strings.Repeat("x", 1000)
	if w := report(t, take, "Bearer "+token, must(r.Encode())); w.Code != http.StatusBadRequest {
		t.Errorf("a name of 1,000 characters: %d", w.Code)
	}
}

// A proxy asks one of several control planes over a store; the others know what it has from its reports.
func TestAProxyThatFollowsAnotherControlPlaneIsKnownByItsReports(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := found(t, dir, func(o *feed.Options) { o.Reports = func(tally.Report) bool { return true } })
		defer c.stop()
		begun := c.feed.Newest()
		o := settle(t, settling{name: "here", road: &road{to: c.feed}})
		defer o.stop()
		pass(time.Second)
		c.tenants(t, "pay")
		synctest.Wait()
		if !c.feed.Newest().After(begun) {
			t.Error("the catalog is no newer")
		}
		tells := func(name string, q url.Values) {
			counted := tally.New(clock.System()).Report(0)
			counted.Proxy = name
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tally.Path+"?"+q.Encode(), bytes.NewReader(must(counted.Encode())))
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set(wire.ProxyHeader, name)
			w := httptest.NewRecorder()
			if c.feed.ServeHTTP(w, r); w.Code != http.StatusNoContent {
				t.Fatalf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		tells("there", o.Says())
		tells("here", url.Values{"after": {"1"}}) // it asks here, which is newer than any report
		tells("older", nil)
		tells("odd", url.Values{"after": {"all"}})
		_, version := c.feed.Now()
		known := func() string {
			var all []string
			for _, one := range c.feed.Followers() {
				all = append(all, fmt.Sprintf("%s %v %v %s", one.Name, one.Version == version, one.Elsewhere, one.By))
			}
			return strings.Join(all, ", ")
		}
		if got, want := known(), "here true false poll, there true true poll"; got != want {
			t.Errorf("known are %s, not %s", got, want)
		}
		asked := time.Now()
		c.tenants(t, "ship")
		if took := time.Since(asked); took > 2*time.Second {
			t.Errorf("a change waited %v for who follows elsewhere", took)
		}
		_, version = c.feed.Now()
		if got, want := known(), "here true false poll, there false true poll"; got != want {
			t.Errorf("behind a change are known %s, not %s", got, want)
		}
		pass(time.Minute)
		if got, want := known(), "here true false poll"; got != want {
			t.Errorf("a minute later are known %s, not %s", got, want)
		}
	})
}
