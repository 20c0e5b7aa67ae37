// SPDX-License-Identifier: Apache-2.0

package record_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/embedded/record"
	"github.com/causeway-mq/causeway/mq"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func fullMessage() mq.Message {
	return mq.Message{
		ID: must(mq.ParseMessageID("id-1")), Type: mq.FIFO, Tag: must(mq.ParseTag("tag")),
		Keys: []mq.Key{must(mq.ParseKey("k1")), must(mq.ParseKey("k2"))}, Group: must(mq.ParseMessageGroup("lane")),
		DeliverAt: time.Unix(12, 345), FirstCheck: 7 * time.Second,
		Properties: []mq.Property{{Name: "a", Value: "1"}, {Name: "b", Value: ""}}, Trace: "00-aa-bb-01",
		Born: time.Unix(-5, 0), BornHost: "10.0.0.1", Encoding: mq.Gzip, Body: []byte("the body"),
		Origin: mq.Origin{
			Topic: must(mq.ParsePhysical("t%x")), Message: must(mq.ParseMessageID("id-0")), Queue: 3, Offset: 99, Attempt: 17, Why: "attempts",
		},
	}
}

func everyPart() []record.Part {
	m := fullMessage()
	raw := record.Raw(record.AppendRaw(nil, &m))
	q := record.Queue{Topic: 5, Queue: 255}
	l := record.Ledger{Group: 9, Queue: q}
	return []record.Part{
		record.Genesis{Cluster: "c", At: 4},
		record.Topic{ID: 5, At: 6, Spec: mq.TopicSpec{
			Name: must(mq.ParsePhysical("t")), Cluster: must(mq.ParseCluster("c")), Accepts: mq.AcceptsOf(mq.Normal, mq.Delay), Queues: 8,
			Durability: must(mq.Window(20 * time.Millisecond)), Retention: time.Hour,
		}},
		record.Group{ID: 9, At: 6, Spec: mq.GroupSpec{
			Name: must(mq.ParsePhysical("g")), Mode: mq.Pulls, Ordered: true, MaxAttempts: 3,
			Retry: mq.RetryPolicy{Steps: []time.Duration{1, 2}, Initial: 3, Max: 4, Multiplier: 1.5},
			Start: mq.Start{Kind: mq.StartLatest, Time: time.Unix(9, 9)}, Hold: time.Minute,
		}},
		record.DropTopic{ID: 5, Name: must(mq.ParsePhysical("t"))},
		record.DropGroup{ID: 9},
		record.Message{Queue: q, Offset: 1 << 40, At: 77, Carried: true, Raw: raw},
		record.Scheduled{Topic: 5, ID: 4096, Due: 88, At: 77, Raw: raw},
		record.Half{Topic: 5, Name: must(mq.ParsePhysical("t")), ID: 4096, At: 7, Next: 8, Round: 2, Raw: raw},
		record.Fire{ID: 4096, Due: 88},
		record.Cancel{ID: 4096, Due: 88},
		record.Verdict{Topic: 5, ID: 4096, Verdict: mq.Rollback, GivenUp: true, At: 3},
		record.Checked{ID: 4096, At: 3},
		&record.Grant{
			Ledger: l, Next: 50, Until: 60, Seq: 70, Attempt: "a1", Taken: []record.Taken{{Offset: 40, Order: 1 << 63}, {Offset: 41, Order: 1 << 63}},
			Waiting: []record.Taken{{Offset: 42, Order: 5}}, Settled: []int64{3, 1},
		},
		record.Settle{Ledger: l, Offsets: []int64{7, 8, 1000}},
		record.Extend{Ledger: l, Until: 6, Seq: 7, Offsets: []int64{1}},
		record.Position{Ledger: l, Next: 6},
		record.Expire{Queue: q, Lo: 9, Keep: []int64{1, 2}},
		record.State{Piece: 2, Last: true, Data: []byte("state")},
		record.Probe{At: 1},
	}
}

func TestEveryPartSurvivesItsEncoding(t *testing.T) {
	all := everyPart()
	var got []record.Part
	if err := record.Each(record.Encode(nil, all...), func(p record.Part) error { got = append(got, p); return nil }); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if !reflect.DeepEqual(got[i], all[i]) {
			t.Errorf("part %d: got %+v, want %+v", all[i].Kind(), got[i], all[i])
		}
	}
	if len(got) != int(record.KindProbe) {
		t.Errorf("%d kinds of %d are tested", len(got), record.KindProbe)
	}
}

func TestAMessageSurvivesItsEncoding(t *testing.T) {
	for name, m := range map[string]mq.Message{"full": fullMessage(), "empty": {Body: []byte{}}} {
		got, err := record.Raw(record.AppendRaw(nil, &m)).Message()
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, m)
		}
		if n := len(record.AppendRaw(nil, &m)); n > record.SizeHint(&m) {
			t.Errorf("%s: %d bytes, the hint said %d", name, n, record.SizeHint(&m))
		}
	}
}

func TestASealedMessageIsTheSameRecordOnceItsPlaceIsKnown(t *testing.T) {
	m := fullMessage()
	s := record.Seal(make([]byte, 3, 10), &m)
	q := record.Queue{Topic: 3, Queue: 4}
	s.Place(q, 5, 6)
	want := record.Encode(nil, record.Message{Queue: q, Offset: 5, At: 6, Raw: s.Raw()})
	if !bytes.Equal(s, want) {
		t.Fatal("sealed and encoded records differ")
	}
}

func TestWhatIsCutOrUnknownIsRefusedByName(t *testing.T) {
	for _, p := range everyPart() {
		whole := record.Encode(nil, p)
		for n := range whole {
			err := record.Each(whole[:n], func(record.Part) error { return nil })
			if n > 1 && !errors.Is(err, record.ErrMalformed) {
				t.Fatalf("part %d cut to %d of %d bytes: %v", p.Kind(), n, len(whole), err)
			}
		}
	}
	for what, b := range map[string][]byte{"version": {9}, "empty": {}, "unknown part": {1, 200, 0, 0, 0, 0}} {
		if err := record.Each(b, func(record.Part) error { return nil }); !errors.Is(err, record.ErrMalformed) || !strings.HasPrefix(err.Error(), "record: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzEach(f *testing.F) {
	for _, p := range everyPart() {
		f.Add(record.Encode(nil, p))
	}
	f.Add(record.Encode(nil, everyPart()...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var parts []record.Part
		err := record.Each(b, func(p record.Part) error {
			parts = append(parts, p)
			if m, ok := p.(record.Message); ok {
				_, _ = m.Raw.Message()
				_ = m.Raw.Brief(&record.Brief{})
			}
			return nil
		})
		if err != nil {
			return
		}
		// What was accepted means the same when it is written again.
		var again []record.Part
		if err := record.Each(record.Encode(nil, parts...), func(p record.Part) error { again = append(again, p); return nil }); err != nil {
			t.Fatal(err)
		}
		for i := range parts {
			if g, ok := parts[i].(record.Group); ok && g.Spec.Retry.Multiplier != g.Spec.Retry.Multiplier {
				return // not a number is not equal to itself
			}
		}
		if !reflect.DeepEqual(parts, again) {
			t.Fatalf("%+v became %+v", parts, again)
		}
	})
}
