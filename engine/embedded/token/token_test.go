// SPDX-License-Identifier: Apache-2.0

package token_test

import (
	"testing"

	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/engine/embedded/token"
)

func TestTokensSurviveAndAreNotMistakenForEachOther(t *testing.T) {
	l := token.Lease{Ledger: record.Ledger{Group: 7, Queue: record.Queue{Topic: 9, Queue: 255}}, Offset: 1 << 40, Seq: 1 << 63}
	h := token.Half{ID: 4096, Topic: 9}
	s := token.Scheduled{Due: 1 << 61, ID: 4096, Topic: 1<<32 - 1}
	if got, ok := token.ParseLease(l.String()); !ok || got != l {
		t.Errorf("lease: %+v, %v", got, ok)
	}
	if got, ok := token.ParseHalf(h.String()); !ok || got != h {
		t.Errorf("half: %+v, %v", got, ok)
	}
	if got, ok := token.ParseScheduled(s.String()); !ok || got != s {
		t.Errorf("scheduled: %+v, %v", got, ok)
	}
	for _, text := range []string{"", "x", h.String(), s.String(), l.String()[:len(l.String())-1], l.String() + "x"} {
		if _, ok := token.ParseLease(text); ok {
			t.Errorf("%q passed as a lease", text)
		}
	}
	if _, ok := token.ParseHalf(l.String()); ok {
		t.Error("a lease passed as a half")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(token.Lease{Offset: 5, Seq: 6}.String())
	f.Add(token.Half{ID: 4096, Topic: 9}.String())
	f.Add(token.Scheduled{Due: 1, ID: 2, Topic: 3}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if l, ok := token.ParseLease(text); ok {
			if again, ok := token.ParseLease(l.String()); !ok || again != l {
				t.Fatalf("%+v became %+v", l, again)
			}
		}
		token.ParseHalf(text)
		token.ParseScheduled(text)
	})
}
