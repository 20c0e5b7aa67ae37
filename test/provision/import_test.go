// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/adopt"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/refusal"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/control/takeover"
	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/file"
	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// verdicts are a plan in short, as "topic orders adopted orders".
func verdicts(plan []adopt.Item) string {
	var all []string
	for _, i := range plan {
		if i.Verdict != adopt.Left {
			all = append(all, fmt.Sprintf("%s %s %s %s", i.Noun, i.Physical, i.Verdict, i.Name))
		}
	}
	return strings.Join(all, "\n")
}

// A stock cluster's topics, groups and users become a tenant's; the cluster is not asked to change anything, and a second import finds
// everything known.
func TestWhatAStockClusterHasBecomesATenants(t *testing.T) {
	t.Parallel()
	h := newHall(t, "stock", "broker-a", "broker-b")
	h.fake.PutTopic(admin.Topic{Name: "orders", Read: 3, Write: 3, Permission: admin.ReadWrite, Attributes: map[string]string{admin.TypeAttribute: admin.TypeFIFO}})
	h.fake.PutTopic(admin.Topic{Name: "odd|name", Read: 1, Write: 1, Permission: admin.ReadWrite})
	h.fake.PutTopic(admin.Topic{Name: "%RETRY%readers", Read: 1, Write: 1, Permission: admin.ReadWrite})
	g := admin.NewGroup("readers")
	g.Orderly, g.RetryMost, g.TimeoutMinutes, g.FromMin, g.RetryQueues, g.Attributes = true, 4, 30, false, 4, map[string]string{"a": "b"}
	h.fake.PutGroup(g)
	if err := h.engine.PutAccount(t.Context(), mq.Account{Name: "AK1", Secret: "SK1-secret", Rules: []mq.Rule{
		{Resource: "Topic:orders", Actions: []string{"Pub", "Sub"}}, {Resource: "Group:readers", Actions: []string{"Sub"}},
	}}); err != nil {
		t.Fatal(err)
	}
	p := h.plane(t, t.TempDir())
	shop := tenant("shop")
	if _, err := p.CreateTenant(t.Context(), ada(), control.Tenant{ID: shop}); err != nil {
		t.Fatal(err)
	}
	what := takeover.Import{Tenant: shop, Names: map[string]string{"odd|name": "odd-name"}}
	plan, err := takeover.Plan(t.Context(), p, what)
	if err != nil {
		t.Fatal(err)
	}
	const adopted = "topic odd|name adopted odd-name\ntopic orders adopted orders\ngroup readers adopted readers\napplication AK1 adopted AK1"
	if got := verdicts(plan); got != adopted {
		t.Errorf("plan:\n%s", got)
	}
	if !slices.ContainsFunc(plan, func(i adopt.Item) bool {
		return i.Physical == "%RETRY%readers" && i.Verdict == adopt.Left && i.Why != ""
	}) {
		t.Error("what is left out is not told")
	}
	if _, err := p.Topic(shop, topicName("orders")); err == nil {
		t.Fatal("a plan changed something")
	}
	if plan, err = takeover.Do(t.Context(), p, ada(), what); err != nil || verdicts(plan) != adopted {
		t.Fatalf("import: %v\n%s", err, verdicts(plan))
	}
	for _, i := range p.Drift()[0].Items { // by the look before the import
		if i.Kind == site.Extra {
			t.Errorf("told as extra though it was taken over: %+v", i)
		}
	}
	if plan, err = takeover.Do(t.Context(), p, ada(), what); err != nil || verdicts(plan) != strings.ReplaceAll(adopted, "adopted", "known") {
		t.Errorf("again: %v\n%s", err, verdicts(plan))
	}
	orders, err := p.Topic(shop, topicName("orders"))
	if err != nil || orders.Spec.Name.String() != "orders" || orders.Spec.Queues != 6 || !orders.Spec.Accepts.Has(mq.FIFO) || orders.State != control.Ready {
		t.Errorf("%+v, %v", orders, err)
	}
	readers, err := p.Group(shop, groupName("readers"))
	if err != nil || !readers.Spec.Ordered || readers.Spec.MaxAttempts != 5 || readers.Spec.Hold != 30*time.Minute || readers.Spec.Start.Kind != mq.StartByEngine {
		t.Errorf("%+v, %v", readers, err)
	}
	keys := p.Contents().Keys
	if len(keys) != 1 || keys[0].ID != "AK1" || keys[0].Secret != "SK1-secret" {
		t.Errorf("%d keys", len(keys))
	}
	page, err := p.Audit(t.Context(), control.AuditQuery{Actor: "ada", Limit: control.MaxAuditPage})
	if err != nil || strings.Contains(fmt.Sprintf("%+v", page), "SK1-secret") {
		t.Errorf("%v", err)
	}
	var rows []string
	for _, e := range slices.Backward(page.Entries) {
		rows = append(rows, fmt.Sprintf("%s %s %s", e.Action, e.Target.Name, e.Outcome))
	}
	const audited = "tenant.create shop done|cluster.import stock begun|topic.adopt odd-name done|topic.adopt orders done|group.adopt readers done|application.adopt AK1 done|" +
		"key.adopt AK1 done|user.adopt stock/AK1 done|cluster.import stock done"
	if got := strings.Join(rows, "|"); got != audited {
		t.Errorf("audit:\n%s", got)
	}
	if e := page.Entries[0]; e.Target.Tenant != "shop" || e.After != `{"application":1,"group":1,"topic":2}` {
		t.Errorf("the end of the import: %+v", e)
	}
	if !strings.Contains(page.Entries[5].After, `"cluster":"stock"`) || !strings.Contains(page.Entries[5].After, `"takenOver":true`) {
		t.Errorf("what an auditor sees of a topic: %s", page.Entries[5].After)
	}
	eventually(t, "another look finds no drift", func() bool {
		for _, i := range p.Drift()[0].Items {
			if i.Ref.Kind != control.TenantRecord && i.Mended == "" {
				return false
			}
		}
		return p.Drift()[0].Seen.At.After(orders.Created.Add(3 * time.Second))
	})
	attempts := 7 // what is changed later leaves alone what the platform has no word for
	if _, err := p.UpdateGroup(t.Context(), ada(), shop, groupName("readers"), control.GroupChange{MaxAttempts: &attempts}); err != nil {
		t.Fatal(err)
	}
	if got := h.fake.Group("broker-a", "readers"); got.RetryMost != 6 || got.FromMin || got.RetryQueues != 4 || got.Attributes["a"] != "b" || got.TimeoutMinutes != 30 {
		t.Errorf("the group is %+v", got)
	}
}

// Names are checked before anything is done.
func TestAnImportWithNamesThatCannotBeGivenDoesNothing(t *testing.T) {
	t.Parallel()
	h := newHall(t, "stock", "broker-a")
	h.fake.PutTopic(admin.Topic{Name: "orders", Read: 3, Write: 3, Permission: admin.ReadWrite})
	h.fake.PutTopic(admin.Topic{Name: "bills", Read: 3, Write: 3, Permission: admin.ReadWrite})
	p := h.plane(t, t.TempDir())
	_, err := takeover.Do(t.Context(), p, ada(), takeover.Import{Tenant: tenant("default"), Names: map[string]string{"orders": "old orders", "nosuch": "x"}})
	if !refusal.Because(err, refusal.OutOfRange) || !strings.Contains(err.Error(), `"nosuch": the cluster has nothing of that name; "orders": topic cannot become "old orders"`) {
		t.Errorf("%v", err)
	}
	if topics, err := p.Topics(tenant("default")); err != nil || len(topics) > 0 {
		t.Errorf("%v, %v", topics, err)
	}
	if _, err := takeover.Do(t.Context(), p, ada(), takeover.Import{Tenant: tenant("default")}); err != nil {
		t.Fatal(err)
	}
	_, err = takeover.Do(t.Context(), p, ada(), takeover.Import{Tenant: tenant("default"), Names: map[string]string{"orders": "old-orders"}})
	if err == nil || !strings.Contains(err.Error(), `"orders": topic is taken over already, as "orders"`) {
		t.Errorf("%v", err)
	}
}

// What was taken over is deleted from its cluster by whoever confirms it, also where nothing is in it; what was made here needs no more than before.
func TestWhatWasTakenOverIsDeletedWhenThatIsConfirmed(t *testing.T) {
	t.Parallel()
	h := newHall(t, "stock", "broker-a")
	h.fake.PutTopic(admin.Topic{Name: "orders", Read: 3, Write: 3, Permission: admin.ReadWrite})
	h.fake.PutGroup(admin.NewGroup("readers"))
	dir, def := t.TempDir(), tenant("default")
	p := h.plane(t, dir)
	if _, err := takeover.Do(t.Context(), p, ada(), takeover.Import{Tenant: def}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateTopic(t.Context(), ada(), control.NewTopic{Tenant: def, Name: topicName("made")}); err != nil {
		t.Fatal(err)
	}
	note := "another note" // a change leaves it what it is
	if _, err := p.UpdateTopic(t.Context(), ada(), def, topicName("orders"), control.TopicChange{Note: &note}); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = h.plane(t, dir)
	for name, remove := range map[string]func(control.Deletion) error{
		"topic": func(d control.Deletion) error { return p.DeleteTopic(t.Context(), ada(), def, topicName("orders"), d) },
		"group": func(d control.Deletion) error { return p.DeleteGroup(t.Context(), ada(), def, groupName("readers"), d) },
	} {
		if err := remove(control.Deletion{}); !refusal.Because(err, refusal.Confirm) || !strings.Contains(err.Error(), "was taken over from cluster stock") {
			t.Errorf("%s: %v", name, err)
		}
		if err := remove(control.Deletion{Confirmed: true}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.DeleteTopic(t.Context(), ada(), def, topicName("made"), control.Deletion{}); err != nil {
		t.Error(err)
	}
}

// enabled is who may call the brokers, on all of them alike, with the number of his rules; "" while they differ.
func enabled(t *testing.T, e *rocketmq.Engine) string {
	t.Helper()
	at, err := e.AccountsAt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, all := range at {
		var lines []string
		for _, a := range all {
			if !strings.HasPrefix(a.Name, site.UserOf("")) {
				lines = append(lines, fmt.Sprintf("%s %v %d %s", a.Name, !a.Disabled, len(a.Rules), a.Secret))
			}
		}
		slices.Sort(lines)
		texts = append(texts, strings.Join(lines, "|"))
	}
	if slices.ContainsFunc(texts, func(s string) bool { return s != texts[0] }) {
		return ""
	}
	return texts[0]
}

// The key of a user who was taken over ends at the brokers, too, however it ends and whenever the plane dies; his rules and his secret stay, and other users
// are left alone.
func TestAKeyThatWasTakenOverEndsAtTheBrokers(t *testing.T) {
	t.Parallel()
	h := newHall(t, "stock", "broker-a", "broker-b")
	h.fake.PutTopic(admin.Topic{Name: "orders", Read: 3, Write: 3, Permission: admin.ReadWrite})
	for _, name := range []string{"kept", "revoked", "removed", "switched", "tenant"} {
		if err := h.engine.PutAccount(t.Context(), mq.Account{Name: name, Secret: name + "-secret", Rules: []mq.Rule{{Resource: "Topic:orders", Actions: []string{"Pub"}}}}); err != nil {
			t.Fatal(err)
		}
	}
	state := func(off ...string) string {
		var all []string
		for _, name := range []string{"kept", "removed", "revoked", "switched", "tenant"} {
			all = append(all, fmt.Sprintf("%s %v 1 %s-secret", name, !slices.Contains(off, name), name))
		}
		return strings.Join(all, "|")
	}
	becomes := func(what string, off ...string) {
		t.Helper()
		eventually(t, what, func() bool { return enabled(t, h.engine) == state(off...) })
	}
	dir := t.TempDir()
	p := h.plane(t, dir)
	shop := tenant("shop")
	if _, err := p.CreateTenant(t.Context(), ada(), control.Tenant{ID: shop}); err != nil {
		t.Fatal(err)
	}
	if _, err := takeover.Do(t.Context(), p, ada(), takeover.Import{Tenant: shop}); err != nil {
		t.Fatal(err)
	}
	becomes("an import changes nobody")
	app := func(s string) control.ApplicationName { return must(control.ParseApplicationName(s)) }
	if err := p.RevokeKey(t.Context(), ada(), shop, app("revoked"), "revoked"); err != nil {
		t.Fatal(err)
	}
	becomes("who has a revoked key is disabled", "revoked")
	if plan, err := takeover.Plan(t.Context(), p, takeover.Import{Tenant: shop}); err != nil || strings.Contains(verdicts(plan), "revoked") {
		t.Errorf("a revoked key is known: %s, %v", verdicts(plan), err)
	}

	off, on := true, false
	if _, err := p.UpdateApplication(t.Context(), ada(), shop, app("switched"), control.ApplicationChange{Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	becomes("whose application is switched off is disabled", "revoked", "switched")
	if _, err := p.UpdateApplication(t.Context(), ada(), shop, app("switched"), control.ApplicationChange{Disabled: &on}); err != nil {
		t.Fatal(err)
	}
	becomes("he is enabled with it", "revoked")

	if err := p.DeleteApplication(t.Context(), ada(), shop, app("removed"), control.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil { // the brokers were hardly told yet
		t.Fatal(err)
	}
	p = h.plane(t, dir)
	becomes("the next plane disables whose application is gone", "revoked", "removed")
	if err := h.engine.SwitchAccount(t.Context(), "revoked", true); err != nil {
		t.Fatal(err)
	}
	becomes("who is enabled past the plane is disabled again", "revoked", "removed")

	board := job.Open(job.Options{Plane: p})
	t.Cleanup(board.Close)
	if _, err := board.DeleteTenant(t.Context(), ada(), shop, control.Deletion{Confirmed: true}); err != nil {
		t.Fatal(err)
	}
	becomes("with the tenant all of them", "kept", "revoked", "removed", "switched", "tenant")
	eventually(t, "the tenant is gone", func() bool { return len(p.Tenants()) == 1 })
	becomes("and they stay so", "kept", "revoked", "removed", "switched", "tenant")
}

// An import that ended between a key and its user is gone on with by repeating it, and the user ends with his key then.
func TestAnImportThatEndedBeforeItsUserWasKeptIsGoneOnWith(t *testing.T) {
	t.Parallel()
	h := newHall(t, "stock", "broker-a")
	if err := h.engine.PutAccount(t.Context(), mq.Account{Name: "AK1", Secret: "SK1", Rules: []mq.Rule{{Resource: "Topic:orders", Actions: []string{"Pub"}}}}); err != nil {
		t.Fatal(err)
	}
	p := h.plane(t, t.TempDir())
	what := takeover.Import{Tenant: tenant("default")}
	if _, err := takeover.Do(t.Context(), p, ada(), what); err != nil {
		t.Fatal(err)
	}
	kept, err := p.Document(control.UserDocument(site.Taken{Cluster: "stock", User: "AK1"}).Ref())
	if err == nil {
		err = p.RemoveDocument(t.Context(), ada(), kept)
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing left to do
		if plan, err := takeover.Do(t.Context(), p, ada(), what); err != nil || verdicts(plan) != "application AK1 known AK1" {
			t.Fatalf("%s, %v", verdicts(plan), err)
		}
	}
	if again, err := p.Document(kept.Ref()); err != nil || again.Body != kept.Body {
		t.Fatalf("%+v, %v", again, err)
	}
	if err := p.RevokeKey(t.Context(), ada(), tenant("default"), must(control.ParseApplicationName("AK1")), "AK1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "he is disabled", func() bool { return enabled(t, h.engine) == "AK1 false 1 SK1" })
}

// publish writes what a plane says as the catalog of proxies, and gives the proxies' configuration.
func publish(t *testing.T, p *control.Plane, w *town.Town) (config string) {
	t.Helper()
	c := p.Contents()
	out := catalog.Contents{Version: catalog.Version(c.Version)}
	for _, one := range c.Tenants {
		out.Tenants = append(out.Tenants, catalog.Tenant{ID: one.ID, Unsigned: catalog.UnsignedLoopback})
	}
	for _, one := range c.Topics {
		out.Topics = append(out.Topics, catalog.Topic{Tenant: one.Tenant, Name: one.Name, Topic: one.Spec})
	}
	for _, one := range c.Groups {
		out.Groups = append(out.Groups, catalog.Group{Tenant: one.Tenant, Name: one.Name, Group: one.Spec})
	}
	dir := t.TempDir()
	config = filepath.Join(dir, "proxy.yaml")
	text := fmt.Sprintf("catalog: %s\nclusters:\n- {name: %s, namesrv: [%q]}\n", filepath.Join(dir, "catalog.yaml"), w.Cluster.Name(), w.Cluster.NameServers()[0])
	for path, text := range map[string][]byte{filepath.Join(dir, "catalog.yaml"): crowd.Must(file.Encode(out)), config: []byte(text)} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config
}

// Clients go on while what their cluster has is taken over: proxies that served it as it is are killed one by one and come back in tenant
// mode, with messages in flight. Nothing is lost, orders are kept, and what comes twice is what was in flight at a kill: the crowd judges.
func TestLongAStockClusterIsTakenOverWhileClientsRun(t *testing.T) {
	if os.Getenv("CAUSEWAY_LONG") == "" {
		t.Skip("takes minutes: set CAUSEWAY_LONG=1, as make test-cluster-long does")
	}
	// Checks of transactions come as often as in production: the short rest of the other tests is shorter than the stalls of a busy machine, in which
	// a broker asks again about a transaction whose verdict it has not noted yet, and two answers deliver it twice.
	checks := map[string]string{"transactionCheckInterval": "30000", "transactionTimeOut": "6000", "transactionOpBatchInterval": "3000"}
	w := town.NewOf(t, remoting.Credentials{}, cluster.Broker{Name: "broker-a", Settings: checks}, cluster.Broker{Name: "broker-b", Settings: checks})
	p, err := plane(t.Context(), t.TempDir(), w.Engine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	on := w.Ground()
	var words []string // none: the cluster as it is
	on.Open = func() crowd.Entrance {
		if words == nil {
			return w.Open()
		}
		return w.Start(words...)
	}
	on.Least, on.Rest = crowd.Load{Sent: 6_000, Settled: 4_000}, 150*time.Second // four looks at the transactions that are left
	c := crowd.New(t, on)
	c.Play(func() {
		c.Until(2_000)
		plan, err := takeover.Do(t.Context(), p, ada(), takeover.Import{Tenant: tenant("default")})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("taken over:\n%s", verdicts(plan))
		for _, name := range []string{"topic plain", "topic lanes", "topic pay", "group billing", "group in-order", "group settling"} {
			noun, n, _ := strings.Cut(name, " ")
			if !strings.Contains(verdicts(plan), fmt.Sprintf("%s %s adopted %s", noun, n, n)) {
				t.Errorf("%s is not taken over", name)
			}
		}
		words = []string{"--config", publish(t, p, w)}
		c.Kill()
		c.Join()
		c.Until(4_000)
		c.Kill()
		c.Join()
		c.Until(6_000)
	})
	for _, d := range p.Drift() {
		for _, i := range d.Items {
			if i.Ref.Kind != control.TenantRecord {
				t.Logf("drift: %s %s %s (%s) %s", i.Kind, i.Ref.Kind, i.Physical, i.Detail, i.Mended)
			}
		}
	}
}
