// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog/wire"
	"github.com/causeway-mq/causeway/proxy/errand"
	"github.com/causeway-mq/causeway/proxy/herald"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// direct lets a proxy call a feed without a network.
type direct struct {
	feed *feed.Feed
	lost bool // answers of the proxy get lost
}

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.lost && r.Method == http.MethodPost {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	d.feed.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

// bystander is a proxy that remembers that a message was stored at an offset.
type bystander struct {
	*trail.Trail
	stop func()
}

func standBy(feed *feed.Feed, name string, offset mq.Offset, lost bool) *bystander {
	b := &bystander{Trail: trail.New(trail.MinBytes, clock.System())}
	b.Note(&trail.Scope{Owner: asked().Tenant, Tenant: asked().Tenant, Topic: asked().Topic}, &trail.Event{Kind: trail.Stored, ID: asked().Message, At: time.Now(), Offset: offset})
	w := must(herald.NewWitness(herald.WitnessOptions{
		URLs: []string{"http://control"}, Token: token, Name: name, Zone: "az1", Client: direct{feed, lost}, Trail: b.Trail, Clock: clock.System(), Log: slog.New(slog.DiscardHandler),
	}))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.Run(ctx) })
	b.stop = func() { cancel(); running.Wait() }
	return b
}

// leaver is a proxy at which a client has streams, or is not known.
func leaver(feed *feed.Feed, name string, streams int, lost bool) (stop func()) {
	w := must(herald.NewWitness(herald.WitnessOptions{
		URLs: []string{"http://control"}, Token: token, Name: name, Zone: "az1", Client: direct{feed, lost}, Clock: clock.System(), Log: slog.New(slog.DiscardHandler),
		Disconnect: func(w session.Whom) (int, bool) {
			if w.Client.String() != "host@1/2" || w.AnyApp || w.App != "till" || w.Tenant != asked().Tenant {
				return 0, false
			}
			return streams, streams > 0
		},
	}))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.Run(ctx) })
	return func() { cancel(); running.Wait() }
}

func TestEveryProxyPartsWithAClientAndWhoDoesNotAnswerIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := must(feed.New(feed.Options{Tokens: []string{token}}))
		whom := session.Whom{ID: session.ID{Tenant: asked().Tenant, App: "till", Client: must(mq.ParseClientID("host@1/2"))}}
		if got := f.Disconnect(t.Context(), whom); len(got) != 0 {
			t.Errorf("nobody is there: %+v", got)
		}
		stops := []func(){leaver(f, "p-1", 2, false), leaver(f, "p-2", 0, false), leaver(f, "p-3", 1, true)}
		stops = append(stops, standBy(f, "p-4", 1, false).stop) // nobody is connected there
		synctest.Wait()
		began := time.Now()
		got := f.Disconnect(t.Context(), whom)
		if took := time.Since(began); took != 2*time.Second || len(got) != 4 {
			t.Fatalf("%v: %+v", took, got)
		}
		for i, want := range []errand.Outcome{{Answered: true, Parted: errand.Parted{Zone: "az1", Streams: 2, Known: true}}, {Answered: true, Parted: errand.Parted{Zone: "az1"}}, {}, {Answered: true, Parted: errand.Parted{Zone: "az1"}}} {
			one := got[i]
			if one.Heard.IsZero() != want.Answered {
				t.Errorf("%+v", one)
			}
			want.Proxy, want.Number, want.Heard = "p-"+string(rune('1'+i)), one.Number, one.Heard
			if one != want {
				t.Errorf("%+v, want %+v", one, want)
			}
		}
		f.Release()
		for _, stop := range stops {
			stop()
		}
	})
}

func asked() trail.Question {
	return trail.Question{Tenant: must(mq.ParseTenant("shop")), Topic: must(mq.ParsePhysical("shop%orders")), Message: must(mq.ParseMessageID("m-1"))}
}

func TestEveryProxyIsAskedAndWhoDoesNotAnswerIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := must(feed.New(feed.Options{Tokens: []string{token}}))
		if got := f.AskProxies(t.Context(), asked()); len(got) != 0 {
			t.Errorf("nobody is there: %+v", got)
		}
		a, b, c := standBy(f, "p-1", 1, false), standBy(f, "p-2", 2, false), standBy(f, "p-3", 3, true)
		synctest.Wait()
		began := time.Now()
		got := f.AskProxies(t.Context(), asked())
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		if len(got) != 3 || !got[0].Answered || !got[1].Answered || got[2].Answered || got[0].Proxy != "p-1" || got[1].Proxy != "p-2" || got[2].Proxy != "p-3" {
			t.Fatalf("%+v", got)
		}
		if e := got[1].Events; len(e) != 1 || e[0].Offset != 2 || got[1].Zone != "az1" || got[2].Heard.IsZero() {
			t.Errorf("%+v", got)
		}
		c.stop()
		b.stop()
		<-time.After(time.Minute) // virtual: b and c are gone for so long that nobody waits for them
		began = time.Now()
		if got = f.AskProxies(t.Context(), asked()); len(got) != 3 || got[1].Answered || got[2].Answered || time.Since(began) > time.Second {
			t.Errorf("%v: %+v", time.Since(began), got)
		}
		b = standBy(f, "p-2", 4, false) // the next process of that name has other records, and the one before is named no more
		synctest.Wait()
		if got = f.AskProxies(t.Context(), asked()); len(got) != 3 || !got[1].Answered || got[1].Events[0].Offset != 4 {
			t.Errorf("%+v", got)
		}
		<-time.After(2 * time.Hour)
		if got = f.AskProxies(t.Context(), asked()); len(got) != 2 {
			t.Errorf("who is gone for hours is still named: %+v", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		f.AskProxies(ctx, asked()) // returns
		f.Release()
		a.stop()
		b.stop()
	})
}

func TestQuestionsAreForProxiesAlone(t *testing.T) {
	f := must(feed.New(feed.Options{Tokens: []string{token}}))
	f.Release() // who may wait is told that this control plane stops
	for _, row := range []struct {
		method, path, auth, name string
		body                     string
		status                   int
	}{
		{"GET", errand.QuestionsPath + "?run=1", "Bearer nobody", "p-1", "", http.StatusUnauthorized},
		{"POST", errand.AnswersPath + "?run=1", "Bearer nobody", "p-1", "{}", http.StatusUnauthorized},
		{"GET", errand.QuestionsPath, "Bearer " + token, "p-1", "", http.StatusBadRequest},
		{"GET", errand.QuestionsPath + "?run=1", "Bearer " + token, "", "", http.StatusBadRequest},
		{"GET", errand.QuestionsPath + "?run=" + strings.Repeat("x", 100), "Bearer " + token, "p-1", "", http.StatusBadRequest},
		{"GET", errand.QuestionsPath + "?run=1", "Bearer " + token, "p-1", "", http.StatusServiceUnavailable},
		{"POST", errand.AnswersPath + "?run=1", "Bearer " + token, "p-1", "[", http.StatusBadRequest},
		{"POST", errand.PartingsPath + "?run=1", "Bearer nobody", "p-1", `{"number":"1"}`, http.StatusUnauthorized},
		{"POST", errand.PartingsPath, "Bearer " + token, "p-1", `{"number":"1"}`, http.StatusBadRequest},
		{"POST", errand.PartingsPath + "?run=1", "Bearer " + token, "p-1", "{}", http.StatusBadRequest},
		{"POST", errand.PartingsPath + "?run=1", "Bearer " + token, "p-1", `{"number":"nobody asked"}`, http.StatusNoContent},
		{"POST", errand.PartingsPath + "?run=1", "Bearer " + token, "p-1", `{"number":"1","zone":"` + strings.Repeat("x", errand.MaxParted) + `"}`, http.StatusBadRequest},
		{"POST", errand.AnswersPath + "?run=1", "Bearer " + token, "p-1", `{"number":"nobody asked","proxy":"p-1"}`, http.StatusNoContent},
		{"POST", errand.AnswersPath + "?run=1", "Bearer " + token, "p-1", `{"number":"1","proxy":"` + strings.Repeat("x", trail.MaxAnswer) + `"}`, http.StatusBadRequest},
	} {
		r := httptest.NewRequestWithContext(context.Background(), row.method, row.path, bytes.NewReader([]byte(row.body)))
		r.Header.Set("Authorization", row.auth)
		r.Header.Set(wire.ProxyHeader, row.name)
		w := httptest.NewRecorder()
		if f.ServeHTTP(w, r); w.Code != row.status {
			t.Errorf("%s %s of %q by %q: %d, want %d", row.method, row.path, row.name, row.auth, w.Code, row.status)
		}
	}
}
