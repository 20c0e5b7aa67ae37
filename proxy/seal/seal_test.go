// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/testkit/prop"

	"github.com/causeway-mq/causeway/mq"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func epoch() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func ring(t testing.TB, keys ...Key) *Keyring {
	t.Helper()
	k, err := New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func receipt() Receipt {
	return Receipt{
		Tenant:    must(mq.ParseTenant("retail")),
		Topic:     must(mq.ParsePhysical("retail%orders")),
		Group:     must(mq.ParsePhysical("retail%billing")),
		Cluster:   must(mq.ParseCluster("main")),
		Token:     "\x00\x01token of the engine",
		Until:     epoch().Add(time.Minute),
		Message:   must(mq.ParseMessageID("01A2B3C4D5E6F700000000000000000042")),
		Renewable: true,
		Attempt:   3,
	}
}

func transaction() Transaction {
	r := receipt()
	return Transaction{r.Tenant, r.Topic, mq.Half{Cluster: r.Cluster, Message: r.Message, Token: r.Token}}
}

func recall() Recall {
	r := receipt()
	return Recall{r.Tenant, r.Topic, mq.Scheduled{Cluster: r.Cluster, Message: r.Message, Token: r.Token}}
}

// same compares receipts whose times may be in different zones.
func same(a, b Receipt) bool {
	equal := a.Until.Equal(b.Until)
	a.Until, b.Until = time.Time{}, time.Time{}
	return equal && a == b
}

func TestAnyProxyWithTheKeyOpensWhatAnotherSealed(t *testing.T) {
	key := NewKey(epoch())
	here, there := ring(t, key), ring(t, key)
	text := here.SealReceipt(receipt())
	if got, err := there.OpenReceipt(text); err != nil || !same(got, receipt()) {
		t.Errorf("receipt: %+v, %v", got, err)
	}
	if got, err := there.OpenTransaction(here.SealTransaction(transaction())); err != nil || got != transaction() {
		t.Errorf("transaction: %+v, %v", got, err)
	}
	if got, err := there.OpenRecall(here.SealRecall(recall())); err != nil || got != recall() {
		t.Errorf("recall: %+v, %v", got, err)
	}
	if strings.ContainsAny(text, "+/=\n") {
		t.Errorf("%s is not base64url without padding", text)
	}
	if len(text) > 220 {
		t.Errorf("a usual receipt takes %d characters", len(text))
	}
	if strings.Contains(string(must(base64.RawURLEncoding.DecodeString(text))), "orders") {
		t.Error("the topic is readable in the receipt")
	}
	if here.SealReceipt(receipt()) == text {
		t.Error("two seals of one receipt are equal: the nonce repeats")
	}
}

func TestEveryReceiptComesBackAsItWas(t *testing.T) {
	k := ring(t, NewKey(epoch()))
	prop.Check(t, func(t *prop.T) {
		r := Receipt{
			Tenant:    must(mq.ParseTenant(prop.StringMatching(`[a-z0-9-]{1,20}`).Draw(t, "tenant"))),
			Topic:     must(mq.ParsePhysical(prop.StringMatching(`[A-Za-z0-9_%|-]{1,127}`).Draw(t, "topic"))),
			Group:     must(mq.ParsePhysical(prop.StringMatching(`[A-Za-z0-9_%|-]{1,120}`).Draw(t, "group"))),
			Token:     prop.String().Draw(t, "token"),
			Renewable: prop.Bool().Draw(t, "renewable"),
			Attempt:   prop.IntRange(0, 1<<31-1).Draw(t, "attempt"),
		}
		if prop.Bool().Draw(t, "timed") {
			r.Until = time.UnixMilli(prop.Int64Range(1, 1<<42).Draw(t, "until"))
		}
		if prop.Bool().Draw(t, "identified") {
			r.Message = must(mq.ParseMessageID(prop.StringMatching(`[0-9A-F]{1,40}|[a-f0-9]{2,34}|m é[A-Z]{0,10}`).Draw(t, "message")))
		}
		if prop.Bool().Draw(t, "placed") {
			r.Cluster = must(mq.ParseCluster("c1"))
		}
		got, err := k.OpenReceipt(k.SealReceipt(r))
		if err != nil || !same(got, r) {
			t.Fatalf("%+v came back as %+v, %v", r, got, err)
		}
	})
}

func TestOneKindDoesNotOpenAsAnother(t *testing.T) {
	k := ring(t, NewKey(epoch()))
	texts := map[string]string{
		"receipt":     k.SealReceipt(receipt()),
		"transaction": k.SealTransaction(transaction()),
		"recall":      k.SealRecall(recall()),
	}
	for kind, text := range texts {
		_, asReceipt := k.OpenReceipt(text)
		_, asTransaction := k.OpenTransaction(text)
		_, asRecall := k.OpenRecall(text)
		if (asReceipt == nil) != (kind == "receipt") || (asTransaction == nil) != (kind == "transaction") || (asRecall == nil) != (kind == "recall") {
			t.Errorf("%s opens as: receipt %v, transaction %v, recall %v", kind, asReceipt, asTransaction, asRecall)
		}
	}
}

// TestForgeriesAnswerAlike covers the rows on truncated, flipped and foreign
// handles: one kind, one text, whatever is wrong.
func TestForgeriesAnswerAlike(t *testing.T) {
	k := ring(t, NewKey(epoch()))
	text := k.SealReceipt(receipt())
	forged := map[string]string{
		"nothing":        "",
		"no base64":      "@@@@",
		"short":          "AAAA",
		"padded":         text + "=",
		"longer":         text + "A",
		"line break":     text[:8] + "\n" + text[8:],
		"line breaks":    text + "\n\n\n\n",
		"zeros":          strings.Repeat("A", len(text)),
		"huge":           strings.Repeat("A", 1<<20),
		"apache's":       "0 1700000000000 60000 1 0 broker-a 3 42",
		"foreign key":    ring(t, NewKey(epoch())).SealReceipt(receipt()),
		"other payload":  k.seal(forReceipt, func(b []byte) []byte { return append(b, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"...) }),
		"illegal topic":  k.seal(forReceipt, func(b []byte) []byte { return append(b, 0, 1, 0, 1, 'a', 2, '.', '.') }),
		"version ahead":  k.sealAs(version+2, forReceipt, receipt().append),
		"version before": k.sealAs(0, forReceipt, receipt().append),
	}
	for n := range len(text) {
		forged[fmt.Sprintf("cut to %d", n)] = text[:n]
	}
	raw := must(base64.RawURLEncoding.DecodeString(text))
	for bit := range 8 * len(raw) {
		flipped := append([]byte(nil), raw...)
		flipped[bit/8] ^= 1 << (bit % 8)
		forged[fmt.Sprintf("bit %d flipped", bit)] = base64.RawURLEncoding.EncodeToString(flipped)
	}
	_, want := k.OpenReceipt("")
	if mq.KindOf(want) != mq.InvalidReceipt || mq.Outcome(want) != mq.Refused {
		t.Fatalf("refused with %v", want)
	}
	for what, text := range forged {
		got, err := k.OpenReceipt(text)
		if err == nil || err.Error() != want.Error() || mq.KindOf(err) != mq.InvalidReceipt || got != (Receipt{}) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := k.OpenTransaction(text); mq.KindOf(err) != mq.InvalidTransaction {
			t.Errorf("%s as transaction: %v", what, err)
		}
		if _, err := k.OpenRecall(text); mq.KindOf(err) != mq.InvalidReceipt {
			t.Errorf("%s as recall handle: %v", what, err)
		}
	}
	if len(k.now.Load().opened) != 0 {
		t.Error("a forgery left a derived key behind")
	}
}

func TestAReceiptServesItsOwnerOnly(t *testing.T) {
	r := receipt()
	otherTenant, otherTopic, otherGroup := must(mq.ParseTenant("rival")), must(mq.ParsePhysical("other")), must(mq.ParsePhysical("other"))
	if err := r.Owned(r.Tenant, r.Topic, r.Group); err != nil {
		t.Error(err)
	}
	_, forged := ring(t, NewKey(epoch())).OpenReceipt("")
	for _, err := range []error{r.Owned(otherTenant, r.Topic, r.Group), r.Owned(r.Tenant, otherTopic, r.Group), r.Owned(r.Tenant, r.Topic, otherGroup)} {
		if err == nil || err.Error() != forged.Error() {
			t.Errorf("another's receipt answers %v, a forged one %v", err, forged)
		}
	}
	if transaction().Owned(r.Tenant, r.Topic) != nil || recall().Owned(r.Tenant, r.Topic) != nil {
		t.Error("the owner is refused")
	}
	if mq.KindOf(transaction().Owned(otherTenant, r.Topic)) != mq.InvalidTransaction || mq.KindOf(transaction().Owned(r.Tenant, otherTopic)) != mq.InvalidTransaction {
		t.Error("another's transaction passes")
	}
	if mq.KindOf(recall().Owned(otherTenant, r.Topic)) != mq.InvalidReceipt || mq.KindOf(recall().Owned(r.Tenant, otherTopic)) != mq.InvalidReceipt {
		t.Error("another's recall handle passes")
	}
}

func TestOnlyALeaseThatNobodyRenewsIsOverByItsReceipt(t *testing.T) {
	r := receipt()
	r.Renewable = false
	if r.Over(r.Until.Add(-time.Millisecond)) || !r.Over(r.Until) {
		t.Error("a lease ends at its end")
	}
	r.Renewable = true
	if r.Over(r.Until.Add(time.Hour)) {
		t.Error("the end of a renewed lease is not in its first receipt")
	}
	if (Receipt{}).Over(epoch()) {
		t.Error("a lease without an end is over")
	}
}

func TestKeysRotate(t *testing.T) {
	old, young := NewKey(epoch()), NewKey(epoch().Add(time.Hour))
	k := ring(t, old)
	before := k.SealReceipt(receipt())
	if err := k.Replace(young, old); err != nil {
		t.Fatal(err)
	}
	after := k.SealReceipt(receipt())
	if _, err := k.OpenReceipt(before); err != nil {
		t.Errorf("what the older key sealed: %v", err)
	}
	if _, err := ring(t, old).OpenReceipt(after); err == nil {
		t.Error("the older key still seals")
	}
	if err := k.Replace(young); err != nil {
		t.Fatal(err)
	}
	if _, err := k.OpenReceipt(before); mq.KindOf(err) != mq.InvalidReceipt {
		t.Errorf("a removed key still opens: %v", err)
	}
	if _, err := k.OpenReceipt(after); err != nil {
		t.Errorf("the newest key: %v", err)
	}
	for what, keys := range map[string][]Key{"no key": nil, "one id twice": {young, young}, "no secret": {{ID: 1, Created: epoch()}}, "too many": make([]Key, MaxKeys+1)} {
		if err := k.Replace(keys...); mq.KindOf(err) != mq.BadRequest {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := k.OpenReceipt(after); err != nil {
		t.Errorf("a refused set of keys replaced the old one: %v", err)
	}
}

func TestKeysOfOneMomentAgreeOnWhichSeals(t *testing.T) {
	a, b := NewKey(epoch()), NewKey(epoch())
	if ring(t, a, b).now.Load().newest != ring(t, b, a).now.Load().newest {
		t.Error("the order of the keys decides")
	}
}

// TestNeighbouringVersionsUnderstandEachOther: version N opens what N+1 seals,
// which may have fields behind those that N knows, and reads what is missing
// from an older payload as zero.
func TestNeighbouringVersionsUnderstandEachOther(t *testing.T) {
	k := ring(t, NewKey(epoch()))
	newer := k.sealAs(version+1, forReceipt, func(b []byte) []byte {
		return append(receipt().append(b), "a field of tomorrow"...)
	})
	if got, err := k.OpenReceipt(newer); err != nil || !same(got, receipt()) {
		t.Errorf("from the next version: %+v, %v", got, err)
	}
	r := receipt()
	r.Message = mq.MessageID{}
	older := k.seal(forReceipt, func(b []byte) []byte {
		b = r.append(b)
		return b[:len(b)-1] // the last field, empty, was not there yet
	})
	if got, err := k.OpenReceipt(older); err != nil || !same(got, r) {
		t.Errorf("from a version without the last field: %+v, %v", got, err)
	}
}

func TestASaltIsNotUsedForEver(t *testing.T) {
	k := ring(t, NewKey(epoch()))
	first := k.now.Load().own.Load()
	first.used.Store(sealsPerSalt)
	text := k.SealReceipt(receipt())
	second := k.now.Load().own.Load()
	if first.salt == second.salt || second.used.Load() != 1 {
		t.Error("the salt outlived its uses")
	}
	if _, err := k.OpenReceipt(text); err != nil {
		t.Error(err)
	}
}

func TestDerivedKeysAreBounded(t *testing.T) {
	key := NewKey(epoch())
	k := ring(t, key)
	g := k.now.Load()
	for range maxDerived + 10 {
		text := ring(t, key).SealReceipt(receipt())
		if _, err := k.OpenReceipt(text); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.opened) != maxDerived {
		t.Errorf("%d derived keys are kept, the limit is %d", len(g.opened), maxDerived)
	}
}

func TestAKeyringIsSharedByGoroutines(t *testing.T) {
	key := NewKey(epoch())
	k := ring(t, key)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				if i%50 == 0 {
					if err := k.Replace(key, NewKey(epoch().Add(time.Duration(i)))); err != nil {
						t.Error(err)
					}
				}
				r := receipt()
				r.Attempt = i
				text := k.SealReceipt(r)
				if got, err := k.OpenReceipt(text); err == nil && !same(got, r) {
					t.Errorf("%+v came back as %+v", r, got)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzOpen(f *testing.F) {
	k := ring(f, Key{ID: 1, Created: epoch(), Secret: [32]byte{1}})
	f.Add(k.SealReceipt(receipt()), []byte{})
	f.Add("", []byte("\x01\x03\x00\x01a\x01b\x01c\x01d\x01e\x05\x01\x02"))
	f.Fuzz(func(t *testing.T, text string, payload []byte) {
		if _, err := k.OpenReceipt(text); err != nil && mq.KindOf(err) != mq.InvalidReceipt {
			t.Fatalf("%q: %v", text, err)
		}
		// Payloads behind a valid tag, as a future version may send them.
		sealed := func(p purpose) string {
			return k.seal(p, func(b []byte) []byte { return append(b, payload...) })
		}
		if r, err := k.OpenReceipt(sealed(forReceipt)); err == nil {
			if again, err := k.OpenReceipt(k.SealReceipt(r)); err != nil || !same(r, again) {
				t.Fatalf("%x: %+v came back as %+v, %v", payload, r, again, err)
			}
		}
		if r, err := k.OpenTransaction(sealed(forTransaction)); err == nil {
			if again, err := k.OpenTransaction(k.SealTransaction(r)); err != nil || r != again {
				t.Fatalf("%x: %+v came back as %+v, %v", payload, r, again, err)
			}
		}
	})
}

func BenchmarkSealReceipt(b *testing.B) {
	k, r := ring(b, NewKey(epoch())), receipt()
	b.ReportAllocs()
	for b.Loop() {
		k.SealReceipt(r)
	}
}

func BenchmarkOpenReceipt(b *testing.B) {
	key := NewKey(epoch())
	k := ring(b, key)
	text := ring(b, key).SealReceipt(receipt())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.OpenReceipt(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefuseForgery(b *testing.B) {
	k := ring(b, NewKey(epoch()))
	raw := must(base64.RawURLEncoding.DecodeString(k.SealReceipt(receipt())))
	raw[6] ^= 1 // of the salt: the dearest kind
	text := base64.RawURLEncoding.EncodeToString(raw)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.OpenReceipt(text); err == nil {
			b.Fatal("opened")
		}
	}
}
