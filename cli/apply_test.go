// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/controltest"
	"github.com/causeway-mq/causeway/mq"
)

// file writes a file of documents.
func (d *desk) file(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

const shopDocuments = `kind: Tenant
name: shop
note: the shop
plan: gold
environment: prod
labels: {team: shop}
---
kind: Environment
name: prod
production: true
---
kind: Plan
name: gold
limits: {topics: 50}
---
kind: Application
tenant: shop
name: till
publish: [orders, returns]
read: [orders]
consume: [billing]
disabled: true
labels: {team: shop, tier: ""}
---
kind: Group
tenant: shop
name: billing
from: latest
maxAttempts: 5
retry: {initial: 1s, max: 10m, multiplier: 2}
---
- kind: Topic
  tenant: shop
  name: orders
  retention: 7d
  labels: {team: shop}
- kind: Topic
  tenant: shop
  name: returns
  types: [fifo]
  queues: 4
  durability: window=20ms
`

func TestWhatIsAppliedIsThereAndThenUnchanged(t *testing.T) {
	d := newDesk(t, "")
	f := d.file("shop.yaml", shopDocuments)
	if code, out, _ := d.run("diff", "-f", f); code != 1 || strings.Count(out, "would be made") != 7 || !strings.Contains(out, "+ retention: 168h\n") {
		t.Errorf("before: exit %d\n%s", code, out)
	}
	const would = `
plan/gold created (dry run)
environment/prod created (dry run)
tenant/shop created (dry run)
topic/orders created (dry run)
topic/returns created (dry run)
group/billing created (dry run)
app/till created (dry run)
`
	want(t, d.ok("apply", "-f", f, "--dry-run"), would)
	if code, _, _ := d.run("tenant", "describe", "shop"); code != ExitNotFound {
		t.Fatal("a dry run made something")
	}
	want(t, d.ok("apply", "-f", f), strings.Replace(strings.ReplaceAll(would, " (dry run)", ""), "till created", "till created (without a key; `causeway app key create till` makes one)", 1))
	want(t, d.ok("apply", "-f", f), strings.ReplaceAll(would, "created (dry run)", "unchanged"))
	want(t, d.ok("diff", "-f", f), "")
	if out := d.ok("app", "describe", "till", "--tenant", "shop"); !strings.Contains(out, "disabled  yes") {
		t.Error(out)
	}
	var keys []struct{ Revoked string }
	if err := json.Unmarshal([]byte(d.ok("app", "key", "list", "till", "--tenant", "shop", "-o", "json")), &keys); err != nil || len(keys) != 1 || keys[0].Revoked == "" {
		t.Errorf("a key that nobody has seen works: %v, %v", keys, err)
	}
}

// West has retention and durability as settings of its brokers: a plan says so before anything is done, also of a tenant that the documents bring.
func TestWhatBrokersHaveForAllTopicsIsNotAppliedToOne(t *testing.T) {
	west, err := mq.ParseCluster("west")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, "", func(o *control.Options) {
		e := controltest.New()
		o.Others = map[mq.Cluster]control.Engine{west: {Provisioner: e, Inspector: e}}
	})
	want(t, d.ok("cluster", "offered"), `
NAME  DEFAULT  SETTINGS OF THE BROKERS
test  yes      -
west  no       durability,retention
`)
	f := d.file("f.yaml", "kind: Tenant\nname: shop\n---\n{kind: Topic, tenant: shop, name: orders, cluster: west, retention: 7d, durability: sync}\n---\n{kind: Topic, tenant: shop, name: here, retention: 7d}\n")
	const why = "(a setting of the brokers of cluster west, for all topics alike: leave it out, and have it set there)"
	if code, out, _ := d.run("diff", "-f", f); code != 1 || !strings.Contains(out, "+ retention: 168h   "+why) || !strings.Contains(out, "+ durability: sync   "+why) || strings.Count(out, why) != 2 {
		t.Errorf("diff: exit %d\n%s", code, out)
	}
	for _, args := range [][]string{{"apply", "-f", f}, {"apply", "-f", f, "--dry-run"}} {
		if code, _, told := d.run(args...); code != ExitConflict || !strings.Contains(told, "topic/orders of tenant shop: retention: - -> 168h: a setting of the brokers of cluster west") || !strings.Contains(told, "nothing was done") {
			t.Errorf("%v: exit %d\n%s", args, code, told)
		}
	}
	if code, _, _ := d.run("tenant", "describe", "shop"); code != ExitNotFound {
		t.Error("a part was applied")
	}
	want(t, d.ok("topic", "create", "orders", "--cluster", "west"), `
topic orders created: normal messages, 8 queues, kept as long as the brokers of cluster west keep messages
`)
	if out := d.ok("topic", "describe", "orders"); strings.Count(out, "as the brokers are set") != 2 {
		t.Errorf("described as\n%s", out)
	}
	got := d.file("got.yaml", d.ok("get", "topics", "-o", "yaml"))
	want(t, d.ok("diff", "-f", got), "")
	for _, args := range [][]string{{"topic", "create", "more", "--cluster", "west", "--retention", "7d"}, {"topic", "update", "orders", "--retention", "7d"}} {
		if code, _, told := d.run(args...); code == ExitOK || !strings.Contains(told, `retention: on cluster "west" how long messages are kept is a setting of the brokers`) {
			t.Errorf("%v: exit %d\n%s", args, code, told)
		}
	}
	more := d.file("more.yaml", "{kind: Topic, name: orders, retention: 7d}")
	if code, _, told := d.run("apply", "-f", more); code != ExitConflict || !strings.Contains(told, "cluster west") {
		t.Errorf("exit %d\n%s", code, told)
	}
}

func TestWhatIsGotIsAppliedWithoutAChange(t *testing.T) {
	d := newDesk(t, "")
	d.ok("apply", "-f", d.file("shop.yaml", shopDocuments))
	d.ok("group", "create", "pulled", "--mode", "pulls", "--from", "-10m", "--hold", "45s", "--note", "yes", "--tenant", "shop")
	d.ok("group", "create", "steps", "--fifo", "--retry", "1s,90s,7d"[:6], "--tenant", "shop")
	for _, kind := range []string{"all", "topics", "groups", "apps", "tenants", "plans", "environments"} {
		for _, form := range []string{"yaml", "json"} {
			for _, revision := range []string{"--revision=false", "--revision"} {
				d.in = ""
				text := d.ok("get", kind, "-o", form, "--tenant", "shop", revision)
				d.in = text
				if out := d.ok("apply", "-f", "-", "-o", "json"); strings.Contains(out, `"created"`) || strings.Contains(out, `"changed"`) || !strings.Contains(out, `"unchanged"`) {
					t.Errorf("%s as %s:\n%s\nbecame\n%s", kind, form, text, out)
				}
				if code, out, err := d.run("diff", "-f", "-"); code != ExitOK || out != "" || err != "" {
					t.Errorf("%s as %s: diff exit %d\n%s%s", kind, form, code, out, err)
				}
			}
		}
	}
	d.in = d.ok("get", "topic", "orders", "-o", "json", "--tenant", "shop")
	if !strings.HasPrefix(d.in, "{") {
		t.Errorf("one thing is an object: %s", d.in)
	}
	d.ok("apply", "-f", "-")
	want(t, d.ok("get", "topics", "-o", "name", "--tenant", "shop"), "orders\nreturns\n")
	want(t, d.ok("get", "topics", "--tenant", "shop"), `
KIND   NAME     WANTED
Topic  orders   cluster=test durability=sync labels={"team":"shop"} queues=8 retention=168h types=["normal"]
Topic  returns  cluster=test durability=window=20ms queues=4 retention=72h types=["fifo"]
`)
	if out := d.ok("get", "topics", "-o", "json"); out != "[]\n" {
		t.Errorf("nothing is an empty list, not %q", out)
	}
}

func TestAChangeIsShownAndMade(t *testing.T) {
	d := newDesk(t, "")
	d.ok("topic", "create", "orders", "--retention", "72h")
	d.ok("app", "create", "shop", "--publish", "b,a")
	f := d.file("f.yaml", "kind: Topic\nname: orders\nretention: 7d\nqueues: 16\nnote: ours\nlabels: {team: shop}\n---\nkind: Application\nname: shop\npublish: [a, b, a]\nconsume: [g]\n")
	code, out, err := d.run("diff", "-f", f)
	if code != 1 || err != "" {
		t.Errorf("exit %d\n%s", code, err)
	}
	want(t, out, `
topic/orders of tenant default would change
- queues: 8
+ queues: 16
- retention: 72h
+ retention: 168h
+ note: ours
+ labels: {"team":"shop"}
app/shop of tenant default would change
- consume: []
+ consume: ["g"]
`)
	want(t, d.ok("apply", "-f", f), `
topic/orders changed
  queues: 8 -> 16
  retention: 72h -> 168h
  note: - -> ours
  labels: - -> {"team":"shop"}
app/shop changed
  consume: [] -> ["g"]
`)
	if out := d.ok("apply", "-f", f, "--quiet"); out != "" {
		t.Errorf("quiet says %q", out)
	}
	if out := d.ok("diff", "-f", f, "-o", "json"); out != "[]\n" {
		t.Errorf("no difference is %q", out)
	}
}

func TestABadDocumentStopsAllOfThemAndEverythingWrongIsTold(t *testing.T) {
	d := newDesk(t, "")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml": "kind: Topic\nname: good\n---\nkind: Topic\nname: bad\nretenton: 7d\nqueues: 300\nretention: 5\ntypes: [fifoo]\n---\nkind: Topic\nname: worse\nlabels: {Team: x}\n",
		"b.yml":  "kind: Topik\nname: x\n---\nname: y\n---\nkind: Group\nname: a%b\nmode: pulls\nfifo: true\nretry: {initial: 1s}\nfrom: yesterday\n",
		"c.json": `[{"kind":"Group","name":"g","retry":{"initial":"1s"}},{"kind":"Tenant","tenant":"x","name":"Bad"},{"kind":"Topic","name":"good"},{"kind":"Application"}]`,
		"d.txt":  "kind: nothing",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, verb := range []string{"apply", "diff"} {
		code, out, err := d.run(verb, "-f", dir)
		if code != ExitUsage || out != "" {
			t.Errorf("%s: exit %d\n%s", verb, code, out)
		}
		for _, says := range []string{
			`a.yaml: line 6: retenton: unknown key; did you mean "retention"?`, `a.yaml: line 8: retention: "5": a duration`, `a.yaml: line 9: types[0]: "fifoo"`, `a.yaml: line 13: labels: key "Team": 1 to 40 characters`,
			`b.yml: line 1: kind: "Topik": one of Plan, Environment, Zone, Tenant, Topic, Group, Grant, Application is needed; did you mean "Topic"?`, `b.yml: line 4: kind: one of`,
			`b.yml: line 7: name: "a%b"`, `b.yml: line 11: from: "yesterday": earliest, latest or a time`,
			`c.json: line 1: retry: either steps, or initial`, `c.json: line 1: name: "Bad"`, `a Tenant is in no tenant`, `topic/good: stands twice, the first time in ` + dir, `c.json: line 1: name: is missing`,
		} {
			if !strings.Contains(err, says) {
				t.Errorf("%s lacks %q:\n%s", verb, says, err)
			}
		}
	}
	if out := d.ok("topic", "list", "-o", "json"); out != "[]\n" {
		t.Errorf("something was made: %s", out)
	}
	for text, says := range map[string]string{
		"kind: Topic\nname: x\nqueues: 300\n":   "line 3: queues: \"300\": from 1 to 256 are possible",
		"kind: Topic\nname: x\ntenant: other\n": `--tenant says default`,
		"":                                      "no document is in there",
		"kind: Topic\nname: x\nnote: &n a\nretention: *n":              "anchors and aliases are not allowed",
		"kind: Topic\nname: x\nname: y":                                "stands twice",
		"kind: Topic\n  name: x":                                       "line 2",
		"kind: Topic\nname: '%DLQ%g'\n":                                "dead letters",
		"just words":                                                   "kind: one of",
		"kind: Topic\nname: x\nnote: " + strings.Repeat("x", 1001):     "limit is 1000",
		"# " + strings.Repeat("x", 10<<20):                             "the limit is 10485760",
		"kind: Group\nname: g\nhold: -5s\n":                            "0s or more",
		"kind: Group\nname: g\nfifo: 1\n":                              "true or false",
		"kind: Application\nname: x\npublish: orders\n":                "a list is wanted",
		"kind: Application\nname: x\npublish: [a b]\n":                 "line 3: publish[0]",
		"kind: Topic\nname: x\nrevision: -1\n":                         "0 or more",
		"kind: Group\nname: g\nmode: pull\n":                           "leases or pulls",
		"kind: Group\nname: g\nretry: {steps: [1s], initial: 1s}\n":    "either steps",
		"kind: Group\nname: g\nmode: pulls\nfifo: true\n":              "reads in order as it is",
		"kind: Group\nname: g\nretry: {steps: [1s, ever]}\n":           "retry.steps[1]",
		"kind: Topic\nname: x\ndurability: window\n":                   "line 3: durability",
		"kind: Topic\nname: x\ntypes: []\n":                            "at least one",
		"kind: Topic\nname: x\n---\nkind: Topic\nname: x\nqueues: 9\n": "stands twice",
	} {
		d.in = text
		if code, out, err := d.run("apply", "-f", "-", "--tenant", "default"); code != ExitUsage || out != "" || !strings.Contains(err, says) {
			t.Errorf("%.60q: exit %d\n%s%.300s\nwant %s", text, code, out, err, says)
		}
	}
}

func TestWhatCannotChangeIsNamedAndNothingIsDone(t *testing.T) {
	d := newDesk(t, "")
	d.ok("topic", "create", "orders")
	d.ok("group", "create", "billing", "--from", "earliest")
	f := d.file("f.yaml", `{kind: Topic, name: orders, types: [fifo], queues: 4, retention: 9h}
---
{kind: Group, name: billing, mode: pulls, fifo: false, from: 2026-01-01T00:00:00Z}
---
{kind: Topic, name: new}
---
{kind: Tenant, name: default, note: other}
`)
	code, out, err := d.run("apply", "-f", f)
	if code != ExitConflict || out != "" {
		t.Errorf("exit %d\n%s", code, out)
	}
	for _, says := range []string{
		"f.yaml, line 1: topic/orders of tenant default: types: [\"normal\"] -> [\"fifo\"]: cannot change once the topic is there", "queues: 8 -> 4: may only grow",
		"line 3: group/billing of tenant default: mode: leases -> pulls: cannot change", "from: earliest -> 2026-01-01T00:00:00Z: cannot change",
	} {
		if !strings.Contains(err, says) {
			t.Errorf("lacks %q:\n%s", says, err)
		}
	}
	if strings.Contains(err, "retention") || strings.Contains(err, "fifo:") {
		t.Errorf("names what can change:\n%s", err)
	}
	if out := d.ok("get", "topics", "-o", "name"); out != "orders\n" {
		t.Errorf("there is %s", out)
	}
	if code, out, _ := d.run("diff", "-f", f); code != 1 || !strings.Contains(out, "+ queues: 4   (may only grow)") {
		t.Errorf("diff: exit %d\n%s", code, out)
	}
}

func TestARevisionThatIsPastIsRefused(t *testing.T) {
	d := newDesk(t, "")
	d.ok("topic", "create", "orders")
	d.in = d.ok("get", "topic", "orders", "-o", "yaml", "--revision") + "note: mine\n"
	d.ok("topic", "update", "orders", "--note", "theirs")
	if code, _, err := d.run("apply", "-f", "-"); code != ExitConflict || !strings.Contains(err, "revision: ") || !strings.Contains(err, "somebody changed it") {
		t.Errorf("exit %d\n%s", code, err)
	}
}

// meddler stands before a server and does something before each request that it passes on.
func meddler(t *testing.T, to string, before func(w http.ResponseWriter, r *http.Request) bool) string {
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestWhatSomebodyElseChangedMeanwhileIsNotOverwritten(t *testing.T) {
	d := newDesk(t, "")
	d.ok("topic", "create", "orders")
	d.ok("topic", "create", "returns")
	f := d.file("f.yaml", "kind: Topic\nname: orders\nnote: mine\n---\nkind: Topic\nname: returns\nnote: mine\n")
	other := meddler(t, d.env["CAUSEWAY_SERVER"], func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/orders") {
			d.ok("topic", "update", "orders", "--note", "theirs")
		}
		return true
	})
	code, out, err := d.run("apply", "-f", f, "--server", other)
	if code != ExitPartial || !strings.Contains(out, "topic/orders failed: ") || !strings.Contains(out, "topic/returns changed") || !strings.Contains(err, "1 of 2 are as the documents say") {
		t.Errorf("exit %d\n%s%s", code, out, err)
	}
	if out := d.ok("topic", "describe", "orders"); !strings.Contains(out, "theirs") {
		t.Errorf("overwritten:\n%s", out)
	}
	d.ok("apply", "-f", f)
}

func TestTheExitCodeTellsHowMuchIsDone(t *testing.T) {
	d := newDesk(t, "")
	f := d.file("f.yaml", "kind: Topic\nname: orders\n---\nkind: Topic\nname: returns\n")
	broken := ""
	other := meddler(t, d.env["CAUSEWAY_SERVER"], func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && broken != "" {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"status":429,"title":"x","kind":"too_many_requests","detail":"too fast","requestId":"r-1"}`)
			return false
		}
		return true
	})
	broken = "all"
	code, out, err := d.run("apply", "-f", f, "--server", other)
	if code != ExitThrottled || strings.Count(out, "failed: too fast") != 2 || !strings.Contains(err, "f.yaml, line 1: topic/orders: too fast") {
		t.Errorf("all fail: exit %d\n%s%s", code, out, err)
	}
	code, out, _ = d.run("apply", "-f", f, "--server", other, "-o", "json")
	var steps []struct{ Kind, Name, Tenant, Place, Result, Error, RequestID string }
	if e := json.Unmarshal([]byte(out), &steps); e != nil || code != ExitThrottled || len(steps) != 2 || steps[1].Result != "failed" || steps[1].RequestID != "r-1" || steps[1].Kind != "Topic" {
		t.Errorf("for machines: exit %d, %v, %+v\n%s", code, e, steps, out)
	}
	d.ok("topic", "create", "orders")
	if code, out, _ := d.run("apply", "-f", f, "--server", other); code != ExitPartial || !strings.Contains(out, "topic/orders unchanged") {
		t.Errorf("some fail: exit %d\n%s", code, out)
	}
	for line, want := range map[string]int{
		"apply -f none.yaml": ExitUsage, "apply": ExitUsage, "diff": 2, "diff -f none.yaml": 2, "get nothing": ExitUsage, "get topics none": ExitNotFound, "get all x": ExitUsage,
		"get topics -o wide": ExitUsage, "diff -f " + f + " --server http://127.0.0.1:1": 2, "diff -f " + f + " --tenant none": 2, "apply -f " + f + " --tenant none": ExitNotFound,
		"apply -f " + t.TempDir(): ExitUsage, "diff -f " + f + " -o wide": 2,
	} {
		if code, out, err := d.run(strings.Fields(line)...); code != want || out != "" || err == "" {
			t.Errorf("%s: exit %d, want %d\n%s%s", line, code, want, out, err)
		}
	}
}

func TestOnlyWhatIsNamedIsPruned(t *testing.T) {
	d := newDesk(t, "")
	d.fill()
	d.ok("app", "create", "old")
	d.ok("topic", "create", "other")
	f := d.file("f.yaml", "kind: Topic\nname: returns\n")
	prune := []string{"apply", "-f", f, "--prune", "topic/orders,group/billing,app/old,topic/none"}
	code, out, err := d.run(prune...)
	if code != ExitConflict || out != "" || !strings.Contains(err, "app/old, group/billing, topic/orders would be deleted") || !strings.Contains(err, "--yes") {
		t.Errorf("without a word: exit %d\n%s%s", code, out, err)
	}
	if out := d.ok("get", "topics", "-o", "name"); out != "orders\nother\n" {
		t.Errorf("there is %s", out)
	}
	if out := d.ok(append(prune, "--dry-run")...); !strings.Contains(out, "topic/orders deleted (dry run)") || !strings.Contains(out, "topic/none unchanged (is not there)") {
		t.Error(out)
	}
	want(t, d.ok(append(prune, "--yes")...), `
topic/returns created
app/old deleted
group/billing deleted
topic/orders deleted
topic/none unchanged (is not there)
`)
	want(t, d.ok("get", "topics", "-o", "name"), "other\nreturns\n")
	for arg, says := range map[string]string{"topic/returns": "wants it", "topic": "KIND/NAME", "tenant/default": "KIND/NAME", "topik/x": "KIND/NAME"} {
		if code, _, err := d.run("apply", "-f", f, "--prune", arg, "--yes"); code != ExitUsage || !strings.Contains(err, says) {
			t.Errorf("%s: exit %d\n%s", arg, code, err)
		}
	}
}

func TestKeysOfNewApplicationsGoToAFileOfTheirOwn(t *testing.T) {
	d := newDesk(t, "")
	f := d.file("f.yaml", "kind: Application\nname: till\nowner: true\n")
	keys := filepath.Join(t.TempDir(), "keys.json")
	if out := d.ok("apply", "-f", f, "--keys", keys); strings.Contains(out, "cws_") || !strings.Contains(out, "(key CW") {
		t.Error(out)
	}
	info, err := os.Stat(keys)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	var k struct{ Tenant, Application, AccessKey, Secret string }
	raw, _ := os.ReadFile(keys)
	if err := json.Unmarshal(raw, &k); err != nil || k.Application != "till" || !strings.HasPrefix(k.Secret, "cws_") {
		t.Errorf("%s, %v", raw, err)
	}
	if code, _, err := d.run("apply", "-f", f, "--keys", keys); code != ExitUsage || !strings.Contains(err, "exists") {
		t.Errorf("over a file that is there: exit %d\n%s", code, err)
	}
}

func TestManyObjectsAreReadByTheirListing(t *testing.T) {
	d := newDesk(t, "")
	var text strings.Builder
	for i := range 40 {
		fmt.Fprintf(&text, "---\nkind: Topic\nname: t-%d\n", i)
	}
	d.in = text.String()
	d.ok("apply", "-f", "-")
	asked := 0
	other := meddler(t, d.env["CAUSEWAY_SERVER"], func(http.ResponseWriter, *http.Request) bool { asked++; return true })
	if out := d.ok("apply", "-f", "-", "--server", other); strings.Count(out, "unchanged") != 40 || asked != 1 {
		t.Errorf("%d questions\n%s", asked, out)
	}
}
