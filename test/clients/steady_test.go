// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// event is one line about something that a driver did or saw in a steady scenario.
type event struct {
	Steady   string `json:"steady"` // the run
	Scenario string `json:"scenario"`
	What     string `json:"what"` // sent, got, polled (a poll that failed), acked (an acknowledgement that failed)
	N        int    `json:"n"`
	Error    string `json:"error"`
	Began    int64  `json:"began"` // milliseconds since 1970
	Ended    int64  `json:"ended"`
	Attempt  int    `json:"attempt"`
}

func (e event) key() string { return e.Steady + " " + e.Scenario }

// ledger is all events of a load, as they come.
type ledger struct {
	mu  sync.Mutex // guards all
	all map[string][]event
}

func (l *ledger) add(e event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[e.key()] = append(l.all[e.key()], e)
}

func (l *ledger) of(key string) []event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all[key])
}

// account is what the events of one scenario come to.
type account struct {
	sent, failed, got, repeats int
	lost                       []int  // acknowledged to the sender, and never received
	inversions                 []int  // received first after a later one
	why                        string // the first send that failed
	sendGap, gotGap            time.Duration
	pollFailed                 time.Duration // the longest poll that ended in an error
	polls                      int           // that failed
}

// accountOf judges the events of one scenario. Gaps are the longest times between two successes.
func accountOf(all []event, ordered bool) (a account) {
	acked, got := map[int]bool{}, map[int]bool{}
	var lastSent, lastGot int64
	last := -1
	for _, e := range all {
		took := time.Duration(e.Ended-e.Began) * time.Millisecond
		switch {
		case e.What == "sent" && e.Error != "":
			a.failed++
			if a.why == "" {
				a.why = e.Error
			}
		case e.What == "sent":
			a.sent++
			acked[e.N] = true
			a.sendGap, lastSent = gap(a.sendGap, lastSent, e.Ended), e.Ended
		case e.What == "got":
			a.gotGap, lastGot = gap(a.gotGap, lastGot, e.Ended), e.Ended
			if got[e.N] {
				a.repeats++
				continue
			}
			got[e.N] = true
			if ordered && e.N < last {
				a.inversions = append(a.inversions, e.N)
			}
			last = max(last, e.N)
		case e.What == "polled":
			a.polls++
			a.pollFailed = max(a.pollFailed, took)
		}
	}
	a.got = len(got)
	for n := range acked {
		if !got[n] {
			a.lost = append(a.lost, n)
		}
	}
	slices.Sort(a.lost)
	return a
}

func gap(longest time.Duration, from, to int64) time.Duration {
	if from == 0 {
		return longest
	}
	return max(longest, time.Duration(to-from)*time.Millisecond)
}

func (a account) String() string {
	return fmt.Sprintf("%4d sent, %d failed, %d received, %d again, lost %d, inversions %d; longest without a send %v, without a message %v, %d polls failed, the longest after %v",
		a.sent, a.failed, a.got, a.repeats, len(a.lost), len(a.inversions), a.sendGap, a.gotGap, a.polls, a.pollFailed)
}

func TestAnAccountFindsWhatIsWrong(t *testing.T) {
	sent := func(n int, at int64, failed string) event {
		return event{What: "sent", N: n, Began: at, Ended: at + 1, Error: failed}
	}
	got := func(n int, at int64) event { return event{What: "got", N: n, Began: at, Ended: at} }
	a := accountOf([]event{
		sent(0, 100, ""), got(0, 110), sent(1, 200, "refused"), sent(2, 300, ""), sent(3, 2300, ""), sent(4, 2400, ""),
		got(3, 2410), got(2, 2420), got(3, 9420), {What: "polled", Began: 1000, Ended: 4000, Error: "gone"},
	}, true)
	if a.sent != 4 || a.failed != 1 || a.why != "refused" || a.got != 3 || a.repeats != 1 || !slices.Equal(a.lost, []int{4}) || !slices.Equal(a.inversions, []int{2}) ||
		a.sendGap != 2*time.Second || a.gotGap != 7*time.Second || a.polls != 1 || a.pollFailed != 3*time.Second {
		t.Errorf("%+v", a)
	}
	if b := accountOf([]event{got(1, 1), got(0, 2)}, false); len(b.inversions) > 0 {
		t.Errorf("without an order nothing is out of it: %+v", b)
	}
}

// load is drivers that send and receive until they are told to stop.
type load struct {
	t       *testing.T
	at      place
	ledger  *ledger
	drivers *errgroup.Group
	homes   []string
	keys    []string // of the scenarios, as in the ledger
}

// steadyPlans is a normal and an ordered topic for each client.
func steadyPlans() []plan {
	return []plan{{name: "steady", kind: "normal"}, {name: "steady-fifo", kind: "fifo", fifo: true}}
}

// startLoad starts the drivers of the named clients, each with a run at one of the endpoints in turn.
func startLoad(ctx context.Context, t *testing.T, at place, to target, endpoints []string, names ...string) *load {
	t.Helper()
	build(ctx, t, at, filepath.Join(at.build, "go-driver"), "./test/clients/go")
	l := &load{t: t, at: at, ledger: &ledger{all: map[string][]event{}}, drivers: &errgroup.Group{}}
	for i, name := range names {
		c := clients()[slices.IndexFunc(clients(), func(c client) bool { return c.name == name })]
		r := newRun(c, "plain", to)
		r.Endpoint, r.Scenarios = endpoints[i%len(endpoints)], nil
		for _, p := range steadyPlans() {
			s := scenario{Name: p.name, Topic: to.prefix + name + "-" + p.name, Group: to.prefix + "g-" + name + "-" + p.name, Millis: steadyBound.Milliseconds()}
			if err := to.provision.topic(ctx, s.Topic, p.kind); err != nil {
				t.Fatal(err)
			}
			if err := to.provision.group(ctx, groupSpec{name: s.Group, fifo: p.fifo, maxAttempts: 100, hold: time.Minute}); err != nil {
				t.Fatal(err)
			}
			r.Scenarios = append(r.Scenarios, s)
			l.keys = append(l.keys, r.Name+" "+s.Name)
		}
		if name != "go" {
			l.start(ctx, driving{client: c, name: name, runs: []run{r}})
			continue
		}
		// All clients of a Go process share one lock, which is held while any of them dials a dead proxy, five seconds each time: two in one process starve each other.
		for _, s := range r.Scenarios {
			one := r
			one.Scenarios = []scenario{s}
			l.start(ctx, driving{client: c, name: name + "-" + s.Name, runs: []run{one}})
		}
	}
	t.Cleanup(func() { l.tell("stop"); l.tell("end"); _ = l.drivers.Wait() })
	return l
}

// start runs a driver in a process of its own.
func (l *load) start(ctx context.Context, d driving) {
	l.homes = append(l.homes, filepath.Join(l.at.logs, d.name))
	l.drivers.Go(func() error { return l.drive(ctx, d) })
}

// steadyBound ends a load that nobody ends.
const steadyBound = 20 * time.Minute

// drive runs one driver to its end. What a scenario that did not come to its end says is an error.
func (l *load) drive(ctx context.Context, d driving) (failed error) {
	err := d.start(ctx, l.at, func(line []byte) bool {
		var e event
		var r result
		switch {
		case json.Unmarshal(line, &e) == nil && e.Steady != "":
			l.ledger.add(e)
		case json.Unmarshal(line, &r) == nil && r.Scenario != "" && r.Result != "pass":
			failed = fmt.Errorf("%s %s: %s", r.Run, r.Scenario, r.Detail)
		}
		return false // all of it is kept
	})
	return errors.Join(err, failed)
}

// tell lays a file of that name into each driver's directory.
func (l *load) tell(name string) {
	for _, home := range l.homes {
		if err := os.WriteFile(filepath.Join(home, name), nil, 0o600); err != nil && l.t.Context().Err() == nil {
			l.t.Error(err)
		}
	}
}

// each waits until every scenario fulfils something.
func (l *load) each(what string, bound time.Duration, is func(key string) bool) {
	l.t.Helper()
	end := time.NewTimer(bound)
	defer end.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		missing := slices.DeleteFunc(slices.Clone(l.keys), is)
		if len(missing) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-end.C:
			for _, key := range l.keys {
				l.t.Logf("%-20s %v", key, accountOf(l.ledger.of(key), false))
			}
			l.t.Fatalf("not within %v: %s: %s; what they did is in %s", bound, what, strings.Join(missing, ", "), l.at.logs)
		}
	}
}

// goesOn waits until every scenario whose client and name hold none of some words has sent and received so much more since now.
func (l *load) goesOn(what string, more int, but ...string) {
	l.t.Helper()
	sent, got := map[string]int{}, map[string]int{}
	for _, key := range l.keys {
		if slices.ContainsFunc(but, func(word string) bool { return strings.Contains(key, word) }) {
			sent[key] = -more // is so already
			continue
		}
		a := accountOf(l.ledger.of(key), false)
		sent[key], got[key] = a.sent, a.got
	}
	l.each(what, 90*time.Second, func(key string) bool {
		a := accountOf(l.ledger.of(key), false)
		return sent[key] < 0 || a.sent >= sent[key]+more && a.got >= got[key]+more
	})
}

// finish stops the senders, waits until everything that was acknowledged came, and gives the accounts.
func (l *load) finish() map[string]account {
	l.t.Helper()
	l.tell("stop")
	// What a proxy had taken when it died comes when its lease is over.
	l.each("all that was acknowledged came", 3*time.Minute, func(key string) bool {
		return len(accountOf(l.ledger.of(key), false).lost) == 0
	})
	l.tell("end")
	if err := l.drivers.Wait(); err != nil {
		l.t.Error(err)
	}
	all := map[string]account{}
	for _, key := range l.keys {
		all[key] = accountOf(l.ledger.of(key), strings.HasSuffix(key, "-fifo"))
	}
	return all
}
