// SPDX-License-Identifier: Apache-2.0

package herald_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
	"github.com/causeway-mq/causeway/proxy/herald"
	"github.com/causeway-mq/causeway/proxy/roll"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/proxy/tally"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// capital is control planes by host, each answering as told, without a network.
type capital struct {
	mu    sync.Mutex
	state map[string]int
	heard map[string][]tally.Report
	rolls map[string][]roll.Report
	says  string // of the catalog, and by whom, with the last report of counters
}

func (c *capital) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := httptest.NewRecorder()
	if r.URL.Path == roll.Path {
		told, err := roll.Decode(r.Body)
		if c.rolls == nil || err != nil || r.Header.Get("Authorization") != "Bearer secret" {
			got.WriteHeader(http.StatusNotFound)
			return got.Result(), nil
		}
		got.WriteHeader(http.StatusNoContent)
		c.rolls[r.Host] = append(c.rolls[r.Host], told)
		return got.Result(), nil
	}
	told, err := tally.Decode(r.Body)
	c.says = r.Header.Get(wire.ProxyHeader) + " " + r.URL.RawQuery
	switch {
	case r.Header.Get("Authorization") != "Bearer secret" || r.URL.Path != tally.Path || err != nil:
		got.WriteHeader(http.StatusBadRequest)
	case c.state[r.Host] == http.StatusConflict && told.After == 0:
		got.WriteHeader(http.StatusNoContent)
		c.heard[r.Host] = append(c.heard[r.Host], told)
	case c.state[r.Host] != 0:
		got.WriteHeader(c.state[r.Host])
	default:
		got.WriteHeader(http.StatusNoContent)
		c.heard[r.Host] = append(c.heard[r.Host], told)
	}
	return got.Result(), nil
}

func (c *capital) is(host string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state[host] = status
}

// said is what was said last of the catalog.
func (c *capital) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.says
}

// last is the newest report that a control plane took.
func (c *capital) last(t *testing.T, host string) tally.Report {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.heard[host]
	if len(all) == 0 {
		t.Fatalf("%s has heard nothing", host)
	}
	return all[len(all)-1]
}

// pass lets the bubble's time go on, until everybody waits again.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestEveryControlPlaneIsToldAndNoneIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop, orders := must(mq.ParseTenant("shop")), must(mq.ParseTopicName("orders"))
		to := &capital{state: map[string]int{"b": http.StatusServiceUnavailable}, heard: map[string][]tally.Report{}}
		counts := tally.New(clock.System())
		var log bytes.Buffer
		h := must(herald.New(herald.Options{
			URLs: []string{"http://a", "http://b"}, Token: "secret", Name: "p-1:8081", Zone: "az-1", Client: to, Tally: counts, Clock: clock.System(), Log: slog.New(slog.NewTextHandler(&log, nil)),
			Catalog: func() url.Values { return url.Values{"after": {"7"}} },
		}))
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = h.Run(ctx) })
		counts.Stored(shop, orders, 3, 30)
		pass(herald.Every + time.Second)
		if r := to.last(t, "a"); r.Proxy != "p-1:8081" || r.Zone != "az-1" || len(r.Lines) != 1 || r.Lines[0].Messages != 3 {
			t.Errorf("a heard %+v", r)
		}
		if says := to.said(); says != "p-1:8081 after=7" {
			t.Errorf("of the catalog it says %q", says)
		}
		pass(3 * herald.Every)
		if n := bytes.Count(log.Bytes(), []byte("cannot be told")); n != 1 {
			t.Errorf("trouble is logged %d times: %s", n, &log)
		}
		to.is("b", 0)
		to.is("a", http.StatusConflict) // it has started anew
		counts.Stored(shop, orders, 1, 10)
		pass(herald.Every)
		for _, host := range []string{"a", "b"} {
			if r := to.last(t, host); r.After != 0 || len(r.Lines) != 1 || r.Lines[0].Messages != 4 {
				t.Errorf("%s heard %+v", host, r)
			}
		}
		cancel()
		running.Wait()
		counts.Stored(shop, orders, 1, 10)
		h.Last(t.Context())
		if r := to.last(t, "b"); r.Lines[0].Messages != 5 || r.After == 0 {
			t.Errorf("the last word to b was %+v", r)
		}
	})
}

func TestEveryControlPlaneIsToldWhoIsConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, old := range []bool{false, true} { // a control plane that is older than the proxy takes no such reports
			to := &capital{heard: map[string][]tally.Report{}}
			if !old {
				to.rolls = map[string][]roll.Report{}
			}
			seats, here := roll.New(), session.New(clock.System(), 10, nil)
			seats.Watch(here.Clients)
			_, err := here.Open(session.Client{ID: session.ID{Tenant: must(mq.ParseTenant("shop")), Client: must(mq.ParseClientID("till-1"))}}, func(session.Command) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			h := must(herald.New(herald.Options{
				URLs: []string{"http://a", "http://b"}, Token: "secret", Name: "p-1:8081", Zone: "az-1", Client: to, Tally: tally.New(clock.System()), Roll: seats, Clock: clock.System(), Log: slog.New(slog.NewTextHandler(&log, nil)),
			}))
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = h.Run(ctx) })
			pass(2*herald.Every + time.Second)
			cancel()
			running.Wait()
			h.Last(t.Context())
			to.mu.Lock()
			if all := to.rolls["b"]; !old && (len(all) != 3 || len(all[0].Here) != 1 || all[0].Zone != "az-1" || all[0].Proxy != "p-1:8081" || len(all[1].Here) != 0 || all[1].After != all[0].Number || !all[2].Leaving) {
				t.Errorf("b heard %+v", all)
			}
			to.mu.Unlock()
			if log.Len() > 0 {
				t.Errorf("older %v: %s", old, &log)
			}
		}
	})
}

func TestAControlPlaneWithoutAHostIsRefused(t *testing.T) {
	if _, err := herald.New(herald.Options{URLs: []string{"nowhere"}}); mq.KindOf(err) != mq.BadRequest {
		t.Error(err)
	}
}
