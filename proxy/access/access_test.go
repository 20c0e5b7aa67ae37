// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

const short = "20060102T150405Z"

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func noon() time.Time { return time.Date(2026, 11, 23, 12, 1, 0, 0, time.UTC) }

func tenant(s string) mq.Tenant   { return must(mq.ParseTenant(s)) }
func topic(s string) mq.TopicName { return must(mq.ParseTopicName(s)) }
func group(s string) mq.GroupName { return must(mq.ParseGroupName(s)) }

// world is a catalog of two tenants besides the default one.
func world() *catalog.Snapshot {
	shop := &catalog.App{
		Tenant: tenant("retail"), Name: "shop",
		Publish:         map[mq.TopicName]bool{topic("orders"): true},
		Subscribe:       map[mq.GroupName]bool{group("billing"): true},
		SubscribeTopics: map[mq.TopicName]bool{topic("invoices"): true},
	}
	admin := &catalog.App{Tenant: tenant("retail"), Name: "admin", Owner: true}
	asleep := &catalog.App{Tenant: tenant("retail"), Name: "asleep", Disabled: true}
	gone := &catalog.App{Tenant: tenant("closed"), Name: "gone"}
	return catalog.Build(catalog.Contents{
		Version: 7,
		Tenants: []catalog.Tenant{
			{ID: tenant("default"), Unsigned: catalog.UnsignedLoopback}, {ID: tenant("retail")}, {ID: tenant("rival")},
			{ID: tenant("closed"), Disabled: true}, {ID: tenant("shut"), Disabled: true, Unsigned: catalog.UnsignedLoopback},
		},
		Keys: []catalog.Key{
			{ID: "AK1", Secret: "secret-1", App: shop},
			{ID: "AK2", Secret: "secret-2", App: admin},
			{ID: "AK-rival", Secret: "secret-r", App: &catalog.App{Tenant: tenant("rival"), Name: "spy", Owner: true}},
			{ID: "AK-revoked", Secret: "s", App: shop, Revoked: true},
			{ID: "AK-expired", Secret: "s", App: shop, Expires: noon()},
			{ID: "AK-expires", Secret: "s", App: shop, Expires: noon().Add(time.Second)},
			{ID: "AK-asleep", Secret: "s", App: asleep},
			{ID: "AK-closed", Secret: "s", App: gone},
			{ID: "AK-orphan", Secret: "s"},
			{ID: "AK-blank", Secret: "", App: admin},
		},
	})
}

func guard(t testing.TB, c Config) *Guard {
	t.Helper()
	if c.Clock == nil {
		c.Clock = clock.NewVirtual(noon())
	}
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func sign(secret, date string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(date))
	return hex.EncodeToString(mac.Sum(nil))
}

func remote() netip.Addr   { return netip.MustParseAddr("192.0.2.7") }
func loopback() netip.Addr { return netip.MustParseAddr("127.0.0.1") }

// signed is a call as most clients make it.
func signed(key, secret, date string) Call {
	return Call{Remote: remote(), Headers: Headers{
		DateTime:      date,
		Authorization: "MQv2-HMAC-SHA1 Credential=" + key + ", SignedHeaders=x-mq-date-time, Signature=" + sign(secret, date),
	}}
}

func refused(t *testing.T, what string, err error, kind mq.Kind, reason string) {
	t.Helper()
	if mq.KindOf(err) != kind || mq.Outcome(err) != mq.Refused || !strings.HasPrefix(fmt.Sprint(err), reason) {
		t.Errorf("%s: %v (%v), want %v with %q", what, err, mq.KindOf(err), kind, reason)
	}
}

// TestEachOfficialClientIsKnown has the headers of each client, in the time
// zone of Shanghai where it signs local time.
func TestEachOfficialClientIsKnown(t *testing.T) {
	local := noon().In(time.FixedZone("", 8*3600)).Format(short)
	utc := noon().Format(short)
	upper := func(date string) string { return strings.ToUpper(sign("secret-1", date)) }
	lower := func(date string) string { return sign("secret-1", date) }
	rust := noon().In(time.FixedZone("", 8*3600)).Format("2006-01-02T15:04:05.123456789Z07:00")
	rustUTC := noon().Format(time.RFC3339)
	for client, h := range map[string]Headers{
		"Java":          {DateTime: local, Authorization: "MQv2-HMAC-SHA1 Credential=AK1, SignedHeaders=x-mq-date-time, Signature=" + upper(local)},
		"Go":            {DateTime: local, Authorization: "MQv2-HMAC-SHA1 Credential=AK1//Rocketmq, SignedHeaders=x-mq-date-time, Signature=" + lower(local)},
		"Python":        {DateTime: local, Authorization: "MQv2-HMAC-SHA1 Credential=AK1, SignedHeaders=x-mq-date-time, Signature=" + lower(local)},
		"C#":            {DateTime: local, Authorization: "MQv2-HMAC-SHA1 Credential=AK1, SignedHeaders=x-mq-date-time, Signature=" + upper(local)},
		"Node":          {DateTime: utc, Authorization: "MQv2-HMAC-SHA1 Credential=AK1, SignedHeaders=x-mq-date-time, Signature=" + upper(utc)},
		"C++":           {DateTime: utc, Authorization: "MQv2-HMAC-SHA1 Credential=AK1/cn-hangzhou/RocketMQ, SignedHeaders=x-mq-date-time, Signature=" + upper(utc)},
		"Rust":          {DateTime: rust, Authorization: "MQv2-HMAC-SHA1 Credential=AK1, SignedHeaders=x-mq-date-time, Signature=" + lower(rust)},
		"Rust in UTC":   {DateTime: rustUTC, Authorization: "MQv2-HMAC-SHA1 Credential=AK1, SignedHeaders=x-mq-date-time, Signature=" + lower(rustUTC)},
		"no blanks":     {DateTime: utc, Authorization: "MQv2-HMAC-SHA1 Credential=AK1,SignedHeaders=x-mq-date-time,Signature=" + lower(utc)},
		"own namespace": {DateTime: utc, Namespace: "retail", Authorization: "MQv2-HMAC-SHA1 Credential=AK1, Signature=" + lower(utc)},
	} {
		p, err := guard(t, Config{}).Identify(world(), Call{Headers: h, Remote: remote()})
		if err != nil || p.Tenant != tenant("retail") || p.App.Name != "shop" || p.Key != "AK1" {
			t.Errorf("%s: %+v, %v", client, p, err)
		}
	}
}

func TestUnsignedCallersAreLetInFromLoopbackWhereTheTenantSaysSo(t *testing.T) {
	g, snap, date := guard(t, Config{}), world(), noon().Format(short)
	python := "MQv2-HMAC-SHA1 Credential=, SignedHeaders=x-mq-date-time, Signature=" + sign("", date)
	goExample := "MQv2-HMAC-SHA1 Credential=//Rocketmq, SignedHeaders=x-mq-date-time, Signature=" + sign("", date)
	noSignature := "MQv2-HMAC-SHA1 Credential=, SignedHeaders=x-mq-date-time, Signature="
	for what, authorization := range map[string]string{"no header": "", "Python": python, "Go": goExample, "empty signature": noSignature} {
		for _, from := range []string{"127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"} {
			for _, namespace := range []string{"", "default"} {
				h := Headers{Authorization: authorization, DateTime: date, Namespace: namespace}
				p, err := g.Identify(snap, Call{Headers: h, Remote: netip.MustParseAddr(from)})
				if err != nil || p != (Principal{Tenant: tenant("default"), From: netip.MustParseAddr(from).Unmap()}) {
					t.Errorf("%s from %s, namespace %q: %+v, %v", what, from, namespace, p, err)
				}
			}
		}
		h := Headers{Authorization: authorization}
		for _, from := range []netip.Addr{remote(), netip.MustParseAddr("::ffff:192.0.2.7"), {}} {
			_, err := g.Identify(snap, Call{Headers: h, Remote: from})
			refused(t, what+" from "+from.String(), err, mq.Unauthorized, map[bool]string{true: "auth_missing", false: "auth_malformed"}[authorization == ""])
		}
	}
	// A namespace that lets nobody in answers like one that does not exist.
	answers := map[string]bool{}
	for _, namespace := range []string{"retail", "ghost", "shut", "No%Name"} {
		_, err := g.Identify(snap, Call{Headers: Headers{Namespace: namespace}, Remote: loopback()})
		refused(t, namespace, err, mq.NotFound, "namespace")
		answers[strings.ReplaceAll(fmt.Sprint(err), namespace, "X")] = true
	}
	if len(answers) != 1 {
		t.Errorf("namespaces can be told apart: %v", answers)
	}
	_, err := g.Identify(catalog.Build(catalog.Contents{}), Call{Remote: loopback()})
	refused(t, "no default tenant", err, mq.Unauthorized, "auth_missing")
}

// TestSignaturesThatDoNotHold covers rows 8 to 11 and 14 of the negative tests.
func TestSignaturesThatDoNotHold(t *testing.T) {
	g, snap, date := guard(t, Config{}), world(), noon().Format(short)
	good := sign("secret-1", date)
	with := func(authorization string) Headers { return Headers{DateTime: date, Authorization: authorization} }
	for what, c := range map[string]struct {
		headers Headers
		reason  string
	}{
		"no header":             {Headers{DateTime: date}, "auth_missing"},
		"header alone":          {with("MQv2-HMAC-SHA1"), "auth_malformed"},
		"another scheme":        {with("Bearer abc"), "auth_malformed"},
		"no credential":         {with("MQv2-HMAC-SHA1 SignedHeaders=x-mq-date-time, Signature=" + good), "auth_malformed"},
		"no signature":          {with("MQv2-HMAC-SHA1 Credential=AK1, SignedHeaders=x-mq-date-time"), "auth_malformed"},
		"no name":               {with("MQv2-HMAC-SHA1 Credential=AK1, nonsense, Signature=" + good), "auth_malformed"},
		"two credentials":       {with("MQv2-HMAC-SHA1 Credential=AK1, Credential=AK2, Signature=" + good), "auth_malformed"},
		"two signatures":        {with("MQv2-HMAC-SHA1 Credential=AK1, Signature=" + good + ", Signature=" + good), "auth_malformed"},
		"no hexadecimal digits": {with("MQv2-HMAC-SHA1 Credential=AK1, Signature=" + strings.Repeat("zz", 20)), "auth_malformed"},
		"short signature":       {with("MQv2-HMAC-SHA1 Credential=AK1, Signature=" + good[:38]), "auth_malformed"},
		"long signature":        {with("MQv2-HMAC-SHA1 Credential=AK1, Signature=" + good + "00"), "auth_malformed"},
		"base64":                {with("MQv2-HMAC-SHA1 Credential=AK1, Signature=0YqcvN26kEHWaTJo/vFamJ5kQws="), "auth_malformed"},
		"huge header":           {with("MQv2-HMAC-SHA1 Credential=" + strings.Repeat("A", 1<<20)), "auth_malformed"},
		"no date":               {Headers{Authorization: "MQv2-HMAC-SHA1 Credential=AK1, Signature=" + good}, "auth_malformed"},
		"no such key":           {with("MQv2-HMAC-SHA1 Credential=AK9, Signature=" + good), "auth_failed"},
		"another's secret":      {with("MQv2-HMAC-SHA1 Credential=AK1, Signature=" + sign("secret-2", date)), "auth_failed"},
		"another date":          {with("MQv2-HMAC-SHA1 Credential=AK1, Signature=" + sign("secret-1", "20261123T120059Z")), "auth_failed"},
		"zeros":                 {with("MQv2-HMAC-SHA1 Credential=AK1, Signature=" + strings.Repeat("0", 40)), "auth_failed"},
		"key in another case":   {with("MQv2-HMAC-SHA1 Credential=ak1, Signature=" + good), "auth_failed"},
		"key without a secret":  {with("MQv2-HMAC-SHA1 Credential=AK-blank, Signature=" + sign("", date)), "auth_failed"},
	} {
		p, err := g.Identify(snap, Call{Headers: c.headers, Remote: remote()})
		refused(t, what, err, mq.Unauthorized, c.reason)
		if p != (Principal{}) {
			t.Errorf("%s: gave %+v", what, p)
		}
	}
	_, unknown := g.Identify(snap, signed("AK9", "secret-1", date))
	_, wrong := g.Identify(snap, signed("AK1", "secret-9", date))
	if unknown.Error() != wrong.Error() {
		t.Errorf("an unknown key answers %q, a wrong signature %q", unknown, wrong)
	}
	// From loopback too: whoever shows a credential is held to it.
	call := signed("AK9", "x", date)
	call.Remote = loopback()
	_, err := g.Identify(snap, call)
	refused(t, "unknown key from loopback", err, mq.Unauthorized, "auth_failed")
}

// TestDatesAreHeldAgainstNowInEveryTimeZone covers rows 12 to 14.
func TestDatesAreHeldAgainstNowInEveryTimeZone(t *testing.T) {
	g, snap := guard(t, Config{}), world()
	check := func(date, reason string) {
		t.Helper()
		_, err := g.Identify(snap, signed("AK1", "secret-1", date))
		if reason == "" && err != nil {
			t.Errorf("%s: %v", date, err)
		} else if reason != "" {
			refused(t, date, err, mq.Unauthorized, reason)
		}
		if reason == "clock_skew" && !strings.Contains(err.Error(), "2026-11-23T12:01:00Z") {
			t.Errorf("%s: %v does not name the server's time", date, err)
		}
	}
	for zone := westmost; zone <= eastmost; zone += zoneStep {
		local := noon().Add(zone)
		for _, off := range []time.Duration{0, 5 * time.Minute, -5 * time.Minute} {
			check(local.Add(off).Format(short), "")
		}
		for _, off := range []time.Duration{6 * time.Minute, -6 * time.Minute} {
			check(local.Add(off).Format(short), "clock_skew")
		}
	}
	check(noon().Add(westmost-zoneStep).Format(short), "clock_skew")
	check(noon().Add(eastmost+zoneStep).Format(short), "clock_skew")
	check(noon().AddDate(-1, 0, 0).Format(short), "clock_skew")
	check("99991231T235959Z", "clock_skew")
	check("00010101T000000Z", "clock_skew")

	for _, zone := range []int{0, 8 * 3600, -3 * 3600, 20700} {
		at := func(off time.Duration) string {
			return noon().Add(off).In(time.FixedZone("", zone)).Format(time.RFC3339)
		}
		check(at(5*time.Minute), "")
		check(at(-5*time.Minute), "")
		check(at(6*time.Minute), "clock_skew")
		check(at(-6*time.Minute), "clock_skew")
		check(at(15*time.Minute), "clock_skew") // it has a zone, so no other is tried
	}
	for _, date := range []string{"yesterday", "2026-11-23", "20261123T120100", "20261123T120100+", "20261323T120100Z", "20260231T120100Z", "20261123T240100Z", "20261123T126000Z", "20261123t120100Z", "2026112 T120100Z", "1700000000", strings.Repeat("2", 1000), "2026-11-23T12:01:00." + strings.Repeat("0", 100) + "Z"} {
		check(date, "auth_malformed")
	}
}

func TestZonesCanBePinned(t *testing.T) {
	g, snap := guard(t, Config{Zones: []time.Duration{0, 8 * time.Hour}}), world()
	for zone, ok := range map[time.Duration]bool{0: true, 8 * time.Hour: true, time.Hour: false, 15 * time.Minute: false} {
		_, err := g.Identify(snap, signed("AK1", "secret-1", noon().Add(zone).Format(short)))
		if ok != (err == nil) {
			t.Errorf("signed in zone %v: %v", zone, err)
		}
	}
	for _, bad := range []Config{{Zones: []time.Duration{15 * time.Hour}}, {Zones: []time.Duration{-13 * time.Hour}}, {Window: 8 * time.Minute}, {Window: -1}} {
		if _, err := New(bad); mq.KindOf(err) != mq.BadRequest {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestEachCallIsJudgedByItself covers row 16: nothing is remembered of the
// good call that came before on the same connection.
func TestEachCallIsJudgedByItself(t *testing.T) {
	g, snap, date := guard(t, Config{}), world(), noon().Format(short)
	for range 3 {
		if _, err := g.Identify(snap, signed("AK1", "secret-1", date)); err != nil {
			t.Error(err)
		}
		garbage := signed("AK1", "secret-1", date)
		garbage.Authorization = garbage.Authorization[:len(garbage.Authorization)-4] + "0000"
		_, err := g.Identify(snap, garbage)
		refused(t, "garbage after a good call", err, mq.Unauthorized, "auth_failed")
	}
}

// TestKeysThatMayNotBeUsed covers rows 17 and 18. The reason is told to those
// only who have the secret.
func TestKeysThatMayNotBeUsed(t *testing.T) {
	g, snap, date := guard(t, Config{}), world(), noon().Format(short)
	for _, key := range []string{"AK-revoked", "AK-expired", "AK-asleep", "AK-closed", "AK-orphan"} {
		_, err := g.Identify(snap, signed(key, "s", date))
		refused(t, key, err, mq.Unauthorized, "auth_revoked")
		_, err = g.Identify(snap, signed(key, "wrong", date))
		refused(t, key+" without the secret", err, mq.Unauthorized, "auth_failed")
	}
	if _, err := g.Identify(snap, signed("AK-expires", "s", date)); err != nil {
		t.Errorf("a second before it expires: %v", err)
	}
}

// TestAnotherTenantsNamespaceDoesNotExist covers row 19.
func TestAnotherTenantsNamespaceDoesNotExist(t *testing.T) {
	g, snap := guard(t, Config{}), world()
	answers := map[string]bool{}
	for _, namespace := range []string{"rival", "ghost", "closed", "default", strings.Repeat("x", 48)} {
		call := signed("AK1", "secret-1", noon().Format(short))
		call.Namespace = namespace
		_, err := g.Identify(snap, call)
		refused(t, namespace, err, mq.NotFound, "namespace")
		answers[strings.ReplaceAll(err.Error(), namespace, "X")] = true
	}
	if len(answers) != 1 {
		t.Errorf("namespaces can be told apart: %v", answers)
	}
	// Without the secret the namespace is not even looked at.
	call := signed("AK1", "wrong", noon().Format(short))
	call.Namespace = "rival"
	_, err := g.Identify(snap, call)
	refused(t, "wrong signature", err, mq.Unauthorized, "auth_failed")
}

func TestSignaturesInClearCanBeRefused(t *testing.T) {
	g, snap := guard(t, Config{RequireTLS: true}), world()
	call := signed("AK1", "secret-1", noon().Format(short))
	_, err := g.Identify(snap, call)
	refused(t, "in clear", err, mq.Unauthorized, "auth_plaintext")
	call.TLS = true
	if _, err := g.Identify(snap, call); err != nil {
		t.Errorf("over TLS: %v", err)
	}
}

func TestSessionTokensAreNotIgnored(t *testing.T) {
	call := signed("AK1", "secret-1", noon().Format(short))
	call.SessionToken = "sts"
	_, err := guard(t, Config{}).Identify(world(), call)
	refused(t, "session token", err, mq.Unauthorized, "auth_malformed")
}

func TestANewerSnapshotRules(t *testing.T) {
	g, old, date := guard(t, Config{}), world(), noon().Format(short)
	p, err := g.Identify(old, signed("AK1", "secret-1", date))
	if err != nil {
		t.Fatal(err)
	}
	build := func(version catalog.Version, keys ...catalog.Key) *catalog.Snapshot {
		return catalog.Build(catalog.Contents{Version: version, Tenants: []catalog.Tenant{{ID: tenant("retail")}, {ID: tenant("rival")}}, Keys: keys})
	}
	narrower := &catalog.App{Tenant: tenant("retail"), Name: "shop"}
	rotated := build(8, catalog.Key{ID: "AK1", Secret: "secret-new", App: narrower})
	_, err = g.Identify(rotated, signed("AK1", "secret-1", date))
	refused(t, "the old secret", err, mq.Unauthorized, "auth_failed")
	if _, err := g.Identify(rotated, signed("AK1", "secret-new", date)); err != nil {
		t.Errorf("the new secret: %v", err)
	}
	if _, err := g.Identify(old, signed("AK1", "secret-1", date)); err != nil {
		t.Errorf("a call that began under the old snapshot: %v", err)
	}

	again, err := g.Recheck(rotated, p)
	if err != nil || again.App != narrower || again.Key != "AK1" {
		t.Errorf("an open stream gets the new rights: %+v, %v", again, err)
	}
	for what, snap := range map[string]*catalog.Snapshot{
		"removed":           build(9),
		"revoked":           build(9, catalog.Key{ID: "AK1", Secret: "x", App: narrower, Revoked: true}),
		"of another tenant": build(9, catalog.Key{ID: "AK1", Secret: "x", App: &catalog.App{Tenant: tenant("rival")}}),
		"tenant gone":       catalog.Build(catalog.Contents{Version: 9, Keys: []catalog.Key{{ID: "AK1", Secret: "x", App: narrower}}}),
	} {
		_, err := g.Recheck(snap, p)
		refused(t, what, err, mq.Unauthorized, "auth_revoked")
	}
	guest := Principal{Tenant: tenant("default"), From: netip.MustParseAddr("127.0.0.1")}
	if got, err := g.Recheck(old, guest); err != nil || got != guest {
		t.Errorf("an unsigned caller stays: %+v, %v", got, err)
	}
	_, err = g.Recheck(rotated, guest)
	refused(t, "an unsigned caller of a tenant that is gone", err, mq.Unauthorized, "auth_missing")
}

func TestAnUntenantedCatalogKnowsNoNamespaces(t *testing.T) {
	cluster := func(u catalog.Unsigned) *catalog.Snapshot {
		return catalog.Build(catalog.Contents{
			Version: 1, Untenanted: true, Tenants: []catalog.Tenant{{ID: tenant("default"), Unsigned: u}},
			Keys: []catalog.Key{{ID: "AK1", Secret: "secret-1", App: &catalog.App{Tenant: tenant("default"), Name: "AK1", Owner: true}}},
		})
	}
	g, date := guard(t, Config{}), noon().Format(short)
	signed := func(key, secret string) Call {
		a := "MQv2-HMAC-SHA1 Credential=" + key + ", SignedHeaders=x-mq-date-time, Signature=" + sign(secret, date)
		return Call{Headers: Headers{Authorization: a, DateTime: date, Namespace: "whatever"}, Remote: remote()}
	}
	open, shut := cluster(catalog.UnsignedAnybody), cluster(catalog.UnsignedNobody)
	for what, call := range map[string]Call{
		"unsigned from afar":        {Headers: Headers{Namespace: "whatever"}, Remote: remote()},
		"an unknown key":            signed("somebody", "x"),
		"a header of no known form": {Headers: Headers{Authorization: "Basic Zm9v"}, Remote: remote()},
	} {
		p, err := g.Identify(open, call)
		if err != nil || p != (Principal{Tenant: tenant("default"), From: remote()}) {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
		_, err = g.Identify(shut, call)
		refused(t, what, err, mq.Unauthorized, "auth_")
	}
	if p, err := g.Identify(shut, signed("AK1", "secret-1")); err != nil || p.Key != "AK1" || p.From != remote() {
		t.Errorf("signed: %+v, %v", p, err)
	}
	guest := Principal{Tenant: tenant("default"), From: remote()}
	if _, err := g.Recheck(open, guest); err != nil {
		t.Errorf("a guest's stream stays: %v", err)
	}
	_, err := g.Recheck(shut, guest)
	refused(t, "a guest after authentication was turned on", err, mq.Unauthorized, "auth_missing")
}

func TestAGuardIsSharedByGoroutines(t *testing.T) {
	g, date := guard(t, Config{}), noon().Format(short)
	snaps := []*catalog.Snapshot{world(), world()}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				if _, err := g.Identify(snaps[(i+n/50)%2], signed("AK1", "secret-1", date)); err != nil {
					t.Error(err)
				}
				if _, err := g.Identify(snaps[i%2], signed("AK2", "secret-1", date)); err == nil {
					t.Error("another key's signature holds")
				}
			}
		})
	}
	wg.Wait()
}

func FuzzIdentify(f *testing.F) {
	date := noon().Format(short)
	good := signed("AK1", "secret-1", date)
	f.Add(good.Authorization, date, "", "")
	f.Add("MQv2-HMAC-SHA1 Credential=,Signature=", "2026-11-23T12:01:00Z", "retail", "t")
	f.Add("MQv2-HMAC-SHA1 Credential=//x, Signature==,=", "20261123T120160Z", "default", "")
	g, snap := guard(f, Config{}), world()
	f.Fuzz(func(t *testing.T, authorization, date, namespace, token string) {
		call := Call{Headers: Headers{Authorization: authorization, DateTime: date, Namespace: namespace, SessionToken: token}, Remote: remote()}
		p, err := g.Identify(snap, call)
		if err != nil {
			if k := mq.KindOf(err); k != mq.Unauthorized && k != mq.NotFound || p != (Principal{}) {
				t.Fatalf("%+v: %+v, %v", call, p, err)
			}
			return
		}
		// Who gets in shows a signature that was made with the secret.
		secret := map[string]string{"AK1": "secret-1", "AK2": "secret-2", "AK-rival": "secret-r", "AK-expires": "s"}[p.Key]
		if secret == "" || !strings.Contains(strings.ToLower(authorization), sign(secret, date)) {
			t.Fatalf("%+v let in as %+v", call, p)
		}
	})
}

func BenchmarkIdentify(b *testing.B) {
	g, snap, call := guard(b, Config{}), world(), signed("AK1", "secret-1", noon().Format(short))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Identify(snap, call); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	v, date := newVerifier("secret-1"), noon().Format(short)
	var signature [sha1.Size]byte
	if _, err := hex.Decode(signature[:], []byte(sign("secret-1", date))); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !v.holds(date, &signature) {
			b.Fatal("does not hold")
		}
	}
}
