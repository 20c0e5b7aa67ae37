// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/wire"
)

// What a driver says of a database names its address and its user: it belongs into the log, and into the doctor's finding, which the installation's people read.
func TestAStoreThatIsGoneIsToldInPlainWords(t *testing.T) {
	var store control.Store
	var lines bytes.Buffer
	log := &guarded{w: &lines}
	logged := func(words string) bool {
		log.mu.Lock()
		defer log.mu.Unlock()
		defer lines.Reset()
		return strings.Contains(lines.String(), words)
	}
	s := serve(t, func(o *api.Options, p *control.Options) {
		store, o.Log = p.Store, slog.New(slog.NewTextHandler(log, nil))
		o.Ready = func(ctx context.Context) error { return store.Check(ctx) }
	})
	s.send("POST", def+"/groups", `{"name":"billing"}`)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	const plain, driver = "the control plane's store does not answer", "database is closed"
	for _, c := range [][3]string{
		{"POST", def + "/topics", `{"name":"tt"}`},
		{"PATCH", def + "/groups/billing", `{"note":"n"}`},
		{"DELETE", def + "/groups/billing?confirm=billing", ""},
		{"POST", def + "/tokens", `{"name":"m","role":"viewer"}`},
		{"POST", "/v1/tenants", `{"id":"shop"}`},
		{"GET", "/v1/audit", ""},
		{"GET", "/readyz", ""},
	} {
		r := s.send(c[0], c[1], c[2])
		detail := r.problem(t).Detail
		if r.status != http.StatusServiceUnavailable || strings.Count(detail, plain) != 1 || strings.Contains(detail, driver) || strings.Contains(detail, "claim") {
			t.Errorf("%s %s: %d %s", c[0], c[1], r.status, r.body)
		}
		if !logged(driver) {
			t.Errorf("%s %s: the log has no cause", c[0], c[1])
		}
	}
	for _, f := range read[wire.Doctor](t, s.send("GET", "/v1/doctor", "")).Findings {
		if f.Name == "catalog store" && (f.Status != "fail" || !strings.Contains(f.Detail, driver) || !strings.Contains(f.Fix, "data directory")) {
			t.Errorf("%+v", f)
		}
	}
}
