// SPDX-License-Identifier: Apache-2.0

package twodoors_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
)

// shop is Apache's proxy and Causeway before one cluster, with a client at each that says what it is, as Apache's proxy demands.
type shop struct {
	*town.Town
	ids    crowd.IDs
	proxy  *town.Process
	ours   *crowd.Client
	theirs *crowd.Client
}

func newShop(t *testing.T) *shop {
	t.Helper()
	t.Parallel()
	w := town.New(t, "broker-a", "broker-b")
	apache, err := w.Cluster.ApacheProxy(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	proxy := w.Open()
	return &shop{Town: w, proxy: proxy, ours: crowd.Dial(t, proxy, "ours"), theirs: crowd.Dial(t, crowd.Elsewhere{Address: apache.Address}, "theirs")}
}

// consumer is a client of its own that consumes in a group.
func (s *shop) consumer(at *crowd.Client, name, group, topic string) *crowd.Client {
	s.T.Helper()
	c := crowd.Dial(s.T, crowd.Elsewhere{Address: at.Conn.Target()[len("passthrough:///"):]}, name)
	settings := crowd.PushConsumerOf(group, topic)
	settings.ClientType = v2.ClientType_SIMPLE_CONSUMER.Enum()
	if err := c.Listen(settings, func(*v2.TelemetryCommand) {}); err != nil {
		s.T.Fatal(err)
	}
	return c
}

func (s *shop) fifo(lane, body string) *v2.Message {
	m := crowd.Letter("lanes", s.ids.Next(), body)
	m.SystemProperties.MessageType, m.SystemProperties.MessageGroup = v2.MessageType_FIFO, &lane
	return m
}

// takes receives and acknowledges until it has n bodies, or demands in vain.
func (s *shop) takes(c *crowd.Client, topic, group string, n int) (bodies []string) {
	s.T.Helper()
	end := time.Now().Add(time.Minute)
	for len(bodies) < n && time.Now().Before(end) {
		got, err := c.Receive(crowd.Receiving{Topic: topic, Group: group, Max: 16, Hold: 20 * time.Second, Poll: 5 * time.Second})
		if err != nil {
			s.T.Fatalf("%s receives: %v", c.Name, err)
		}
		for _, m := range got {
			if err := c.Ack(topic, group, m); err != nil {
				s.T.Fatalf("%s acknowledges: %v", c.Name, err)
			}
			bodies = append(bodies, string(m.GetBody()))
		}
	}
	if len(bodies) != n {
		s.T.Fatalf("%s got %d of %s, want %d: %v", c.Name, len(bodies), topic, n, bodies)
	}
	return bodies
}

// TestApachesProxyAndCausewayOnARealCluster: both stand before one cluster at once; whoever changes the one address that he was given finds everything as it was.
func TestApachesProxyAndCausewayOnARealCluster(t *testing.T) {
	s := newShop(t)
	at := map[string]*crowd.Client{"ours": s.ours, "theirs": s.theirs}
	other := map[string]string{"ours": "theirs", "theirs": "ours"}

	t.Run("sent through either, received through the other", func(t *testing.T) {
		for name, sender := range at {
			for i := range 8 {
				crowd.SendOK(t, sender, crowd.Letter("plain", s.ids.Next(), fmt.Sprint(name, "-", i)))
			}
			receiver := s.consumer(at[other[name]], "plain-"+name, "billing", "plain")
			got := s.takes(receiver, "plain", "billing", 8)
			slices.Sort(got)
			if want := fmt.Sprint(name, "-0"); got[0] != want || len(slices.Compact(got)) != 8 {
				t.Errorf("through %s came %v", other[name], got)
			}
		}
	})

	t.Run("one group at both", func(t *testing.T) {
		const n = 64
		for i := range n {
			crowd.SendOK(t, at[[]string{"ours", "theirs"}[i%2]], crowd.Letter("plain", s.ids.Next(), fmt.Sprint("shared-", i)))
		}
		members := []*crowd.Client{s.consumer(s.ours, "member-ours", "billing", "plain"), s.consumer(s.theirs, "member-theirs", "billing", "plain")}
		seen, by := map[string]int{}, map[string]int{}
		end := time.Now().Add(time.Minute)
		for len(seen) < n && time.Now().Before(end) {
			for _, c := range members {
				got, err := c.Receive(crowd.Receiving{Topic: "plain", Group: "billing", Max: 4, Hold: 30 * time.Second, Poll: 5 * time.Second})
				if err != nil {
					t.Fatalf("%s: %v", c.Name, err)
				}
				for _, m := range got {
					seen[string(m.GetBody())]++
					by[c.Name]++
					if err := c.Ack("plain", "billing", m); err != nil {
						t.Fatalf("%s: %v", c.Name, err)
					}
				}
			}
		}
		for body, times := range seen {
			if times != 1 {
				t.Errorf("%s came %d times", body, times)
			}
		}
		if len(seen) != n || by["member-ours"] == 0 || by["member-theirs"] == 0 {
			t.Errorf("%d of %d came, %v", len(seen), n, by)
		}
	})

	t.Run("an order sent through both", func(t *testing.T) {
		var want []string
		for i := range 20 {
			body := fmt.Sprint("step-", i)
			want = append(want, body)
			crowd.SendOK(t, at[[]string{"ours", "theirs"}[i%2]], s.fifo("lane-1", body))
		}
		if got := s.takes(s.consumer(s.ours, "ordered-ours", "in-order", "lanes"), "lanes", "in-order", 20); !slices.Equal(got, want) {
			t.Errorf("through Causeway came %v", got)
		}
		for i := range 20 {
			crowd.SendOK(t, at[[]string{"theirs", "ours"}[i%2]], s.fifo("lane-2", want[i]))
		}
		if got := s.takes(s.consumer(s.theirs, "ordered-theirs", "in-order", "lanes"), "lanes", "in-order", 20); !slices.Equal(got, want) {
			t.Errorf("through Apache's proxy came %v", got)
		}
	})

	t.Run("transactions and delays", func(t *testing.T) {
		for name, sender := range at {
			half := crowd.Letter("pay", s.ids.Next(), "paid-"+name)
			half.SystemProperties.MessageType = v2.MessageType_TRANSACTION
			sent := crowd.SendOK(t, sender, half)
			if err := sender.Settle(crowd.Ending{Topic: "pay", ID: half.SystemProperties.MessageId, Transaction: sent.TransactionId, Commit: true, From: v2.TransactionSource_SOURCE_CLIENT}); err != nil {
				t.Fatalf("commit at %s: %v", name, err)
			}
			if got := s.takes(s.consumer(at[other[name]], "pay-"+name, "settling", "pay"), "pay", "settling", 1); got[0] != "paid-"+name {
				t.Errorf("got %v", got)
			}
			later := crowd.Letter("later", s.ids.Next(), "later-"+name)
			later.SystemProperties.MessageType = v2.MessageType_DELAY
			later.SystemProperties.DeliveryTimestamp = timestamppb.New(time.Now().Add(3 * time.Second))
			crowd.SendOK(t, sender, later)
			if got := s.takes(s.consumer(at[other[name]], "later-"+name, "waiting", "later"), "later", "waiting", 1); got[0] != "later-"+name {
				t.Errorf("got %v", got)
			}
		}
	})

	t.Run("its doctor and its list of clients", func(t *testing.T) {
		for path, words := range map[string][]string{
			"/v1/doctor": {`"cluster DefaultCluster"`, "2 primaries answer", `"cluster DefaultCluster broker broker-a flushDiskType"`, `"cluster DefaultCluster broker broker-b brokerRole"`, `"authentication"`},
			"/clients":   {`"client": "ordered-ours"`, `"group": "in-order"`, `"kind": "simple_consumer"`}, // brokers do not know them
			"/metrics":   {`rocketmq_consumer_ready_messages{consumer_group="billing"`},
		} {
			text := s.proxy.Ask(t, path)
			for _, word := range words {
				if !strings.Contains(text, word) {
					t.Errorf("%s says nothing of %s:\n%s", path, word, text[:min(len(text), 2000)])
				}
			}
		}
	})

	t.Run("a topic and a group that came later", func(t *testing.T) {
		if err := s.Add(t.Context(), "fresh", "newcomers"); err != nil {
			t.Fatal(err)
		}
		crowd.SendOK(t, s.ours, crowd.Letter("fresh", s.ids.Next(), "hello"))
		if got := s.takes(s.consumer(s.ours, "newcomer", "newcomers", "fresh"), "fresh", "newcomers", 1); got[0] != "hello" {
			t.Errorf("got %v", got)
		}
		if _, err := s.ours.Send(crowd.Letter("nowhere", s.ids.Next(), "x")); err == nil || !strings.Contains(err.Error(), "TOPIC_NOT_FOUND") {
			t.Errorf("a topic that does not exist, where brokers make none: %v", err)
		}
	})
}
