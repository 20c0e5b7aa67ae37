// SPDX-License-Identifier: Apache-2.0

package token

import (
	"testing"

	"github.com/causeway-mq/causeway/engine/rocketmq/request"
	"github.com/causeway-mq/causeway/internal/testkit/prop"
)

func TestTokensComeBack(t *testing.T) {
	prop.Check(t, func(t *prop.T) {
		n := func(label string) int64 { return prop.Int64().Draw(t, label) }
		broker := prop.SampledFrom([]string{"broker-a", "b", "x y"}).Draw(t, "broker")
		l := Lease{
			Handle: request.Handle{
				Start: n("start"), PopMillis: n("pop"), InvisibleMillis: n("hidden"), ReviveQueue: int32(prop.IntRange(0, 999).Draw(t, "revive")),
				Retry: int32(prop.IntRange(0, 2).Draw(t, "retry")), Broker: broker, Queue: int32(prop.IntRange(0, 300).Draw(t, "queue")), Offset: n("offset"),
			},
			Physical: n("physical"), Attempt: n("attempt"),
		}
		if back, ok := ParseLease(l.String()); !ok || back != l {
			t.Fatalf("%+v comes back as %+v, %v", l, back, ok)
		}
		h := Half{Broker: broker, Offset: n("half"), Physical: n("place")}
		if back, ok := ParseHalf(h.String()); !ok || back != h {
			t.Fatalf("%+v comes back as %+v, %v", h, back, ok)
		}
		s := Scheduled{Broker: broker, Handle: "djEgVCBi"}
		if back, ok := ParseScheduled(s.String()); !ok || back != s {
			t.Fatalf("%+v comes back as %+v, %v", s, back, ok)
		}
		if _, ok := ParseLease(h.String()); ok {
			t.Fatal("a half is taken for a lease")
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(Lease{Handle: request.Handle{Broker: "b"}}.String())
	f.Add(Scheduled{"b", "h"}.String())
	f.Fuzz(func(t *testing.T, s string) {
		if l, ok := ParseLease(s); ok {
			if back, ok := ParseLease(l.String()); !ok || back != l {
				t.Fatalf("%+v comes back as %+v", l, back)
			}
		}
		if x, ok := ParseHalf(s); ok {
			if back, ok := ParseHalf(x.String()); !ok || back != x {
				t.Fatalf("%+v comes back as %+v", x, back)
			}
		}
		if x, ok := ParseScheduled(s); ok {
			if back, ok := ParseScheduled(x.String()); !ok || back != x {
				t.Fatalf("%+v comes back as %+v", x, back)
			}
		}
	})
}
