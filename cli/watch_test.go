// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// ending ends a command when it has written a text.
type ending struct {
	mu   sync.Mutex // guards text
	text strings.Builder
	at   string
	stop func()
}

func (e *ending) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n, err := e.text.Write(p)
	if strings.Contains(e.text.String(), e.at) {
		e.stop()
	}
	return n, err
}

// until runs a command until it has written a text, and presses Ctrl-C then.
func (d *desk) until(at string, args ...string) string {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, talk := &ending{at: at, stop: cancel}, &ending{at: "\x00", stop: func() {}}
	if code := Run(ctx, Env{Args: args, In: strings.NewReader(""), Out: out, Err: talk, Getenv: func(k string) string { return d.env[k] }}); code != ExitOK {
		d.t.Fatalf("%v: exit %d\n%s%s", args, code, out.text.String(), talk.text.String())
	}
	if !strings.Contains(out.text.String(), at) {
		d.t.Fatalf("%v: %q never came, but\n%s%s", args, at, out.text.String(), talk.text.String())
	}
	return out.text.String()
}

func TestWhatGoesOnIsShownAsItGoesOn(t *testing.T) {
	d := newDesk(t, "")
	d.ok("tenant", "create", "shop")
	d.ok("topic", "create", "orders", "--tenant", "shop")
	var asked struct{ ID string }
	if err := json.Unmarshal([]byte(d.ok("grant", "ask", "shop/orders", "--as", "lent", "--subscribe", "--reason", "reports", "-o", "json")), &asked); err != nil {
		t.Fatal(err)
	}

	want(t, strings.ReplaceAll(d.until("reports\n", "watch", "requests"), fmt.Sprintf("%-14s", asked.ID), fmt.Sprintf("%-14s", "ID")), `
ID             STATE      FROM                 TO                   REASON
ID             pending    default              shop                 reports
`)
	d.ok("request", "approve", asked.ID, "--tenant", "shop")
	out := d.until(`"event":"ready"`, "watch", "grants", "-o", "jsonl")
	var e struct {
		ID, Event string
		Data      wire.Grant
	}
	if err := json.Unmarshal([]byte(strings.SplitN(out, "\n", 2)[0]), &e); err != nil || e.ID == "" || e.Event != "grant" || e.Data.As != "lent" {
		t.Errorf("%v: %s", err, out)
	}
	if code, _, talk := d.run("watch", "jobs", "-o", "yaml"); code != ExitUsage {
		t.Errorf("exit %d: %s", code, talk)
	}
	if code, _, talk := d.run("message", "tail", "none"); code != ExitNotFound {
		t.Errorf("exit %d: %s", code, talk)
	}
	if out := d.ok("watch", "lag", "--for", "10ms"); out != "" && !strings.HasPrefix(out, "TIME") {
		t.Errorf("%q", out)
	}
}

func TestATailIsShownMessageByMessage(t *testing.T) {
	d := newDesk(t, "")
	d.ok("topic", "create", "orders")
	own, err1 := mq.ParseTenant(mq.DefaultTenant)
	name, err2 := mq.ParseTopicName("orders")
	topic, err3 := d.plane.Topic(own, name)
	id, err4 := mq.ParseMessageID("m-1")
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		t.Fatal(err1, err2, err3, err4)
	}
	stop := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() { // again and again, since nobody knows when the tail begins
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				d.engine.Send(context.Background(), topic.Spec, []mq.Message{{ID: id, Type: mq.Normal, Body: []byte("hello\x1b[31m")}})
			case <-stop:
				return
			}
		}
	})
	out := d.until("hello", "message", "tail", "orders")
	if strings.Contains(out, "\x1b") || !strings.HasPrefix(out, "STORED") {
		t.Errorf("%q", out)
	}
	out = d.until(`"m-1"`, "message", "tail", "orders", "-o", "jsonl", "--body", "2")
	close(stop)
	sending.Wait()
	var m wire.Message
	if err := json.Unmarshal([]byte(strings.SplitN(out, "\n", 2)[0]), &m); err != nil || string(m.Body) != "he" || !m.BodyTruncated {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAWatchGoesOnBehindTheLastEventAfterABrokenConnection(t *testing.T) {
	var mu sync.Mutex
	var came []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		came = append(came, r.Header.Get("Last-Event-ID"))
		n := len(came)
		mu.Unlock()
		if n == 2 {
			w.Header().Set("Content-Type", wire.ProblemType)
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"status":503,"kind":"unavailable","detail":"not now"}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, ": hello\n\nretry: 3000\n\nid: 1.%d.0.0\nevent: job\ndata: {\"id\":\"job-%d\",\"state\":\"running\"}\n\n", n, n)
		if n > 2 {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	d := &desk{t: t, env: map[string]string{"CAUSEWAY_SERVER": server.URL, "XDG_CONFIG_HOME": t.TempDir()}}
	out := d.until("job-3", "watch", "jobs")
	if !strings.Contains(out, "job-1") || strings.Count(out, "ID ") != 1 {
		t.Errorf("%s", out)
	}
	mu.Lock()
	defer mu.Unlock()
	if strings.Join(came, " ") != " 1.1.0.0 1.1.0.0" {
		t.Errorf("it came with %q", came)
	}
	gone := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	gone.Close()
	d.env["CAUSEWAY_SERVER"] = gone.URL
	if code, _, _ := d.run("watch", "jobs"); code == ExitOK {
		t.Error("nobody is there, and it ends well")
	}
}
