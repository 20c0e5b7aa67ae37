// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// The matrix of isolation: every operation that the served document has, called by everybody there is. What may happen follows from the
// scope and the right that the document names and from the table of rights. Another tenant's things are held against an installation where
// that tenant does not exist: the answers have to be the same bytes.

// canary stands in everything that the victim keeps, and in no request.
const canary = "kanarienvogel"

// route is an operation as the document has it.
type route struct {
	id, method, path, scope string
	right                   control.Verb
	asks                    bool // for a body
}

func documented(t *testing.T, s *site) []route {
	t.Helper()
	var d struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(s.send("GET", "/v1/openapi.json", "").body, &d); err != nil {
		t.Fatal(err)
	}
	var all []route
	for path, item := range d.Paths {
		for method, raw := range item {
			var o struct {
				OperationID string          `json:"operationId"`
				Right       string          `json:"x-right"`
				Tags        []string        `json:"tags"`
				Body        json.RawMessage `json:"requestBody"`
			}
			if method == "parameters" {
				continue
			}
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			all = append(all, route{o.OperationID, strings.ToUpper(method), path, o.Tags[0], control.Verb(o.Right), o.Body != nil})
		}
	}
	if len(all) != len(api.Operations()) {
		t.Fatalf("the document has %d operations, the table %d", len(all), len(api.Operations()))
	}
	// Deletions last, so that there is something to call until then.
	rank := map[string]int{"GET": 0, "POST": 1, "PUT": 2, "PATCH": 3, "DELETE": 4}
	place := func(r route) string {
		if r.id == "deleteTenant" {
			return "5" // of all that it has
		}
		return fmt.Sprint(rank[r.method], r.path)
	}
	slices.SortFunc(all, func(a, b route) int { return strings.Compare(place(a), place(b)) })
	return all
}

// things are the names and ids of what a tenant has.
type things map[string]string

// request fills an operation's path, and gives the body that it wants.
func (r route) request(t *testing.T, th things, tag string) (path, body string) {
	t.Helper()
	path = r.path
	for name, value := range th {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	if strings.Contains(path, "{") {
		t.Fatalf("%s: no test fills %s", r.id, path)
	}
	if r.id == "watchTenant" {
		path += "?watch=rates,lag,jobs,requests,grants"
	}
	bodies := map[string]string{
		"setLogLevel": `{"level":"info"}`, "createTenant": `{"id":"t` + tag + `"}`, "changeTenant": `{"note":"n"}`,
		"createPlan": `{"name":"p` + tag + `"}`, "changePlan": `{"note":"n"}`, "createEnvironment": `{"name":"e` + tag + `"}`, "changeEnvironment": `{"note":"n"}`,
		"createZone": `{"name":"z` + tag + `"}`, "changeZone": `{"note":"n"}`,
		"importCluster":     `{"tenant":"default"}`,
		"createApplication": `{"name":"a` + tag + `"}`, "changeApplication": `{"note":"n"}`, "createKey": `{}`,
		"createTopic": `{"name":"t` + tag + `"}`, "changeTopic": `{"note":"n"}`, "createGroup": `{"name":"g` + tag + `"}`, "changeGroup": `{"note":"n"}`,
		"resetGroup": `{"topic":"` + th["topic"] + `","to":"latest","force":true}`, "redriveDeadLetters": `{"limit":1}`, "cancelJob": `{}`, "cancelInstallationJob": `{}`,
		"createMember": `{"name":"m` + tag + `","role":"viewer"}`, "changeMember": `{"note":"n"}`, "createToken": `{"name":"m","role":"viewer"}`,
		"createSession":            `{"tenant":"` + th["tenant"] + `","name":"` + th["member"] + `","password":"a wrong password"}`,
		"createTerminalSession":    `{"code":"none","verifier":"none"}`, // without an identity provider nobody becomes known by it
		"createInstallationMember": `{"name":"m` + tag + `","role":"viewer"}`, "changeInstallationMember": `{"note":"n"}`, "createInstallationToken": `{"name":"m","role":"viewer"}`,
		"disconnectClient": `{}`, "sendMessage": `{"text":"t"}`, "resendMessage": `{}`, "cancelScheduled": `{}`, "resolveTransaction": `{"verdict":"rollback","confirm":"` + th["id"] + `"}`,
		"createRequest":              `{"kind":"grant","to":"shop","reason":"r","grant":{"topic":"ledger","as":"b` + tag + `","subscribe":true}}`,
		"approveInstallationRequest": `{}`, "refuseInstallationRequest": `{"why":"no"}`, "commentInstallationRequest": `{"text":"well"}`,
		"approveRequest": `{}`, "refuseRequest": `{"why":"no"}`, "withdrawRequest": `{}`, "commentRequest": `{"text":"well"}`,
	}
	body, ok := bodies[r.id]
	if ok != r.asks {
		t.Fatalf("%s: no test knows its body", r.id)
	}
	return path, body
}

// populate gives a tenant one of everything, with the canary in it.
func (s *site) populate(tenant string) things {
	s.t.Helper()
	root := "/v1/tenants/" + tenant
	post := func(path, body string) reply {
		s.t.Helper()
		r := s.send("POST", path, body, s.holder())
		if r.status >= 300 {
			s.t.Fatalf("%s %s: %d %s", path, body, r.status, r.body)
		}
		return r
	}
	if tenant != "default" {
		post("/v1/tenants", `{"id":"`+tenant+`","note":"`+canary+`"}`)
	}
	th := things{"tenant": tenant, "topic": "orders-" + tenant, "group": "billing-" + tenant, "app": "app-" + tenant, "member": "anna@" + tenant, "id": "id-" + tenant, "client": "host@1@" + tenant, "profile": "heap", "cluster": "test",
		"plan": "gold", "environment": "prod", "zone": "az1"}
	post(root+"/topics", `{"name":"`+th["topic"]+`","note":"`+canary+`"}`)
	post(root+"/groups", `{"name":"`+th["group"]+`","note":"`+canary+`"}`)
	app := read[wire.Application](s.t, post(root+"/apps", `{"name":"`+th["app"]+`","note":"`+canary+`"}`))
	post(root+"/members", `{"name":"`+th["member"]+`","role":"developer","note":"`+canary+`"}`)
	th["key"], th["token"] = app.Key.ID, read[wire.Token](s.t, post(root+"/tokens", `{"name":"`+canary+`","role":"viewer"}`)).ID
	id, err := mq.ParseMessageID(th["id"])
	if err != nil {
		s.t.Fatal(err)
	}
	c := s.plane.Contents()
	m := mq.Message{ID: id, Type: mq.Normal, Body: []byte(canary), Properties: []mq.Property{{Name: "p", Value: canary}}}
	for _, topic := range c.Topics {
		if topic.Tenant.String() == tenant {
			s.engine.Send(context.Background(), topic.Spec, []mq.Message{m})
		}
	}
	for _, group := range c.Groups {
		if group.Tenant.String() == tenant {
			s.engine.Send(context.Background(), group.DeadLetters(), []mq.Message{m})
		}
	}
	th["grant"] = s.lend("default", "shared", tenant).ID
	th["request"] = read[wire.Request](s.t, post(root+"/requests", `{"kind":"grant","to":"default","reason":"`+canary+`","grant":{"topic":"shared2","as":"other","publish":true}}`)).ID
	th["job"] = read[wire.Job](s.t, post(root+"/groups/"+th["group"]+"/dead-letters/redrive", `{"limit":1}`)).ID
	s.idle()
	return th
}

// lend lets a tenant read a topic of another one, which is made if it is not there.
func (s *site) lend(owner, topic, borrower string) wire.Grant {
	s.t.Helper()
	s.send("POST", "/v1/tenants/"+owner+"/topics", `{"name":"`+topic+`"}`, s.holder())
	ask := `{"kind":"grant","to":"` + owner + `","reason":"` + canary + `","grant":{"topic":"` + topic + `","as":"lent-` + topic + `","subscribe":true}}`
	asked := read[wire.Request](s.t, s.send("POST", "/v1/tenants/"+borrower+"/requests", ask, s.holder()))
	if r := s.send("POST", "/v1/tenants/"+owner+"/requests/"+asked.ID+"/approval", `{}`, s.holder()); r.status != 200 {
		s.t.Fatalf("approval: %d %s", r.status, r.body)
	}
	for _, g := range read[wire.Page[wire.Grant]](s.t, s.send("GET", "/v1/tenants/"+borrower+"/grants", "", s.holder())).Items {
		if g.Request == asked.ID {
			return g
		}
	}
	s.t.Fatal("nothing is lent")
	return wire.Grant{}
}

func tenantRoles() []identity.Role {
	return []identity.Role{identity.Viewer, identity.Developer, identity.TenantAdmin, identity.Auditor}
}

func installationRoles() []identity.Role {
	return []identity.Role{identity.Viewer, identity.Operator, identity.SecurityAdmin, identity.Auditor, identity.BreakGlass}
}

func TestRow78NobodyGetsThroughAnyOperation(t *testing.T) {
	s, now := guardedSite(t)
	th := s.populate("shop")
	revoked, expired := s.token("/v1/tenants/shop", "tenant-admin"), s.token("/v1/tenants/shop", "tenant-admin")
	s.send("DELETE", "/v1/tenants/shop/tokens/"+revoked.ID, "", as(holders))
	now.Advance(91 * 24 * 60 * 60 * 1e9)
	before := s.plane.Version()
	for _, r := range documented(t, s) {
		path, body := r.request(t, th, "none")
		if r.id == "createSession" {
			continue // it is how somebody becomes known
		}
		want := ""
		for name, with := range map[string]func(*http.Request){
			"nobody": func(*http.Request) {}, "another scheme": header("Authorization", "Basic "+revoked.Secret),
			"revoked": as(revoked.Secret), "expired": as(expired.Secret), "cut off": as(revoked.Secret[:40]),
		} {
			now.Advance(6e9) // not so fast that guessing is slowed down
			got := s.send(r.method, path, body, with)
			if open := r.scope == "open"; open != (got.status != 401) {
				t.Errorf("%s as %s: %d %s", r.id, name, got.status, got.body)
			} else if !open && want != "" && bare(t, got) != want {
				t.Errorf("%s as %s: %s, others got %s", r.id, name, bare(t, got), want)
			} else if !open {
				want = bare(t, got)
			}
		}
	}
	if s.plane.Version() != before {
		t.Error("nobody changed something")
	}
}

func TestRow81AnotherTenantsThingsAnswerLikeMissingOnes(t *testing.T) {
	for _, borrows := range []bool{false, true} {
		t.Run(fmt.Sprint("borrows: ", borrows), func(t *testing.T) { keptApart(t, borrows) })
	}
}

// keptApart lets tenant bank, which may borrow a topic of tenant shop, look for everything of shop.
func keptApart(t *testing.T, borrows bool) {
	here, _ := guardedSite(t)
	victim := here.populate("shop")
	there, _ := guardedSite(t) // where nobody ever heard of the victim
	for _, s := range []*site{here, there} {
		s.populate("bank")
	}
	if borrows {
		here.lend("shop", victim["topic"], "bank")
	}
	for _, role := range tenantRoles() {
		thief, twin := here.token("/v1/tenants/bank", string(role)), there.token("/v1/tenants/bank", string(role))
		for _, r := range documented(t, here) {
			if r.scope == "open" {
				continue
			}
			tag := strings.ReplaceAll(string(role), "-", "")
			for _, in := range []string{victim["tenant"], "bank"} { // at his place, and his ids at one's own
				if in == "bank" && r.scope != "tenant" {
					continue
				}
				mixed := things{}
				for k, v := range victim {
					mixed[k] = v
				}
				mixed["tenant"] = in
				path, body := r.request(t, mixed, tag)
				if r.id == "watchTenant" && role.May(identity.ReadMessage) {
					path += "&tail=" + mixed["topic"]
				}
				got, like := here.send(r.method, path, body, as(thief.Secret)), there.send(r.method, path, body, as(twin.Secret))
				if strings.Contains(string(got.body), canary) && r.id != "listTenants" && in != "bank" {
					t.Errorf("%s %s as %s of another tenant: %s", r.method, path, role, got.body)
				}
				switch {
				case r.scope == "installation" && got.status != 403:
					t.Errorf("%s as %s of a tenant: %d", r.id, role, got.status)
				case r.scope == "tenant" && in != "bank" && got.status != 404:
					t.Errorf("%s as %s of another tenant: %d %s", r.id, role, got.status, got.body)
				case r.scope == "tenant" && got.status >= 400 && bare(t, got) != bare(t, like):
					t.Errorf("%s %s as %s: the victim shows in\n%s, without him it is\n%s", r.method, path, role, bare(t, got), bare(t, like))
				case r.scope == "tenant" && got.status != like.status:
					t.Errorf("%s %s as %s: %d, without the victim %d", r.method, path, role, got.status, like.status)
				}
			}
		}
	}
	tenants := here.send("GET", "/v1/tenants", "", as(here.token("/v1/tenants/bank", "viewer").Secret))
	if page := read[wire.Page[wire.Tenant]](t, tenants); len(page.Items) != 1 || page.Items[0].ID != "bank" {
		t.Errorf("a tenant's viewer sees %s", tenants.body)
	}
	whole := here.send("GET", "/v1/tenants/bank/audit?limit=500", "", as(here.token("/v1/tenants/bank", "auditor").Secret))
	if strings.Contains(string(whole.body), "id-shop") || strings.Contains(string(whole.body), "anna@shop") && !strings.Contains(string(whole.body), "denied") {
		t.Errorf("the audit tells of the victim: %s", whole.body)
	}
	if rows := here.audit("tenant=shop&outcome=denied"); len(rows) != 0 {
		t.Errorf("the victim can read who tried: %+v", rows)
	}
}

func TestEveryRoleGetsWhatTheTableOfRightsSays(t *testing.T) {
	s, _ := guardedSite(t)
	th := s.populate("shop")
	type caller struct {
		role   identity.Role
		tenant bool
		token  wire.Token
	}
	var callers []caller
	for _, role := range tenantRoles() {
		callers = append(callers, caller{role, true, s.token("/v1/tenants/shop", string(role))})
	}
	for _, role := range installationRoles() {
		callers = append(callers, caller{role, false, s.token("/v1", string(role))})
	}
	none := s.token("/v1/tenants/shop", "viewer")
	s.strip(none)
	callers = append(callers, caller{"", true, none})
	for _, c := range callers { // their first use is written down
		s.send("GET", "/v1/version", "", as(c.token.Secret))
	}
	denied := 0
	for _, r := range documented(t, s) {
		if r.id == "createSession" {
			continue // it is how somebody becomes known
		}
		for i, c := range callers {
			path, body := r.request(t, th, fmt.Sprint(len(r.id), "x", i))
			s.idle()
			before := s.plane.Version()
			got := s.send(r.method, path, body, as(c.token.Secret))
			may := r.scope == "open" || r.right == "" || c.role.May(r.right) && (r.scope != "installation" || !c.tenant)
			switch refused := got.status == 403; {
			case may == refused || got.status == 401:
				t.Errorf("%s as %q, of a tenant %v: %d %s", r.id, c.role, c.tenant, got.status, got.body)
			case refused:
				denied++
				if reason := got.problem(t).Reason; reason != "no_right" && reason != "not_of_installation" {
					t.Errorf("%s as %q: reason %q", r.id, c.role, reason)
				}
				if s.plane.Version() != before {
					t.Errorf("%s as %q: refused, and something was changed", r.id, c.role)
				}
			case got.status >= 500 && got.status != 501:
				t.Errorf("%s as %q: %d %s", r.id, c.role, got.status, got.body)
			}
		}
	}
	rows := 0
	for path := "/v1/audit?outcome=denied&limit=500"; path != ""; {
		page := read[wire.Page[wire.AuditRow]](t, s.send("GET", path, "", as(holders)))
		rows += len(page.Items)
		if path = ""; page.Next != "" {
			path = "/v1/audit?outcome=denied&limit=500&cursor=" + page.Next
		}
	}
	if denied == 0 || rows != denied {
		t.Errorf("%d calls were refused for lack of a right, the audit has %d", denied, rows)
	}
}

// strip takes a token's role away, as no operation can.
func (s *site) strip(token wire.Token) {
	s.t.Helper()
	d, ok := s.plane.DocumentNamed(identity.TokenRecord, token.ID)
	if !ok {
		s.t.Fatal("no such token")
	}
	d.Body = strings.Replace(d.Body, `"role":"viewer"`, `"role":""`, 1)
	if _, err := s.plane.ChangeDocument(context.Background(), control.Itself("test"), "update", d); err != nil {
		s.t.Fatal(err)
	}
}

// What engines say when they fail names brokers. It is for the log and for the installation's own people: no answer to a tenant has it, nor what is written down meanwhile for
// him to read later.
func TestNoAnswerToATenantNamesABroker(t *testing.T) {
	const address = "10.1.2.3:10911"
	for name, fail := range map[string]error{
		"refused":          mq.Refuse(mq.Unavailable, "the cluster cannot be reached now").Because(errors.New(address + ": connection refused")),
		"unknown":          mq.Doubt(mq.Timeout, errors.New(address+": no answer"), "the cluster did not answer in time"),
		"refused for good": mq.During("topic x", mq.Refuse(mq.BadRequest, "the cluster refuses it").Because(fmt.Errorf("%w", errors.New("broker at "+address)))),
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := guardedSite(t)
			var ill atomic.Bool
			s.engine.Fail = func(string) error {
				if ill.Load() {
					return fail
				}
				return nil
			}
			th := s.populate("shop")
			var callers []wire.Token
			for _, role := range []identity.Role{identity.TenantAdmin, identity.Auditor} {
				callers = append(callers, s.token("/v1/tenants/shop", string(role)))
			}
			ill.Store(true)
			failed := 0
			look := func(r route, caller wire.Token, tag string) {
				path, body := r.request(t, th, tag)
				got := s.send(r.method, path, body, as(caller.Secret))
				if strings.Contains(string(got.body), address) {
					t.Errorf("%s %s: %s", r.method, path, got.body)
				}
				if strings.Contains(string(got.body), "the cluster ") {
					failed++
				}
			}
			routes := slices.DeleteFunc(documented(t, s), func(r route) bool { return r.scope == "open" || r.scope == "installation" })
			for i, caller := range callers {
				for _, r := range routes {
					look(r, caller, fmt.Sprint("n", len(r.id), "x", i))
				}
				s.idle()
			}
			for i, caller := range callers { // what was written down
				for _, r := range routes {
					if r.method == "GET" {
						look(r, caller, fmt.Sprint("l", i))
					}
				}
			}
			if failed == 0 {
				t.Error("nothing failed")
			}
		})
	}
}
