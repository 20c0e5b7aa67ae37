// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/site"
	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// shops are two tenants, each with a topic orders and a group readers, and the default tenant with a topic of its own.
func shops(t *testing.T, p *control.Plane) {
	t.Helper()
	for _, id := range []string{"pay", "fin"} {
		if _, err := p.CreateTenant(t.Context(), ada(), control.Tenant{ID: tenant(id)}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.CreateTopic(t.Context(), ada(), control.NewTopic{Tenant: tenant(id), Name: topicName("orders")}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.CreateGroup(t.Context(), ada(), control.NewGroup{Tenant: tenant(id), Name: groupName("readers")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.CreateTopic(t.Context(), ada(), control.NewTopic{Tenant: tenant("default"), Name: topicName("bare")}); err != nil {
		t.Fatal(err)
	}
}

// users are the users on every replica, each as "name secret-is-there rules"; "" while replicas differ.
func users(t *testing.T, e *rocketmq.Engine) string {
	t.Helper()
	at, err := e.AccountsAt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var first string
	var secrets map[string]string
	for _, all := range at {
		var lines []string
		mine := map[string]string{}
		for _, a := range all {
			mine[a.Name] = a.Secret
			var rules []string
			for _, r := range a.Rules {
				rules = append(rules, r.Resource+"="+strings.Join(r.Actions, "+"))
			}
			slices.Sort(rules)
			lines = append(lines, fmt.Sprintf("%s: %s", a.Name, strings.Join(rules, " ")))
		}
		slices.Sort(lines)
		text := strings.Join(lines, "\n")
		if first != "" && (text != first || fmt.Sprint(mine) != fmt.Sprint(secrets)) {
			return ""
		}
		first, secrets = text, mine
	}
	return first
}

const ownUsers = `causeway-tenant-default: Topic:bare=Pub+Sub+Get
causeway-tenant-fin: Group:fin%*=Sub+Get Topic:%DLQ%fin%*=Sub+Get Topic:fin%*=Pub+Sub+Get
causeway-tenant-pay: Group:pay%*=Sub+Get Topic:%DLQ%pay%*=Sub+Get Topic:pay%*=Pub+Sub+Get`

// Each tenant has one user on every broker, who may what is the tenant's; what somebody changes there is put right, and other users are
// left alone.
func TestEachTenantHasAUserOfItsOwnOnEveryBroker(t *testing.T) {
	t.Parallel()
	h := newHall(t, "east", "broker-a", "broker-b")
	stranger := mq.Account{Name: "somebody", Secret: "s", Rules: []mq.Rule{{Resource: "Topic:x", Actions: []string{"Pub"}}}}
	left := mq.Account{Name: site.UserOf("gone"), Secret: "s", Rules: []mq.Rule{{Resource: "Topic:gone%*", Actions: []string{"Pub"}}}}
	for _, a := range []mq.Account{stranger, left} {
		if err := h.engine.PutAccount(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	p := h.plane(t, t.TempDir())
	shops(t, p)
	wants := ownUsers + "\nsomebody: Topic:x=Pub"
	eventually(t, "every broker has the tenants' users", func() bool { return users(t, h.engine) == wants })

	all, err := h.engine.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var pay mq.Account
	for _, a := range all {
		if a.Name == site.UserOf("pay") {
			pay = a
		}
	}
	if len(pay.Secret) < 26 {
		t.Errorf("the secret has %d characters", len(pay.Secret))
	}
	wider := pay
	wider.Rules = append(slices.Clone(pay.Rules), mq.Rule{Resource: "Topic:fin%*", Actions: []string{"Sub"}})
	if err := h.engine.PutAccount(t.Context(), wider); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what was widened is as it was", func() bool { return users(t, h.engine) == wants })
	if err := h.engine.DropAccount(t.Context(), pay.Name); err != nil {
		t.Fatal(err)
	}
	eventually(t, "who was removed is back", func() bool { return users(t, h.engine) == wants })

	if err := p.DeleteTopic(t.Context(), ada(), tenant("default"), topicName("bare"), control.Deletion{Confirmed: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "who has nothing there has no user", func() bool { return !strings.Contains(users(t, h.engine), "causeway-tenant-default") })
	page, err := p.Audit(t.Context(), control.AuditQuery{Limit: control.MaxAuditPage})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprintf("%+v", page), pay.Secret) {
		t.Error("a secret stands in the audit")
	}
}

// The user of a tenant that is deleted goes from every broker, and those of other tenants stay.
func TestTheUserOfADeletedTenantGoesFromEveryBroker(t *testing.T) {
	t.Parallel()
	h := newHall(t, "east", "broker-a", "broker-b")
	p := h.plane(t, t.TempDir())
	shops(t, p)
	eventually(t, "every broker has the tenants' users", func() bool { return users(t, h.engine) == ownUsers })
	board := job.Open(job.Options{Plane: p})
	t.Cleanup(board.Close)
	if _, err := board.DeleteTenant(t.Context(), ada(), tenant("pay"), control.Deletion{Confirmed: true}); err != nil {
		t.Fatal(err)
	}
	left, _, _ := strings.Cut(ownUsers, "\n"+site.UserOf("pay"))
	eventually(t, "no broker has the user of the tenant that went", func() bool { return users(t, h.engine) == left })
	eventually(t, "the tenant is gone", func() bool { return len(p.Tenants()) == 2 })
}

const auth = "org.apache.rocketmq.auth."

// closed is a broker that checks every request.
func closed(inner remoting.Credentials) map[string]string {
	return map[string]string{
		"authenticationEnabled": "true", "authorizationEnabled": "true",
		"authenticationProvider":               auth + "authentication.provider.DefaultAuthenticationProvider",
		"authenticationMetadataProvider":       auth + "authentication.provider.LocalAuthenticationMetadataProvider",
		"authorizationProvider":                auth + "authorization.provider.DefaultAuthorizationProvider",
		"authorizationMetadataProvider":        auth + "authorization.provider.LocalAuthorizationMetadataProvider",
		"initAuthenticationUser":               fmt.Sprintf(`{"username":%q,"password":%q}`, inner.AccessKey, inner.Secret),
		"innerClientAuthenticationCredentials": fmt.Sprintf(`{"accessKey":%q,"secretKey":%q}`, inner.AccessKey, inner.Secret),
	}
}

// A connection that passes no proxy, with a tenant's user, reaches what is the tenant's and nothing of another one, on brokers that check.
func TestADirectConnectionCannotCrossTenantsOnARealCluster(t *testing.T) {
	inner := remoting.Credentials{AccessKey: "root", Secret: "root-secret-1"}
	w := town.NewOf(t, inner, cluster.Broker{Name: "broker-a", Settings: closed(inner)}, cluster.Broker{Name: "broker-a", ID: 1, Settings: closed(inner)},
		cluster.Broker{Name: "broker-b", Settings: closed(inner)})
	p, err := plane(t.Context(), t.TempDir(), w.Engine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	shops(t, p)
	eventually(t, "every replica has the tenants' users", func() bool { return strings.Contains(users(t, w.Engine), ownUsers) })
	at := crowd.Must(w.Engine.AccountsAt(t.Context()))
	if len(at) != 3 {
		t.Errorf("%d replicas were asked, there are three", len(at))
	}
	var secret string
	for _, all := range at {
		for _, a := range all {
			if a.Name == site.UserOf("pay") {
				secret = a.Secret
			}
		}
	}
	direct, err := rocketmq.Open(rocketmq.Options{
		NameServers: w.Cluster.NameServers(), Cluster: w.Name, Remoting: remoting.Options{Credentials: remoting.Credentials{AccessKey: site.UserOf("pay"), Secret: secret}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = direct.Close() })
	send := func(topic string) error {
		spec := mq.Topic{Name: physical(topic), Cluster: w.Name, Accepts: mq.AcceptsOf(mq.Normal), Queues: 8}
		m := mq.Message{ID: crowd.Must(mq.ParseMessageID("id-" + strings.ReplaceAll(topic, "%", "-"))), Type: mq.Normal, Body: []byte("x"), Born: time.Now()}
		return direct.Send(t.Context(), spec, []mq.Message{m})[0].Err
	}
	take := func(topic, group string) (int, error) {
		got, err := direct.Take(t.Context(), mq.Want{
			Topic: mq.Topic{Name: physical(topic), Cluster: w.Name, Accepts: mq.AcceptsOf(mq.Normal), Queues: 8},
			Group: mq.Group{Name: physical(group), Cluster: w.Name, MaxAttempts: 17, Start: mq.Start{Kind: mq.StartEarliest}}, Queue: mq.AnyQueue, Max: 8,
		})
		return len(got), err
	}
	if err := send("pay%orders"); err != nil {
		t.Errorf("its own topic: %v", err)
	}
	eventually(t, "it receives its own", func() bool {
		n, err := take("pay%orders", "pay%readers")
		if err != nil {
			t.Fatalf("its own group: %v", err)
		}
		return n == 1
	})
	for _, topic := range []string{"fin%orders", "bare"} {
		if err := send(topic); err == nil || mq.Outcome(err) != mq.Refused {
			t.Errorf("it sends to %s: %v", topic, err)
		}
	}
	for _, c := range [][2]string{{"fin%orders", "fin%readers"}, {"fin%orders", "pay%readers"}, {"pay%orders", "fin%readers"}, {"bare", "pay%readers"}} {
		if n, err := take(c[0], c[1]); err == nil {
			t.Errorf("it takes %d of %s as %s", n, c[0], c[1])
		}
	}
	if err := direct.PutTopic(t.Context(), mq.Topic{Name: physical("pay%more"), Queues: 1}); err == nil {
		t.Error("it makes topics")
	}
	if _, err := direct.AccountsAt(t.Context()); err == nil {
		t.Error("it reads the users")
	}
	switchesOff(t, w)
	for _, name := range []string{"orders"} {
		if err := p.DeleteTopic(t.Context(), ada(), tenant("pay"), topicName(name), control.Deletion{Confirmed: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.DeleteGroup(t.Context(), ada(), tenant("pay"), groupName("readers"), control.Deletion{Confirmed: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "who has nothing there is nobody there", func() bool { return !strings.Contains(users(t, w.Engine), site.UserOf("pay")) })
	eventually(t, "he is refused", func() bool { return send("fin%orders") != nil && send("bare") != nil })
}

// switchesOff holds that a user who was there before the platform is refused by real brokers once he is disabled, and known with his old secret once he is enabled again.
func switchesOff(t *testing.T, w *town.Town) {
	t.Helper()
	const name, secret = "before", "before-secret-1"
	account := mq.Account{Name: name, Secret: secret, Rules: []mq.Rule{{Resource: "Topic:bare", Actions: []string{"Pub"}}}}
	if err := w.Engine.PutAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	// A connection of its own for each send: what a broker knew of an old one is not asked.
	send := func() error {
		e, err := rocketmq.Open(rocketmq.Options{NameServers: w.Cluster.NameServers(), Cluster: w.Name, Remoting: remoting.Options{Credentials: remoting.Credentials{AccessKey: name, Secret: secret}}})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		spec := mq.Topic{Name: physical("bare"), Cluster: w.Name, Accepts: mq.AcceptsOf(mq.Normal), Queues: 8}
		return e.Send(t.Context(), spec, []mq.Message{{ID: crowd.Must(mq.ParseMessageID("id-before")), Type: mq.Normal, Body: []byte("x"), Born: time.Now()}})[0].Err
	}
	eventually(t, "he sends", func() bool { return send() == nil })
	for _, on := range []bool{false, true} {
		if err := w.Engine.SwitchAccount(t.Context(), name, on); err != nil {
			t.Fatal(err)
		}
		for at, all := range crowd.Must(w.Engine.AccountsAt(t.Context())) {
			i := slices.IndexFunc(all, func(a mq.Account) bool { return a.Name == name })
			if i < 0 || all[i].Disabled == on || len(all[i].Rules) != 1 {
				t.Errorf("switched on %v, %s has %+v", on, at, all)
			}
		}
		if on {
			eventually(t, "he is let in again", func() bool { return send() == nil })
		} else {
			eventually(t, "he is refused", func() bool { return send() != nil })
		}
	}
	if err := w.Engine.DropAccount(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}
