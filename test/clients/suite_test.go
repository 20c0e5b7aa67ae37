// SPDX-License-Identifier: Apache-2.0

// Package clients_test drives the official RocketMQ 5 clients, unmodified, through one list of scenarios.
package clients_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// suiteBound ends whatever still runs; it stands above the sum of the scenario bounds that can follow one another.
const suiteBound = 5 * time.Minute

// driversAtOnce keeps two busy cores from starving a client into its own 3 s request timeout.
const driversAtOnce = 3

// place is where things are: the repository, the build directory, this run's logs.
type place struct {
	root, build, logs string
	trusted           string // PEM file that drivers trust for TLS, if any
}

// newPlace keeps the logs of each run apart, name says which.
func newPlace(t *testing.T, name string) place {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	at := place{root: root, build: filepath.Join(root, ".build", "clients")}
	at.logs = filepath.Join(at.build, "logs", name)
	if err := os.RemoveAll(at.logs); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(at.logs, 0o755); err != nil {
		t.Fatal(err)
	}
	return at
}

func build(ctx context.Context, t *testing.T, at place, binary, pkg string) {
	t.Helper()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, pkg)
	cmd.Dir = at.root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
}

func TestOfficialClients(t *testing.T) {
	if testing.Short() {
		t.Skip("drives five clients in their own processes: minutes, not for -short")
	}
	at := newPlace(t, "embedded")
	prepared(t, at)
	ctx, cancel := context.WithTimeout(t.Context(), suiteBound)
	defer cancel()
	to, isGiven := given(t)
	if !isGiven {
		to = started(ctx, t, at)
	}
	play(ctx, t, at, to)
}

// prepared skips the test where the clients' toolchains are not there and nobody said that they must be.
func prepared(t *testing.T, at place) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(at.build, "ready")); err != nil {
		if os.Getenv("CAUSEWAY_CLIENTS") == "required" {
			t.Fatalf("the clients' toolchains are not prepared, test/clients/setup does that: %v", err)
		}
		t.Skip("the clients' toolchains are not prepared: run test/clients/setup first, as make test does")
	}
}

// play drives every client against one target.
func play(ctx context.Context, t *testing.T, at place, to target) {
	t.Helper()
	at.trusted = to.certificate
	build(ctx, t, at, filepath.Join(at.build, "go-driver"), "./test/clients/go")
	runs := planned(to)
	provisionAll(ctx, t, to, runs)

	board := &scoreboard{got: map[string]result{}}
	drivers, ctx := errgroup.WithContext(ctx)
	drivers.SetLimit(driversAtOnce)
	for _, d := range runs {
		if why, err := os.ReadFile(filepath.Join(at.build, "without-"+d.client.name)); err == nil {
			board.undriven(d, strings.TrimSpace(string(why)))
			continue
		}
		drivers.Go(func() error { return drive(ctx, at, d, board) })
	}
	if err := drivers.Wait(); err != nil {
		t.Errorf("a driver did not come to its end: %v", err)
	}
	judge(t, runs, board)
}

// driving is one process of a client's driver with the runs that it plays.
type driving struct {
	client client
	name   string
	runs   []run
}

// planned spreads every way of every client over as few processes as the clients allow. CAUSEWAY_CLIENTS_ONLY narrows it
// to the named clients, CAUSEWAY_CLIENTS_SCENARIOS to the named scenarios, both for work on a driver.
func planned(to target) []driving {
	var all []driving
	for _, c := range clients() {
		if !chosen("CAUSEWAY_CLIENTS_ONLY", c.name) {
			continue
		}
		for way, why := range c.without {
			fmt.Printf("%-14s %-22s %-5s          %s\n", runName(c, way), "all", "lacks", why)
		}
		together := driving{client: c, name: c.name}
		for _, way := range c.ways {
			if way == "tls" && !to.tls || way == "signed" && to.accessKey == "" {
				continue
			}
			r := newRun(c, way, to)
			r.Scenarios = slices.DeleteFunc(r.Scenarios, func(s scenario) bool {
				return !chosen("CAUSEWAY_CLIENTS_SCENARIOS", s.Name)
			})
			if slices.Contains(c.apart, way) {
				all = append(all, driving{client: c, name: r.Name, runs: []run{r}})
				continue
			}
			together.runs = append(together.runs, r)
		}
		all = append(all, together)
	}
	return all
}

func chosen(variable, name string) bool {
	list := os.Getenv(variable)
	return list == "" || slices.Contains(strings.Split(list, ","), name)
}

// provisionAll makes every topic and group before the first client starts.
func provisionAll(ctx context.Context, t *testing.T, to target, all []driving) {
	t.Helper()
	start, count := time.Now(), 0
	made, ctx := errgroup.WithContext(ctx)
	made.SetLimit(4)
	for _, d := range all {
		for _, r := range d.runs {
			for _, s := range r.Scenarios {
				p := plans()[slices.IndexFunc(plans(), func(p plan) bool { return p.name == s.Name })]
				attempts := p.maxAttempts
				if own, has := d.client.attempts[p.name]; has {
					attempts = own
				}
				made.Go(func() error { return to.provision.topic(ctx, s.Topic, p.kind) })
				spec := groupSpec{name: s.Group, fifo: p.fifo, maxAttempts: attempts, retry: p.retry}
				made.Go(func() error { return to.provision.group(ctx, spec) })
				count += 2
				if s.Watch != "" {
					watch := groupSpec{name: s.Watch, fifo: p.fifo}
					made.Go(func() error { return to.provision.group(ctx, watch) })
					count++
				}
			}
		}
	}
	if err := made.Wait(); err != nil {
		t.Fatalf("provision: %v", err)
	}
	fmt.Printf("made %d topics and groups in %.1fs\n", count, time.Since(start).Seconds())
}

// scoreboard gathers results as the drivers print them.
type scoreboard struct {
	mu  sync.Mutex // guards got and keeps lines whole
	got map[string]result
}

func (b *scoreboard) add(r result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got[r.Run+" "+r.Scenario] = r
	fmt.Printf("%-14s %-22s %-5s %6.1fs  %s\n", r.Run, r.Scenario, r.Result, float64(r.Millis)/1000, r.Detail)
}

// undriven gives every scenario of a driver that could not be built the reason for it.
func (b *scoreboard) undriven(d driving, why string) {
	for _, r := range d.runs {
		for _, s := range r.Scenarios {
			b.add(result{Run: r.Name, Scenario: s.Name, Result: "none", Detail: why})
		}
	}
}

// drive runs one driver process to its end.
func drive(ctx context.Context, at place, d driving, board *scoreboard) error {
	return d.start(ctx, at, func(line []byte) bool {
		var r result
		if json.Unmarshal(line, &r) != nil || r.Scenario == "" {
			return false
		}
		board.add(r)
		return true
	})
}

// start runs the driver's process to its end. Lines of its output that heard does not take, and what it says beside them, are kept in stderr.log.
func (d driving) start(ctx context.Context, at place, heard func(line []byte) bool) error {
	raw, err := json.MarshalIndent(job{Runs: d.runs}, "", " ")
	if err != nil {
		return err
	}
	home := filepath.Join(at.logs, d.name)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	todo := filepath.Join(home, "job.json")
	if err := os.WriteFile(todo, raw, 0o600); err != nil {
		return err
	}
	cmd := command(ctx, at, d.client.name, home, todo)
	cmd.WaitDelay = 5 * time.Second
	rest, err := os.Create(filepath.Join(home, "stderr.log"))
	if err != nil {
		return err
	}
	defer func() { _ = rest.Close() }()
	cmd.Stderr = rest
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !heard(lines.Bytes()) {
			_, _ = fmt.Fprintln(rest, lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w, see %s", d.name, err, rest.Name())
	}
	return nil
}

// judge wants a pass from every client for every scenario that it doesn't lack, and no silence.
func judge(t *testing.T, all []driving, board *scoreboard) {
	t.Helper()
	counts := map[string]int{}
	for _, d := range all {
		for _, r := range d.runs {
			for _, s := range r.Scenarios {
				got, answered := board.got[r.Name+" "+s.Name]
				why, lacking := d.client.lacking[s.Name]
				counts[got.Result]++
				switch {
				case !answered:
					t.Errorf("%s %s: no result", r.Name, s.Name)
				case got.Result == "lacks" && !lacking:
					t.Errorf("%s %s: the driver says that client %s lacks it (%s), the list does not", r.Name, s.Name, d.client.version, got.Detail)
				case got.Result == "pass" && lacking:
					t.Errorf("%s %s: passes, yet the list says that client %s lacks it: %s", r.Name, s.Name, d.client.version, why)
				case got.Result == "fail":
					t.Errorf("%s %s: %s", r.Name, s.Name, got.Detail)
				}
			}
		}
	}
	fmt.Printf("client scenarios: %d passed, %d lacking in the client, %d failed, %d not driven, %d without a result\n",
		counts["pass"], counts["lacks"], counts["fail"], counts["none"], counts[""])
}
