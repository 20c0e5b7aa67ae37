// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/access"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

func somewhere() arrival {
	return arrival{
		now: time.UnixMilli(1_700_000_000_000), maxDelay: mq.MaxDelay, remote: netip.MustParseAddrPort("192.0.2.7:1234"),
		accepts: mq.AcceptsOf(mq.Normal, mq.FIFO, mq.Delay, mq.Transaction),
	}
}

func someone(t testing.TB) *Caller {
	t.Helper()
	tenant, err := mq.ParseTenant("bank")
	if err != nil {
		t.Fatal(err)
	}
	return &Caller{Principal: access.Principal{Tenant: tenant}, Snapshot: catalog.Build(catalog.Contents{})}
}

// FuzzMessage holds that no bytes of a stranger break the way in, and that what comes in goes out as it came.
func FuzzMessage(f *testing.F) {
	seed := func(m *v2.Message) {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	full := &v2.SystemProperties{
		MessageId: "01A", Tag: proto.String("t"), Keys: []string{"k", "l"}, MessageGroup: proto.String("g"), MessageType: v2.MessageType_FIFO, BodyEncoding: v2.Encoding_GZIP,
		BornTimestamp: timestamppb.New(time.UnixMilli(1)), BornHost: "h", TraceContext: proto.String("00-"), BodyDigest: &v2.Digest{Type: v2.DigestType_CRC32, Checksum: "E8B7BE43"},
	}
	seed(&v2.Message{Body: []byte("a"), SystemProperties: full, UserProperties: map[string]string{"a": "b", "c": ""}})
	seed(&v2.Message{Body: []byte("a"), SystemProperties: &v2.SystemProperties{MessageId: "2", DeliveryTimestamp: timestamppb.New(time.UnixMilli(1_700_000_001_000))}})
	seed(&v2.Message{Body: []byte("a"), SystemProperties: &v2.SystemProperties{MessageId: "3", OrphanedTransactionRecoveryDuration: durationpb.New(time.Minute)}})
	f.Add([]byte{0x12, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		in := new(v2.Message)
		if proto.Unmarshal(b, in) != nil {
			return
		}
		m, err := messageIn(in, somewhere())
		if err != nil {
			if mq.Outcome(err) != mq.Refused || mq.KindOf(err) == mq.Internal {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if !slices.IsSortedFunc(m.Properties, func(a, b mq.Property) int { return strings.Compare(a.Name, b.Name) }) {
			t.Fatal("properties are not sorted")
		}
		out := someone(t).messageOut(&mq.Stored{Message: m, StoredAt: time.UnixMilli(5)}, in.Topic)
		p, q := out.SystemProperties, in.SystemProperties
		if !bytes.Equal(out.Body, in.Body) || p.MessageId != q.MessageId || p.GetTag() != q.GetTag() || !slices.Equal(p.Keys, q.Keys) ||
			p.GetMessageGroup() != q.GetMessageGroup() || p.GetTraceContext() != q.GetTraceContext() || len(out.UserProperties) != len(in.UserProperties) {
			t.Fatalf("%v came out as %v", in, out)
		}
		for k, v := range in.UserProperties {
			if got, ok := out.UserProperties[k]; !ok || got != v {
				t.Fatalf("property %q is %q, was %q", k, got, v)
			}
		}
		if p.MessageType == 0 || p.BodyEncoding == 0 || p.BornHost == "" || !digestHolds(p.BodyDigest, out.Body) {
			t.Fatalf("something that consumers need is missing: %v", p)
		}
		if due := q.GetDeliveryTimestamp(); due != nil && !p.DeliveryTimestamp.AsTime().Equal(due.AsTime()) {
			t.Fatalf("due %v, was %v", p.DeliveryTimestamp, due)
		}
	})
}

func FuzzRequests(f *testing.F) {
	f.Add([]byte("\x0a\x03\x12\x01a"), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, n int64) {
		settings := new(v2.Settings)
		if proto.Unmarshal(b, settings) == nil {
			if _, err := clientKind(settings); err != nil && mq.Outcome(err) != mq.Refused {
				t.Fatal(err)
			}
		}
		endpoints := new(v2.Endpoints)
		if proto.Unmarshal(b, endpoints) == nil {
			if peers, err := endpointsIn(endpoints); err == nil && len(peers) > 0 && len(endpointsOut(peers).Addresses) == 0 {
				t.Fatalf("%v lost its addresses", endpoints)
			}
		}
		expression := new(v2.FilterExpression)
		if proto.Unmarshal(b, expression) == nil {
			if got, err := filterIn(expression); err == nil {
				again, err := filterIn(&v2.FilterExpression{Type: expression.Type, Expression: got.Expression})
				if err != nil || again != got {
					t.Fatalf("%+v is %+v the second time, %v", got, again, err)
				}
			}
		}
		d := new(durationpb.Duration)
		if proto.Unmarshal(b, d) == nil {
			if hold, err := holdIn(d, n%2 == 0); err == nil && hold.Duration() > mq.MaxHold {
				t.Fatal(hold)
			}
			left := time.Duration(max(n, 0))
			if poll, err := pollIn(d, left); err == nil && (poll < 0 || poll > mq.MaxPoll || left > 0 && poll > left) {
				t.Fatalf("a poll of %v with %v left is %v", d, left, poll)
			}
		}
		if s := printable(string(b), 20); len(s) > 20 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q", s)
		}
	})
}

func TestPollingTime(t *testing.T) {
	s := func(d time.Duration) *durationpb.Duration { return durationpb.New(d) }
	for _, c := range []struct {
		name  string
		asked *durationpb.Duration
		left  time.Duration
		want  time.Duration
	}{
		{"as asked", s(5 * time.Second), 10 * time.Second, 5 * time.Second},
		{"no deadline", s(5 * time.Second), 0, 5 * time.Second},
		{"neither", nil, 0, mq.MaxPoll},
		{"ten minutes", s(10 * time.Minute), 0, mq.MaxPoll},
		{"not at all", s(0), 10 * time.Second, 0},
		{"Rust: the deadline is the poll", s(5 * time.Second), 5 * time.Second, 4600 * time.Millisecond},
		{"Go: 5 s and 3 s of its own", nil, 8 * time.Second, 6500 * time.Millisecond},
		{"Go: no wait and 3 s of its own", nil, 3 * time.Second, 1500 * time.Millisecond},
		{"hardly any time", s(5 * time.Second), 100 * time.Millisecond, 50 * time.Millisecond},
	} {
		if got, err := pollIn(c.asked, c.left); err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestDigestsOfEveryKind(t *testing.T) {
	body := []byte("hello")
	for _, d := range []*v2.Digest{
		nil, {}, {Type: v2.DigestType_CRC32}, {Type: 99, Checksum: "x"},
		{Type: v2.DigestType_CRC32, Checksum: "3610A686"}, {Type: v2.DigestType_CRC32, Checksum: "3610a686"}, {Type: v2.DigestType_CRC32, Checksum: "907060870"},
		{Type: v2.DigestType_MD5, Checksum: "5D41402ABC4B2A76B9719D911017C592"}, {Type: v2.DigestType_MD5, Checksum: "5d41402abc4b2a76b9719d911017c592"},
		{Type: v2.DigestType_SHA1, Checksum: "AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D"},
	} {
		if !digestHolds(d, body) {
			t.Errorf("%v does not hold", d)
		}
	}
	for _, d := range []*v2.Digest{
		{Type: v2.DigestType_CRC32, Checksum: "3610A687"}, {Type: v2.DigestType_CRC32, Checksum: "zz"}, {Type: v2.DigestType_CRC32, Checksum: "13610A686"},
		{Type: v2.DigestType_MD5, Checksum: "5D"}, {Type: v2.DigestType_SHA1, Checksum: "AA"},
	} {
		if digestHolds(d, body) {
			t.Errorf("%v holds", d)
		}
	}
}

// Of the body "33" Java and Go write the CRC32 as A6216D9, Python as 0A6216D9, Node as 174200537.
func TestEveryClientGetsADigestThatItWritesTheSameWay(t *testing.T) {
	crc := &v2.Digest{Type: v2.DigestType_CRC32, Checksum: "A6216D9"}
	md5 := &v2.Digest{Type: v2.DigestType_MD5, Checksum: "182BE0C5CDCD5072BB1864CDEE4D3D6E"}
	for language, want := range map[string]*v2.Digest{"JAVA": crc, "GO": crc, "PYTHON": md5, "HTTP": md5, "RUST": md5, "": md5} {
		caller := Caller{Headers: Headers{Language: language}}
		if got := caller.digestOut([]byte("33")); !proto.Equal(got, want) {
			t.Errorf("language %q gets %v, want %v", language, got, want)
		}
	}
}

func TestALostTopicKeepsItsNameInADeadLetter(t *testing.T) {
	c := someone(t)
	p, err := mq.ParsePhysical("bank%orders")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.logical(p); got != "orders" {
		t.Errorf("called %q", got)
	}
}

func TestExponentialPoliciesAreSpelledOut(t *testing.T) {
	g := mq.Group{MaxAttempts: 5, Retry: mq.RetryPolicy{Initial: time.Second, Max: 5 * time.Second, Multiplier: 2}}
	var got []time.Duration
	for _, d := range retryOut(&g).GetCustomizedBackoff().GetNext() {
		got = append(got, d.AsDuration())
	}
	if want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	if n := len(retryOut(&mq.Group{MaxAttempts: 100_000}).GetCustomizedBackoff().GetNext()); n > maxRetrySteps {
		t.Errorf("%d steps", n)
	}
}

func TestFiltersOfAGroupAreRememberedWithinBounds(t *testing.T) {
	s := newSkews()
	key := skewKey{}
	if _, known := s.swap(key, mq.Filter{Expression: "a"}); known {
		t.Error("known before the first")
	}
	if before, known := s.swap(key, mq.Filter{Expression: "b"}); !known || before.Expression != "a" {
		t.Error("the one before is lost")
	}
}

func TestParkedPollsAreBounded(t *testing.T) {
	p, c := newPolls(), someone(t)
	var all []*poll
	enter := func(group string) error {
		g, err := mq.ParsePhysical(group)
		if err != nil {
			t.Fatal(err)
		}
		one := &poll{caller: c, group: &catalog.Group{Group: mq.Group{Name: g}}}
		if err := p.enter(one); err != nil {
			return err
		}
		all = append(all, one)
		return nil
	}
	for range maxGroupPolls {
		if err := enter("a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := enter("a"); mq.KindOf(err) != mq.TooManyRequests {
		t.Errorf("one too many of a group: %v", err)
	}
	for range maxTenantPolls - maxGroupPolls {
		if err := enter("b"); err != nil {
			t.Fatal(err)
		}
	}
	if err := enter("c"); mq.KindOf(err) != mq.TooManyRequests {
		t.Errorf("one too many of a tenant: %v", err)
	}
	for _, one := range all {
		p.leave(one)
	}
	if len(p.byGroup)+len(p.byTenant)+len(p.waiting) != 0 {
		t.Error("places that nobody holds are remembered")
	}
}
