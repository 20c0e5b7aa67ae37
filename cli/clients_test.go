// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/app"
)

// Each proxy knows its own clients; a client that has a stream at two is one client.
func TestClientsOfSeveralProxiesAreListedOnce(t *testing.T) {
	serve := func(all ...app.LiveClient) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/clients" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			_ = json.NewEncoder(w).Encode(all)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	both := app.LiveClient{Tenant: "pay", Client: "till-1", Kind: "producer", Language: "JAVA", Remote: "10.0.0.9:1"}
	again := both
	again.Remote = "10.0.0.9:2"
	first := serve(both)
	second := serve(again, app.LiveClient{Tenant: "pay", Client: "ledger-1", Kind: "simple_consumer", Group: "booking"})
	d := newDesk(t, "")
	code, out, _ := d.run("clients", first, second)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) != 3 || !strings.Contains(lines[1], "till-1") || !strings.Contains(lines[1], first+" "+second) || !strings.Contains(lines[2], "booking") {
		t.Errorf("%d:\n%s", code, out)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	code, out, errs := d.run("clients", first, gone.URL)
	if code == 0 || !strings.Contains(out, "till-1") || !strings.Contains(errs, gone.URL) {
		t.Errorf("a proxy that does not answer: %d\n%s\n%s", code, out, errs)
	}
}
