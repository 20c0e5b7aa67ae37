// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// says wants words on standard error and a code.
func (d *desk) says(code int, words string, args ...string) {
	d.t.Helper()
	got, out, err := d.run(args...)
	if got != code || !strings.Contains(err, words) {
		d.t.Errorf("%v: exit %d, want %d with %q\n%s%s", args, got, code, words, out, err)
	}
}

func TestADurationWithoutAUnitIsToldWhatOneIs(t *testing.T) {
	d := newDesk(t, "")
	d.says(ExitUsage, `invalid argument "35" for "--linger": a duration is a number with its unit`, "proxy", "--linger", "35")
	if out := d.ok("proxy", "--help"); !strings.Contains(out, "--linger duration") || !strings.Contains(out, "doctor --server") {
		t.Errorf("%s", out)
	}
}

func TestAFileIsCheckedAsWhatItsKeysSay(t *testing.T) {
	d := newDesk(t, "")
	proxy, catalog := d.file("proxy.yaml", cluster), d.file("catalog.yaml", "format: 1\nversion: 1\ntenants:\n- id: pay\n")
	if out := d.ok("config", "check", proxy); !strings.Contains(out, "a file of `causeway proxy`") {
		t.Error(out)
	}
	if out := d.ok("config", "check", catalog); !strings.Contains(out, "tenants, topics and groups") {
		t.Error(out)
	}
	d.says(ExitConfig, "catalog: unknown key", "config", "check", "--for", "up", d.file("proxy2.yaml", "catalog: x\n"+cluster))
	d.says(ExitConfig, `did you mean "orders"`, "config", "check", d.file("wrong.yaml", "format: 1\nversion: 1\ntenants:\n- id: pay\n  topics: [{name: orders, cluster: c}]\n  applications: [{name: a, publish: [ordrs]}]\n"))
	d.says(ExitUsage, "up, control, proxy or catalog", "config", "check", "--for", "proxi", proxy)
	d.says(ExitConfig, "--for proxy", "config", "check", d.file("proxy3.yaml", cluster+"lingre: 35s\n"))
	for kind, want := range map[string]string{"proxy": "# user with which the proxy signs its requests", "catalog": "# topics of the tenant that it may send to"} {
		if out := d.ok("config", "print", "--for", kind); !strings.Contains(out, want) {
			t.Errorf("%s: no %q in:\n%s", kind, want, out)
		}
	}
}

func TestAFileOfApachesOfWhichSomethingIsLostEndsWithACodeOfItsOwn(t *testing.T) {
	d := newDesk(t, "")
	code, out, err := d.run("config", "check", d.file("lossy.json", `{"namesrvAddr": "10.0.0.1:9876", "maxMessageSize": 1048576}`))
	if code != ExitPartial || !strings.Contains(out, "4 MiB; the file says 1 MiB") || !strings.Contains(err, "without what it says of maxMessageSize") {
		t.Errorf("exit %d\n%s%s", code, out, err)
	}
	d.ok("config", "check", d.file("good.json", `{"namesrvAddr": "10.0.0.1:9876", "maxMessageSize": 4194304, "grpcThreadPoolNums": 16}`))
	code, _, err = d.run("config", "check", d.file("bad.json", `{"enableACL": true, "grpcServrPort": 1}`))
	if code != ExitConfig || !strings.Contains(err, "enableACL: ") || !strings.Contains(err, "grpcServrPort: ") || !strings.Contains(err, "namesrvAddr: ") {
		t.Errorf("exit %d\n%s", code, err)
	}
}

// answering is a server that gives every question one answer.
func answering(t *testing.T, status int, body any) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestWhoAsksAProxyForAControlPlanesWorkIsToldWhoDoesIt(t *testing.T) {
	d := newDesk(t, "")
	proxy := answering(t, http.StatusNotImplemented, wire.Problem{Status: http.StatusNotImplemented, Kind: mq.Unsupported.String(), Detail: "this is a proxy: mqadmin updateTopic"})
	code, _, err := d.run("topic", "create", "orders", "--server", proxy)
	if code != ExitFailure || !strings.Contains(err, "mqadmin updateTopic") || strings.Contains(err, "request ") {
		t.Errorf("exit %d\n%s", code, err)
	}
	locked := answering(t, http.StatusUnauthorized, wire.Problem{Status: http.StatusUnauthorized, Kind: mq.Unauthorized.String(), Detail: "the token is missing or wrong"})
	d.says(ExitDenied, "give the server's token with --token or CAUSEWAY_TOKEN", "doctor", "--server", locked, "--endpoint", "127.0.0.1:1")
	d.says(ExitFailure, "`causeway proxy` is its HTTP port", "topic", "list", "--server", "http://127.0.0.1:1")
	d.says(ExitFailure, "`causeway up` or `causeway proxy`", "produce", "orders", "-m", "x", "--endpoint", "127.0.0.1:1")
}

func TestTheDoctorOfAProxySpeaksOfAProxy(t *testing.T) {
	d := newDesk(t, "")
	proxy := answering(t, http.StatusOK, wire.Doctor{Findings: []wire.Finding{{Name: "proxy", Status: "ok", Detail: "ready"}}, Time: time.Now()})
	_, out, _ := d.run("doctor", "--server", proxy, "--endpoint", "127.0.0.1:1")
	if !strings.Contains(out, "start it with `causeway proxy`") || strings.Contains(out, "causeway up") {
		t.Errorf("%s", out)
	}
}
