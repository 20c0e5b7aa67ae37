// SPDX-License-Identifier: Apache-2.0

package outage_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
)

// Processes: the control plane and its database are away for the whole run, a proxy is restarted meanwhile, and no call fails.
func TestNoCallFailsWhileTheControlPlaneIsDead(t *testing.T) {
	t.Parallel()
	withoutAControlPlane(t, overFakes(t))
}

// newcomers is how many tenants are made while proxies hear of nothing: they take all of them in one step, once somebody tells them.
const newcomers = 20

// withoutAControlPlane gives the control plane and the proxies that are there in the end.
func withoutAControlPlane(t *testing.T, s *site) (*process, []*town.Process) {
	t.Helper()
	control := s.rules()
	key := control.provides("pay")
	one, two := s.proxy(1), s.proxy(2)
	ids := &crowd.IDs{}
	l1, l2 := begin(t, one, "host@1", key, ids), begin(t, two, "host@2", key, ids)
	calm := func(when string, loads ...*load) {
		for i, l := range loads {
			t.Logf("%s: load %d of %d rested %v between two sends at most", when, i+1, len(loads), l.pause().Round(time.Millisecond))
		}
	}
	l1.goesOn(t, 50)
	l2.goesOn(t, 50)
	calm("with a control plane", l1, l2)
	control.kill()
	away := s.database + ".away"
	if err := os.Rename(s.database, away); err != nil {
		t.Fatal(err)
	}
	l1.goesOn(t, 200)
	l2.goesOn(t, 200)
	calm("without control plane and database", l1, l2)
	l2.ends(t, "second proxy, until its restart")
	two.Kill()
	two = s.proxy(2)
	if text := two.Ask(t, "/v1/doctor"); !strings.Contains(text, "from disk") {
		t.Errorf("the proxy that was restarted does not say that it serves from disk: %s", text)
	}
	l2 = begin(t, two, "host@3", key, ids)
	l2.goesOn(t, 200)
	l1.goesOn(t, 200)
	calm("after the restart of the second proxy", l1, l2)
	if err := os.Rename(away, s.database); err != nil {
		t.Fatal(err)
	}
	elsewhere := s.rulesAt(town.Free(t)) // where no proxy looks
	var newcomer [2]string
	for i := range newcomers {
		newcomer = elsewhere.provides(fmt.Sprint("new-", i))
	}
	elsewhere.kill()
	calm("while nobody hears of what is made", l1, l2)
	control = s.rules()
	for _, p := range []*town.Process{one, two} {
		c := crowd.Dial(t, p, "host@new")
		c.Key = newcomer
		crowd.Eventually(t, "the proxy knows what was made meanwhile", func() bool {
			_, err := c.Send(crowd.Letter("orders", ids.Next(), "x"))
			return err == nil
		})
		if text := p.Ask(t, "/v1/doctor"); !strings.Contains(text, "of "+s.address) {
			t.Error(text)
		}
	}
	l1.goesOn(t, 50)
	l2.goesOn(t, 50)
	calm(fmt.Sprintf("while %d tenants are taken at once", newcomers), l1, l2)
	l1.ends(t, "first proxy")
	l2.ends(t, "second proxy, after its restart")
	return control, []*town.Process{one, two}
}

// Processes: a key that is revoked ends at every proxy, and so does what was open by it. What it takes is told and not judged here, since a busy machine makes
// anything late: that nothing waits for time to pass is shown by TestARevocationWaitsForNoTimeToPass.
func TestARevokedKeyEndsAtEveryProxyProcess(t *testing.T) {
	s := overFakes(t)
	control := s.rules()
	key, other := control.provides("pay"), control.provides("ship")
	proxies := []*town.Process{s.proxy(1), s.proxy(2)}
	streams, polls, untouched := make(chan waiting, len(proxies)), make(chan waiting, len(proxies)), make(chan waiting, 1)
	var calls sync.WaitGroup
	t.Cleanup(calls.Wait)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	// parks asks for messages, again whenever there was none, until it is refused.
	parks := func(c *crowd.Client, to chan<- waiting) {
		calls.Go(func() {
			for {
				_, err := c.Receive(crowd.Receiving{Topic: "orders", Group: "billing", Max: 1, Hold: 30 * time.Second, Poll: 5 * time.Second})
				var refused crowd.StatusError
				if errors.As(err, &refused) {
					to <- waiting{refused.GetCode(), time.Now()}
					return
				}
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	var clients []*crowd.Client
	for i, p := range proxies {
		c := crowd.Dial(t, p, fmt.Sprint("host@", i))
		c.Key = key
		err := c.Listen(crowd.PushConsumerOf("billing", "orders"), func(m *v2.TelemetryCommand) {
			if m.GetStatus().GetCode() == v2.Code_UNAUTHORIZED {
				streams <- waiting{m.GetStatus().GetCode(), time.Now()}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		parks(c, polls)
		clients = append(clients, c)
	}
	bystander := crowd.Dial(t, proxies[0], "host@z")
	bystander.Key = other
	parks(bystander, untouched)
	crowd.Eventually(t, "the calls wait at the brokers", func() bool { return s.fake.Parked() >= len(proxies)+1 })
	begun := time.Now()
	control.asks("DELETE", "/v1/tenants/pay/apps/app/keys/"+key[0])
	answered := time.Since(begun)
	var latest time.Duration
	for range proxies {
		for what, from := range map[string]chan waiting{"a stream": streams, "a call that waits": polls} {
			select {
			case w := <-from:
				if w.status != v2.Code_UNAUTHORIZED {
					t.Errorf("%s: %v", what, w.status)
				}
				latest = max(latest, w.at.Sub(begun))
			case <-time.After(time.Minute):
				t.Fatalf("%s is open a minute later", what)
			}
		}
	}
	for _, c := range clients {
		_, err := c.Send(crowd.Letter("orders", "01AB", "x"))
		var refused crowd.StatusError
		if !errors.As(err, &refused) || refused.GetCode() != v2.Code_UNAUTHORIZED {
			t.Errorf("a send with the revoked key: %v", err)
		}
		if answer := firstWord(t, c); answer.GetStatus().GetCode() != v2.Code_UNAUTHORIZED {
			t.Errorf("a stream with the revoked key begins with %v", answer)
		}
	}
	select {
	case w := <-untouched:
		t.Errorf("another tenant's call was answered: %v", w.status)
	default:
	}
	t.Logf("revoked after %v, the last of %d streams and calls closed after %v", answered.Round(time.Millisecond), 2*len(proxies), latest.Round(time.Millisecond))
}

// firstWord opens a client's stream and gives what it is told first.
func firstWord(t *testing.T, c *crowd.Client) *v2.TelemetryCommand {
	t.Helper()
	ctx, cancel := c.Context()
	defer cancel()
	stream, err := c.Telemetry(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: crowd.PushConsumerOf("billing", "orders")}}); err != nil {
		t.Fatal(err)
	}
	word, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return word
}
