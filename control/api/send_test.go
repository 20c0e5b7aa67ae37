// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control/wire"
)

func TestAMessageIsSentAndSentAgain(t *testing.T) {
	s, _ := guardedSite(t)
	read[wire.Topic](t, s.send("POST", def+"/topics", `{"name":"orders","types":["normal","delay"]}`, as(holders)))
	developer := as(s.token("/v1/tenants/default", "developer").Secret)
	sent := read[wire.SentMessage](t, s.send("POST", def+"/topics/orders/messages", `{"text":"`+canary+`","keys":["k"],"properties":{"p":"v"}}`, developer))
	if sent.Type != "normal" || sent.Topic != "orders" || sent.Due != nil {
		t.Errorf("%+v", sent)
	}
	path := def + "/topics/orders/messages/"
	got := read[wire.Message](t, s.send("GET", path+url.PathEscape(sent.ID), "", developer))
	if string(got.Body) != canary || got.Keys[0] != "k" || got.Properties["p"] != "v" {
		t.Errorf("%+v", got)
	}
	again := read[wire.SentMessage](t, s.send("POST", path+url.PathEscape(sent.ID)+"/resend", `{}`, developer))
	if again.ID == sent.ID || again.ResentOf != sent.ID {
		t.Errorf("%+v", again)
	}
	if got := read[wire.Message](t, s.send("GET", path+again.ID, "", developer)); string(got.Body) != canary || got.Properties["resent-of"] != sent.ID {
		t.Errorf("%+v", got)
	}
	if late := read[wire.SentMessage](t, s.send("POST", def+"/topics/orders/messages", `{"text":"x","delay":"10m"}`, developer)); late.Type != "delay" || late.Due == nil {
		t.Errorf("%+v", late)
	}
	// A request that is repeated under its key sends once.
	once := header("Idempotency-Key", "0123456789abcdef")
	first := read[wire.SentMessage](t, s.send("POST", def+"/topics/orders/messages", `{"text":"once"}`, developer, once))
	if second := read[wire.SentMessage](t, s.send("POST", def+"/topics/orders/messages", `{"text":"once"}`, developer, once)); first.ID != second.ID {
		t.Errorf("it was sent twice: %s and %s", first.ID, second.ID)
	}
	for _, r := range s.audit("tenant=default&limit=100") {
		if strings.Contains(r.After+r.Before+r.Why, canary) {
			t.Errorf("the audit has what is in a message: %+v", r)
		}
	}
	for body, field := range map[string]string{
		`{}`: "body", `{"text":"x","body":"AAE="}`: "text", `{"text":"x","messageGroup":"g"}`: "type", `{"text":"x","delay":"soon"}`: "delay", `{"text":"x","delay":"-1s"}`: "delay",
		`{"text":"x","delay":"2s","deliverAt":"2026-12-01T00:00:00Z"}`: "delay", `{"text":"x","keys":["a b"]}`: "keys", `{"text":"x","tag":"a|b"}`: "tag", `{"text":"x","deliverAt":"1960-01-01T00:00:00Z"}`: "deliverAt",
	} {
		if r := s.send("POST", def+"/topics/orders/messages", body, developer); r.status != 400 || r.problem(t).Field != field {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	viewer := as(s.token("/v1/tenants/default", "viewer").Secret)
	for _, to := range []string{def + "/topics/orders/messages", path + url.PathEscape(sent.ID) + "/resend"} {
		if r := s.send("POST", to, `{}`, viewer); r.status != 403 {
			t.Errorf("a viewer at %s: %d %s", to, r.status, r.body)
		}
	}
	if r := s.send("POST", path+"none/resend", `{}`, developer); r.status != 404 {
		t.Errorf("of no message: %d %s", r.status, r.body)
	}
}
