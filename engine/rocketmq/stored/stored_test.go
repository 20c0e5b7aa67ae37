// SPDX-License-Identifier: Apache-2.0

package stored

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/internal/testkit/prop"
)

func anyMessage(t *prop.T) Message {
	host := func(label string) netip.AddrPort {
		a := prop.SampledFrom([]string{"10.0.0.1", "127.0.0.1", "2001:db8::7"}).Draw(t, label)
		return netip.AddrPortFrom(netip.MustParseAddr(a), uint16(prop.IntRange(0, 65535).Draw(t, label+" port")))
	}
	m := Message{
		Topic:      strings.Repeat("t", prop.SampledFrom([]int{1, 20, 127, 128, 400}).Draw(t, "topic length")),
		Queue:      int32(prop.IntRange(0, 9).Draw(t, "queue")),
		Offset:     prop.Int64Range(0, 1<<40).Draw(t, "offset"),
		Physical:   prop.Int64Range(0, 1<<50).Draw(t, "physical"),
		Sys:        prop.SampledFrom([]int32{0, Compressed, Prepared, Committed}).Draw(t, "sys"),
		Born:       time.UnixMilli(prop.Int64Range(0, 1<<42).Draw(t, "born")),
		BornHost:   host("born host"),
		Stored:     time.UnixMilli(prop.Int64Range(0, 1<<42).Draw(t, "stored")),
		StoreHost:  host("store host"),
		Reconsumed: int32(prop.IntRange(0, 17).Draw(t, "reconsumed")),
		Body:       []byte(prop.String().Draw(t, "body")),
		Properties: Properties(AppendProperty(nil, "k", "v")),
	}
	if m.BornHost.Addr().Is6() {
		m.Sys |= BornHostV6
	}
	if m.StoreHost.Addr().Is6() {
		m.Sys |= StoreHostV6
	}
	m.CRC = checksum(m.Body)
	return m
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	prop.Check(t, func(t *prop.T) {
		var want []Message
		var data []byte
		for range prop.IntRange(0, 5).Draw(t, "messages") {
			m := anyMessage(t)
			want, data = append(want, m), Append(data, &m)
		}
		got, err := All(data, 5)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d messages come back from %d: %v", len(got), len(want), err)
		}
		for i := range want {
			want[i].Body = append([]byte{}, want[i].Body...)
			if !got[i].Intact() || !reflect.DeepEqual(got[i], want[i]) {
				t.Fatalf("message %d:\n%+v\n%+v", i, got[i], want[i])
			}
		}
	})
}

func TestFillerIsTheEnd(t *testing.T) {
	data := Append(nil, &Message{Topic: "T", Body: []byte("x")})
	data = binary.BigEndian.AppendUint32(data, 4096)
	data = binary.BigEndian.AppendUint32(data, magicBlank)
	got, err := All(append(data, "whatever stood there before"...), 9)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d messages, %v", len(got), err)
	}
}

func TestADamagedBodyShows(t *testing.T) {
	data := Append(nil, &Message{Topic: "T", Body: []byte("payload")})
	data[bytes.Index(data, []byte("payload"))] ^= 1
	m, _, _, err := Next(data)
	if err != nil || m.Intact() {
		t.Fatalf("a flipped bit in the body went unseen (%v)", err)
	}
}

func TestTornRecordsAreRefused(t *testing.T) {
	whole := Append(nil, &Message{Topic: "T", Body: []byte("body"), Properties: "a\x01b\x02"})
	for n := 1; n < len(whole); n++ {
		if _, err := All(whole[:n], 9); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(whole), err)
		}
	}
	if _, err := All(bytes.Repeat(whole, 3), 2); !errors.Is(err, ErrCorrupt) {
		t.Errorf("three records where two are the limit: %v", err)
	}
}

func TestPropertiesOfTheSameName(t *testing.T) {
	p := Properties("a\x011\x02b\x012\x02a\x013\x02broken\x02\x01x\x02c\x01\x02last\x014")
	if p.Get("a") != "3" || p.Get("last") != "4" || p.Get("c") != "" || p.Get("none") != "" {
		t.Errorf("a=%q last=%q c=%q", p.Get("a"), p.Get("last"), p.Get("c"))
	}
	if q := p.With("a", "9"); q.Get("a") != "9" || q.Get("b") != "2" || strings.Count(string(q), "a\x01") != 1 {
		t.Errorf("changed: %q", q)
	}
	if q := p.With("b", ""); q.Get("b") != "" || q.Get("a") != "3" {
		t.Errorf("taken away: %q", q)
	}
}

func TestPropertiesComeBackAsTheyWere(t *testing.T) {
	prop.Check(t, func(t *prop.T) {
		want := map[string]string{}
		var b []byte
		for range prop.IntRange(0, 8).Draw(t, "properties") {
			name, value := prop.String().Draw(t, "name"), prop.String().Draw(t, "value")
			if Keepable(name, value) {
				want[name] = value
				b = AppendProperty(b, name, value)
			}
		}
		got := map[string]string{}
		for n, v := range Properties(b).All() {
			got[n] = v
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q reads as %q", b, got)
		}
	})
}

func TestBatchEntriesComeBack(t *testing.T) {
	var b []byte
	for _, body := range []string{"one", "", "three"} {
		e := Entry{Flag: 7, Body: []byte(body), Properties: "UNIQ_KEY\x01" + Properties(body) + "x\x02"}
		before := len(b)
		b = AppendEntry(b, e)
		if len(b)-before != BatchSize(e.Body, len(e.Properties)) {
			t.Fatalf("entry %q has %d bytes, BatchSize says %d", body, len(b)-before, BatchSize(e.Body, len(e.Properties)))
		}
	}
	got, err := Entries(b, 3)
	if err != nil || len(got) != 3 || string(got[2].Body) != "three" || got[0].Flag != 7 || got[2].Properties.Get(UniqueKey) != "threex" {
		t.Fatalf("%v, %v", got, err)
	}
	if _, err := Entries(b, 2); !errors.Is(err, ErrCorrupt) {
		t.Errorf("more than the limit: %v", err)
	}
	if _, err := Entries(b[:len(b)-1], 3); !errors.Is(err, ErrCorrupt) {
		t.Errorf("torn: %v", err)
	}
}

func TestInnerBatchesAreTakenApart(t *testing.T) {
	body := AppendEntry(AppendEntry(nil, Entry{Body: []byte("a")}), Entry{Body: []byte("b"), Properties: "k\x01v\x02"})
	outer := Message{Topic: "T", Queue: 3, Offset: 40, Sys: InnerBatch | NeedUnwrap, Body: body}
	got, err := Unwrap(outer, 8)
	if err != nil || len(got) != 2 || got[1].Offset != 41 || string(got[1].Body) != "b" || got[1].Properties.Get("k") != "v" || got[1].Queue != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	if plain, err := Unwrap(Message{Body: body}, 8); err != nil || len(plain) != 1 {
		t.Errorf("a message that is no batch: %d, %v", len(plain), err)
	}
	outer.Body = body[:5]
	if _, err := Unwrap(outer, 8); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a torn inner batch: %v", err)
	}
}

func TestPlaces(t *testing.T) {
	p := Place{netip.MustParseAddrPort("127.0.0.1:10911"), 1536}
	if got := p.String(); got != "7F00000100002A9F0000000000000600" {
		t.Fatalf("%s", got)
	}
	for _, p := range []Place{p, {netip.MustParseAddrPort("[2001:db8::1]:10911"), 1 << 40}} {
		if back, err := ParsePlace(p.String()); err != nil || back != p {
			t.Errorf("%v comes back as %v, %v", p, back, err)
		}
	}
	for _, bad := range []string{"", "7F", strings.Repeat("x", 32)} {
		if _, err := ParsePlace(bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add(Append(nil, &Message{Topic: "T", Body: []byte("body"), Properties: "a\x01b\x02"}))
	f.Add(Append(nil, &Message{Topic: strings.Repeat("t", 200), BornHost: netip.MustParseAddrPort("[::1]:1")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := All(data, 100)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		for i := range all {
			again, err := All(Append(nil, &all[i]), 1)
			if err != nil || len(again) != 1 || !bytes.Equal(again[0].Body, all[i].Body) || again[0].Properties != all[i].Properties || again[0].Topic != all[i].Topic {
				t.Fatalf("%+v was written and reads as %+v, %v", all[i], again, err)
			}
			if _, err := Unwrap(all[i], 100); err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
		}
	})
}

func FuzzEntries(f *testing.F) {
	f.Add(AppendEntry(nil, Entry{Body: []byte("body"), Properties: "a\x01b\x02"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := Entries(data, 100)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		var b []byte
		for _, e := range all {
			b = AppendEntry(b, e)
		}
		if again, err := Entries(b, 100); err != nil || len(again) != len(all) {
			t.Fatalf("%d entries were written and %d read, %v", len(all), len(again), err)
		}
	})
}

func BenchmarkNext(b *testing.B) {
	data := Append(nil, &Message{
		Topic: "orders", Body: make([]byte, 1024), BornHost: netip.MustParseAddrPort("127.0.0.1:1"), StoreHost: netip.MustParseAddrPort("127.0.0.1:2"),
		Properties: "UNIQ_KEY\x0101AABBCCDDEEFF0011223344556677889900\x02TAGS\x01paid\x02KEYS\x01order-1\x02a\x01b\x02",
	})
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := Next(data); err != nil {
			b.Fatal(err)
		}
	}
}
