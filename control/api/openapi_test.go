// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/errand"
	"github.com/causeway-mq/causeway/proxy/session"
)

// renew says that files which are made from the table of operations are to be written anew: make openapi.
func renew() bool { return os.Getenv("CAUSEWAY_RENEW") != "" }

// upToDate holds a file that is made from the table of operations against what would be made now.
func upToDate(t *testing.T, path string, want []byte) {
	t.Helper()
	if renew() {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the table of operations says: make openapi (%v)", path, err)
	}
}

func document(t *testing.T) []byte {
	t.Helper()
	d, err := api.Document()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(raw, '\n')
}

// judge is the document as somebody reads it who does not know how it was made.
func judge(t *testing.T, text []byte) validator.Validator {
	t.Helper()
	d, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(d, config.WithFormatAssertions(), config.WithContentAssertions(), config.WithoutSecurityValidation())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return v
}

// closed is the document with no room for fields that it does not name: clients may get more one day, this server gives none.
func closed(t *testing.T) []byte {
	t.Helper()
	d, err := api.Document()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range d["components"].(map[string]any)["schemas"].(map[string]any) {
		one.(map[string]any)["additionalProperties"] = false
	}
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTheDocumentIsUpToDate(t *testing.T) {
	upToDate(t, "../../docs/openapi.json", document(t))
}

func TestTheTableOfOperationsIsUpToDate(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Operations\n\nEvery operation of the HTTP interface with the right that it needs, and the roles that have it, each in its own place: a tenant's roles in the\n" +
		"tenant, the installation's everywhere. Made from the server's own table by `make openapi`; types stand in [openapi.json](openapi.json).\n\n" +
		"| operation | | scope | right | roles |\n|---|---|---|---|---|\n")
	for _, o := range api.Operations() {
		var roles []string
		for _, r := range identity.Roles() {
			if tenant, installation := r.Places(); o.Right != "" && r.May(o.Right) && (installation || tenant && o.Scope != door.Installation) {
				roles = append(roles, string(r))
			}
		}
		fmt.Fprintf(&b, "| %s | `%s %s` | %s | %s | %s |\n", o.ID, o.Method, o.Path, o.Scope, o.Right, strings.Join(roles, ", "))
	}
	upToDate(t, "../../docs/operations.md", []byte(b.String()))
}

func TestTheDocumentIsOpenAPI(t *testing.T) {
	if fine, errs := judge(t, document(t)).ValidateDocument(); !fine {
		for _, e := range errs {
			t.Error(e)
		}
	}
}

func TestTheDocumentIsServedAsItIs(t *testing.T) {
	served := serve(t, func(o *api.Options, _ *control.Options) { o.Token = "open sesame" }).send("GET", "/v1/openapi.json", "")
	if served.status != 200 || !bytes.Equal(served.body, document(t)) {
		t.Errorf("%d, %d bytes, %d are made", served.status, len(served.body), len(document(t)))
	}
}

func TestEveryOperationHasACompleteRow(t *testing.T) {
	ids, routes := map[string]bool{}, map[string]bool{}
	for _, o := range api.Operations() {
		route := o.Method + " " + o.Path
		if ids[o.ID] || routes[route] {
			t.Errorf("%s, %s: stands twice", o.ID, route)
		}
		ids[o.ID], routes[route] = true, true
		if !regexp.MustCompile(`^[a-z]+[A-Za-z]+$`).MatchString(o.ID) || !regexp.MustCompile(`^[A-Z].*\.$`).MatchString(o.Summary) {
			t.Errorf("%s: an id such as listTopics and a sentence are wanted, not %q and %q", route, o.ID, o.Summary)
		}
		switch o.Scope {
		case door.Open:
			if o.Right != "" {
				t.Errorf("%s: nobody is asked for rights here", o.ID)
			}
		case door.Known:
		case door.Installation, door.InTenant:
			if o.Right == "" {
				t.Errorf("%s: needs no right", o.ID)
			}
		default:
			t.Errorf("%s: scope %q", o.ID, o.Scope)
		}
		if (o.Scope == door.InTenant) != strings.Contains(o.Path, "{tenant}") {
			t.Errorf("%s: scope %s, path %s", o.ID, o.Scope, o.Path)
		}
		leads := o.Status == http.StatusSeeOther // a browser, elsewhere: there is nothing to read
		if want := map[bool]int{true: 1}[o.Status != 204 && !leads]; o.Status/100 != 2 && !leads || len(filled(o)) != want {
			t.Errorf("%s: answers %d with %v", o.ID, o.Status, filled(o))
		}
		if asks := o.Method == "POST" || o.Method == "PATCH" || o.Method == "PUT"; asks != (o.Request != nil) {
			t.Errorf("%s: a %s with the body %T", o.ID, o.Method, o.Request)
		}
	}
}

// filled is what an operation answers with.
func filled(o door.Operation) []string {
	var some []string
	if o.Answer != nil {
		some = append(some, "a value")
	}
	if o.Media != "" {
		some = append(some, o.Media)
	}
	return some
}

// walker calls operations and holds requests and answers against the document.
type walker struct {
	*site
	judge  validator.Validator
	known  map[string]door.Operation
	called map[string]bool
}

// call is one use of an operation; into is the path with its query.
func (w *walker) call(id, into, body string) reply {
	w.t.Helper()
	o, ok := w.known[id]
	if !ok {
		w.t.Fatalf("no operation %s", id)
	}
	r := w.send(o.Method, into, body)
	w.check(o, into, body, r)
	if r.status == o.Status {
		w.called[id] = true
	}
	return r
}

// check holds one exchange against the document. What was refused need not have been a valid request.
func (w *walker) check(o door.Operation, path, body string, r reply) {
	w.t.Helper()
	if o.ID == "getDocument" && r.status == 200 {
		return // judged as a document
	}
	req, err := http.NewRequest(o.Method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp := &http.Response{StatusCode: r.status, Header: r.header, Body: io.NopCloser(bytes.NewReader(r.body)), Request: req}
	fine, errs := w.judge.ValidateHttpResponse(req, resp)
	if fine && r.status < 300 {
		fine, errs = w.judge.ValidateHttpRequest(req)
	}
	if !fine {
		for _, e := range errs {
			w.t.Errorf("%s, %s %s %s, answered with %d %s: %v %v", o.ID, o.Method, path, body, r.status, r.body, e, e.SchemaValidationErrors)
		}
	}
}

func (w *walker) done(id, into, body string) reply {
	w.t.Helper()
	r := w.call(id, into, body)
	if want := w.known[id].Status; r.status != want {
		w.t.Fatalf("%s %s %s: answered %d %s, want %d", id, into, body, r.status, r.body, want)
	}
	return r
}

func TestEveryOperationAnswersAsTheDocumentSays(t *testing.T) {
	w := &walker{judge: judge(t, closed(t)), known: map[string]door.Operation{}, called: map[string]bool{}}
	w.site = serve(t, func(o *api.Options, _ *control.Options) {
		o.Level, o.Pprof = &level{}, true
		o.Disconnect = func(_ context.Context, w session.Whom) []errand.Outcome {
			return []errand.Outcome{{Proxy: "p", Answered: true, Parted: errand.Parted{Streams: 1, Known: w.Client.String() != "nobody"}}, {Proxy: "q", Heard: time.Now()}}
		}
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, "up 1\n")
		})
	})
	for _, o := range api.Operations() {
		w.known[o.ID] = o
	}
	w.process()
	w.estate()
	w.topicsAndGroups()
	w.clusters()
	w.messages()
	w.applications()
	w.people()
	w.requests()
	w.deletions()
	w.refusals()
	for _, o := range api.Operations() {
		if !w.called[o.ID] {
			t.Errorf("operation %s is called by no test", o.ID)
		}
	}
}

func (w *walker) estate() {
	for _, n := range []struct{ one, many, made, change string }{
		{"Plan", "plans", `{"name":"x","note":"n","limits":{"topics":5,"groups":6,"applications":7,"members":8,"tokens":9}}`, `{"note":"m","limits":{"topics":4}}`},
		{"Environment", "environments", `{"name":"x","note":"n","production":true}`, `{"note":"m","production":false}`},
		{"Zone", "zones", `{"name":"x","note":"n"}`, `{"note":"m"}`},
	} {
		w.done("create"+n.one, "/v1/"+n.many, n.made)
		w.done("get"+n.one, "/v1/"+n.many+"/x", "")
		w.done("change"+n.one, "/v1/"+n.many+"/x", n.change)
		w.done("list"+n.one+"s", "/v1/"+n.many+"?limit=1", "")
		w.done("delete"+n.one, "/v1/"+n.many+"/x", "")
	}
	w.done("createPlan", "/v1/plans", `{"name":"gold"}`)
	w.done("createEnvironment", "/v1/environments", `{"name":"prod"}`)
	w.done("changeTenant", "/v1/tenants/shop", `{"note":"m","labels":{"team":"pay"},"plan":"gold","environment":"prod","disabled":true}`)
	w.done("changeTenant", "/v1/tenants/shop", `{"disabled":false}`)
	w.done("getQuota", "/v1/tenants/shop/quota", "")
}

func (w *walker) clusters() {
	name, err := mq.ParsePhysical("stray")
	if err == nil {
		err = w.engine.PutTopic(w.t.Context(), mq.TopicSpec{Name: name, Accepts: mq.AcceptsOf(mq.Normal), Queues: 2})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.done("listClusters", "/v1/clusters", "")
	w.done("listBrokers", "/v1/clusters/test/brokers", "")
	w.call("listBrokers", "/v1/clusters/none/brokers", "")
	w.done("listOfferedClusters", def+"/clusters?limit=1", "")
	w.done("listDrift", "/v1/drift?limit=1", "")
	for _, verdict := range []string{"adopted", "adopted", "known"} { // planned, done, and done again
		apply := verdict == "known" || w.called["importCluster"]
		r := w.done("importCluster", "/v1/clusters/test/import", fmt.Sprintf(`{"tenant":"default","apply":%v,"names":{"stray":"strayed"}}`, apply))
		if p := read[wire.ImportPlan](w.t, r); !slices.ContainsFunc(p.Items, func(i wire.ImportItem) bool { return i.Physical == "stray" && i.Verdict == verdict }) {
			w.t.Errorf("stray is not %s: %s", verdict, r.body)
		}
	}
	w.call("importCluster", "/v1/clusters/none/import", `{"tenant":"default"}`)
	w.call("importCluster", "/v1/clusters/test/import", `{"tenant":"default","apply":true,"names":{"nosuch":"x"}}`)
	w.call("importCluster", "/v1/clusters/test/import", `{"tenant":"none"}`)
}

func (w *walker) process() {
	for id, path := range map[string]string{"isAlive": "/healthz", "isReady": "/readyz", "getDocument": "/v1/openapi.json", "getVersion": "/v1/version", "getDoctor": "/v1/doctor",
		"getLogLevel": "/v1/log-level", "getMetrics": "/metrics", "listTenants": "/v1/tenants?limit=1", "getTenant": def} {
		w.done(id, path, "")
	}
	for id, path := range map[string]string{"listProfiles": "/debug/pprof/", "getProfile": "/debug/pprof/goroutine"} { // no JSON: there is nothing to hold against the document
		if r := w.send("GET", path, ""); r.status != 200 {
			w.t.Errorf("%s: %d", path, r.status)
		}
		w.called[id] = true
	}
	w.done("setLogLevel", "/v1/log-level", `{"level":"warn"}`)
	w.done("createTenant", "/v1/tenants", `{"id":"shop","note":"n"}`)
}

func (w *walker) topicsAndGroups() {
	w.done("createTopic", def+"/topics", `{"name":"orders","types":["normal","delay"],"queues":4,"durability":"window=20ms","retention":"24h","note":"n"}`)
	w.done("getTopic", def+"/topics/orders", "")
	w.done("changeTopic", def+"/topics/orders", `{"queues":8,"durability":"sync","retention":"48h","note":"m"}`)
	w.done("listTopics", def+"/topics?limit=1", "")
	w.done("createGroup", def+"/groups", `{"name":"billing","mode":"leases","maxAttempts":3,"retry":{"steps":["1s","5s"]},"from":"earliest","hold":"30s","note":"n"}`)
	w.done("createGroup", def+"/groups", `{"name":"later","mode":"pulls"}`)
	w.done("getGroup", def+"/groups/billing", "")
	w.done("changeGroup", def+"/groups/billing", `{"maxAttempts":4,"retry":{"initial":"1s","max":"10m","multiplier":2},"hold":"1m","note":"m","paused":true}`)
	w.done("listGroups", def+"/groups", "")
}

func (w *walker) messages() {
	c := w.plane.Contents() // in no order, stray among them
	topic := c.Topics[slices.IndexFunc(c.Topics, func(t control.Topic) bool { return t.Name.String() == "orders" })]
	group := c.Groups[slices.IndexFunc(c.Groups, func(g control.Group) bool { return g.Name.String() == "billing" })]
	id, _ := mq.ParseMessageID("m/1")
	key, _ := mq.ParseKey("k")
	m := mq.Message{ID: id, Type: mq.Normal, Keys: []mq.Key{key}, Properties: []mq.Property{{Name: "p", Value: "v"}}, Body: []byte{0, 1, 2}}
	w.engine.Send(context.Background(), topic.Spec, []mq.Message{m, {}, {}})
	m.Origin = mq.Origin{Topic: topic.Spec.Name, Message: id, Attempt: 17, Why: "attempts"}
	w.engine.Send(context.Background(), group.DeadLetters(), []mq.Message{m})
	w.done("searchMessages", def+"/topics/orders/messages?limit=1&body=2&begin=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z", "")
	for _, by := range []string{"id=m%2F1", "key=k", "queue=0&offset=0"} {
		w.done("searchMessages", def+"/topics/orders/messages?"+by, "")
	}
	w.done("getMessage", def+"/topics/orders/messages/m%2F1", "")
	w.done("traceMessage", def+"/topics/orders/messages/m%2F1/trace?group=billing", "")
	w.done("sendMessage", def+"/topics/orders/messages", `{"text":"t","keys":["k"],"tag":"t","properties":{"p":"v"},"delay":"10s"}`)
	w.done("sendMessage", def+"/topics/orders/messages", `{"body":"AAE="}`)
	later := read[wire.SentMessage](w.t, w.done("sendMessage", def+"/topics/orders/messages", `{"text":"t","delay":"1h"}`))
	w.done("listScheduled", def+"/topics/orders/scheduled?limit=1", "")
	w.done("cancelScheduled", def+"/topics/orders/scheduled/"+later.ID+"/cancel", `{}`)
	stuck, _ := mq.ParseMessageID("h/1")
	w.engine.Send(context.Background(), topic.Spec, []mq.Message{{ID: stuck, Type: mq.Transaction, Body: []byte{1}}})
	w.done("listTransactions", def+"/topics/orders/transactions", "")
	w.done("resolveTransaction", def+"/topics/orders/transactions/h%2F1/resolve", `{"verdict":"commit","confirm":"h/1"}`)
	w.done("resendMessage", def+"/topics/orders/messages/m%2F1/resend", `{}`)
	w.done("traceMessage", def+"/topics/orders/messages/m%2F1/trace", "")
	w.done("getProgress", def+"/groups/billing/progress?topic=orders", "")
	w.done("scanMessages", def+"/topics/orders/scan?tag=t&property=p&value=v&contains=x&body=2&limit=1&look=10&begin=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z", "")
	w.done("deadLetterCauses", def+"/groups/billing/dead-letters/causes?look=10", "")
	w.figures()
	w.done("listClients", def+"/clients?group=billing&topic=orders&app=shop&kind=consumer&sort=-since&limit=1", "")
	w.done("groupClients", def+"/groups/billing/clients?sort=heard", "")
	w.done("disconnectClient", def+"/clients/host@1/disconnect", `{"app":"shop"}`)
	w.call("disconnectClient", def+"/clients/nobody/disconnect", `{}`)
	w.done("resetGroup", def+"/groups/billing/reset", `{"topic":"orders","offset":2,"queue":0,"force":true}`)
	w.done("resetGroup", def+"/groups/billing/reset", `{"topic":"orders","to":"latest"}`)
	w.done("searchDeadLetters", def+"/groups/billing/dead-letters", "")
	job := read[wire.Job](w.t, w.done("redriveDeadLetters", def+"/groups/billing/dead-letters/redrive", `{"limit":5}`))
	w.done("getJob", def+"/jobs/"+job.ID, "")
	w.done("listJobs", def+"/jobs?limit=1", "")
	w.idle()
	w.done("cancelJob", def+"/jobs/"+job.ID+"/cancel", `{}`)
}

func (w *walker) figures() {
	w.done("topicRates", def+"/topics/orders/rates?span=day", "")
	w.done("groupRates", def+"/groups/billing/rates?span=hour&topic=orders", "")
	w.done("tenantRates", def+"/rates", "")
	w.done("tenantUsage", def+"/usage?from=2026-11-01&to=2026-12-01", "")
	w.done("listProxies", "/v1/proxies", "")
	w.done("zoneFlow", "/v1/flow?minutes=5", "")
	w.done("watchTenant", def+"/events?watch=rates,lag,jobs,requests,grants&tail=orders&body=2", "")
}

func (w *walker) applications() {
	w.done("createApplication", def+"/apps", `{"name":"shop","owner":false,"publish":["orders"],"consume":["billing"],"read":["orders"],"note":"n"}`)
	w.done("getApplication", def+"/apps/shop", "")
	w.done("changeApplication", def+"/apps/shop", `{"owner":true,"publish":[],"read":[],"consume":[],"note":"m","disabled":true}`)
	w.done("listApplications", def+"/apps", "")
	key := read[wire.Key](w.t, w.done("createKey", def+"/apps/shop/keys", `{"expires":"2999-01-01T00:00:00Z"}`))
	w.done("listKeys", def+"/apps/shop/keys", "")
	w.done("revokeKey", def+"/apps/shop/keys/"+key.ID, "")
}

func (w *walker) people() {
	w.done("getSession", "/v1/session", "")
	for _, in := range []struct{ noun, path, role string }{{"Installation", "/v1", "operator"}, {"", def, "developer"}} {
		w.done("create"+in.noun+"Member", in.path+"/members", `{"name":"anna@bank.example","role":"`+in.role+`","note":"n","expires":"2999-01-01T00:00:00Z"}`)
		w.done("change"+in.noun+"Member", in.path+"/members/anna@bank.example", `{"role":"viewer","note":"m","disabled":true,"expires":"2998-01-01T00:00:00Z"}`)
		w.done("get"+in.noun+"Member", in.path+"/members/anna@bank.example", "")
		w.done("list"+in.noun+"Members", in.path+"/members?limit=5", "")
		w.done("end"+in.noun+"MemberSessions", in.path+"/members/anna@bank.example/sessions", "")
		w.done("delete"+in.noun+"Member", in.path+"/members/anna@bank.example", "")
		made := read[wire.Token](w.t, w.done("create"+in.noun+"Token", in.path+"/tokens", `{"name":"pipeline","role":"`+in.role+`"}`))
		w.done("list"+in.noun+"Tokens", in.path+"/tokens", "")
		w.done("revoke"+in.noun+"Token", in.path+"/tokens/"+made.ID, "")
		w.done("get"+in.noun+"Token", in.path+"/tokens/"+made.ID, "")
	}
	w.done("createMember", def+"/members", `{"name":"login@bank.example","role":"viewer","password":"correct horse battery"}`)
	w.done("createSession", "/v1/session", `{"tenant":"default","name":"login@bank.example","password":"correct horse battery"}`)
	w.done("endSession", "/v1/session", "")
	w.done("endOtherSessions", "/v1/session/others", "")
	w.done("listLogins", "/v1/session/logins", "")
	w.call("beginProviderLogin", "/v1/session/provider?return=/&tenant=default", "") // what they do where there is a provider has tests of its own
	w.call("endProviderLogin", "/v1/session/provider/return", "")
	w.call("beginTerminalLogin", "/v1/session/provider/terminal?port=40000&state=0123456789012345678901&challenge=0123456789012345678901234567890123456789012&tenant=default", "")
	w.call("createTerminalSession", "/v1/session/terminal", `{"code":"c","verifier":"v"}`)
	for _, id := range []string{"beginProviderLogin", "endProviderLogin", "beginTerminalLogin", "createTerminalSession"} {
		w.called[id] = true
	}
	w.done("createInstallationToken", "/v1/tokens", `{"name":"pager","role":"break-glass","reason":"ticket 4711: disk full"}`)
	w.done("listInstallationAudit", "/v1/audit?limit=3&noun=token&outcome=done&from=2026-01-01T00:00:00Z", "")
	w.done("listAudit", def+"/audit?limit=3", "")
	w.done("verifyAudit", "/v1/audit/verification", "")
}

func (w *walker) requests() {
	const shop = "/v1/tenants/shop"
	ask := func(as string) string {
		r := w.done("createRequest", shop+"/requests", `{"kind":"grant","to":"default","reason":"reports","grant":{"topic":"orders","as":"`+as+`","publish":true,"subscribe":true,"expires":"2999-01-01T00:00:00Z"}}`)
		return read[wire.Request](w.t, r).ID
	}
	first, second, third := ask("orders"), ask("more"), ask("most")
	w.done("commentRequest", shop+"/requests/"+first+"/comments", `{"text":"please"}`)
	w.done("commentRequest", def+"/requests/"+first+"/comments", `{"text":"in a moment"}`)
	w.done("refuseRequest", def+"/requests/"+second+"/refusal", `{"why":"one is enough","revision":0}`)
	w.done("withdrawRequest", shop+"/requests/"+third+"/withdrawal", `{"why":"indeed"}`)
	w.done("approveRequest", def+"/requests/"+first+"/approval", `{"why":"fine"}`)
	for _, id := range []string{first, second, third} {
		w.done("getRequest", shop+"/requests/"+id, "")
		w.done("getRequest", def+"/requests/"+id, "")
	}
	w.done("listRequests", shop+"/requests?limit=2", "")
	w.done("createPlan", "/v1/plans", `{"name":"large","limits":{"topics":50}}`)
	more := func(plan string) string {
		return read[wire.Request](w.t, w.done("createRequest", shop+"/requests", `{"kind":"quota","reason":"branches","quota":{"plan":"`+plan+`"}}`)).ID
	}
	large, larger := more("large"), more("larger")
	w.done("commentInstallationRequest", "/v1/requests/"+large+"/comments", `{"text":"how many?"}`)
	w.done("listInstallationRequests", "/v1/requests?limit=1", "")
	w.done("refuseInstallationRequest", "/v1/requests/"+larger+"/refusal", `{"why":"there is none"}`)
	w.done("approveInstallationRequest", "/v1/requests/"+large+"/approval", `{"why":"fine","revision":0}`)
	w.done("getInstallationRequest", "/v1/requests/"+large, "")
	w.done("getRequest", shop+"/requests/"+large, "")
	grants := read[wire.Page[wire.Grant]](w.t, w.done("listGrants", shop+"/grants", ""))
	w.done("getGrant", def+"/grants/"+grants.Items[0].ID, "")
	w.done("deleteGrant", def+"/grants/"+grants.Items[0].ID, "")
}

func (w *walker) deletions() {
	w.done("deleteApplication", def+"/apps/shop", "")
	w.done("deleteGroup", def+"/groups/billing?confirm=billing", "")
	w.done("deleteTopic", def+"/topics/orders?confirm=orders", "")
	job := read[wire.Job](w.t, w.done("deleteTenant", "/v1/tenants/shop?confirm=shop", ""))
	w.done("listInstallationJobs", "/v1/jobs", "")
	w.done("getInstallationJob", "/v1/jobs/"+job.ID, "")
	w.idle()
	w.done("cancelInstallationJob", "/v1/jobs/"+job.ID+"/cancel", `{}`)
}

// refusals has every operation refuse something.
func (w *walker) refusals() {
	fill := strings.NewReplacer("{tenant}", "default", "{app}", "none", "{topic}", "none", "{group}", "none", "{key}", "none", "{id}", "none", "{job}", "none", "{member}", "none",
		"{token}", "none", "{plan}", "none", "{environment}", "none", "{zone}", "none", "{request}", "none", "{grant}", "none")
	for _, o := range api.Operations() {
		if o.Media != "" {
			continue
		}
		path := fill.Replace(o.Path)
		if o.ID == "deleteTenant" {
			path = "/v1/tenants/none" // the default one stays
		}
		if r := w.call(o.ID, path+"?nonsense=1", ""); r.status != 400 || r.problem(w.t).Reason != "unknown_parameter" {
			w.t.Errorf("%s: %d %s", o.ID, r.status, r.body)
		}
		if o.Request != nil {
			if r := w.call(o.ID, path, `{"nonsense":1}`); r.status != 400 {
				w.t.Errorf("%s: %d %s", o.ID, r.status, r.body)
			}
		}
		if path != o.Path && o.Request == nil {
			if r := w.call(o.ID, path, ""); r.status != 404 && r.status != o.Status {
				w.t.Errorf("%s: %d %s", o.ID, r.status, r.body)
			}
		}
		for _, p := range o.Query {
			if p.Kind != "integer" {
				continue
			}
			for _, n := range []int64{p.Min - 1, p.Max + 1} {
				if r := w.call(o.ID, path+"?"+p.Name+"="+strconv.FormatInt(n, 10), ""); r.status != 400 && r.status != 404 {
					w.t.Errorf("%s with %s=%d: %d %s", o.ID, p.Name, n, r.status, r.body)
				}
			}
		}
	}
}
