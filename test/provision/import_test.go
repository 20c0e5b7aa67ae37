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
	what := control.Import{Tenant: shop, Names: map[string]string{"odd|name": "odd-name"}}
	plan, err := p.PlanImport(t.Context(), what)
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
	if plan, err = p.Import(t.Context(), ada(), what); err != nil || verdicts(plan) != adopted {
		t.Fatalf("import: %v\n%s", err, verdicts(plan))
	}
	if plan, err = p.Import(t.Context(), ada(), what); err != nil || verdicts(plan) != strings.ReplaceAll(adopted, "adopted", "known") {
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
	if err != nil || strings.Contains(fmt.Sprintf("%+v", page), "SK1-secret") || len(page.Entries) != 6 { // the tenant, two topics, a group, an application, its key
		t.Errorf("%d rows, %v", len(page.Entries), err)
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
		plan, err := p.Import(t.Context(), ada(), control.Import{Tenant: tenant("default")})
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
