// SPDX-License-Identifier: Apache-2.0

package capital

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/follow"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/test/crowd"
)

// clients asks a control plane who is connected.
func clients[T any](t *testing.T, url string) T {
	t.Helper()
	var out T
	if err := json.Unmarshal([]byte(ask(t, url)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func listens(t *testing.T, at crowd.Entrance, name string, key [2]string, s *v2.Settings) {
	t.Helper()
	c := crowd.Dial(t, at, name)
	c.Key = key
	crowd.Eventually(t, "the proxy knows the key", func() bool { return beats(c) == v2.Code_OK })
	if err := c.Listen(s, func(*v2.TelemetryCommand) {}); err != nil {
		t.Fatal(err)
	}
}

// A client with streams at two proxies is listed once by the control plane that both follow; a proxy that stops takes its connections with it.
func TestAControlPlaneKnowsTheClientsOfEveryProxy(t *testing.T) {
	plane := rule(t, good(t))
	crowd.Eventually(t, "the control plane is ready", func() bool { return strings.Contains(ask(t, plane.url+"/readyz"), `"ready"`) })
	dir := t.TempDir()
	plane.do("POST", "/v1/tenants", map[string]any{"id": "pay"})
	key, _ := plane.do("POST", "/v1/tenants/pay/apps", map[string]any{"name": "ledger", "owner": true})["key"].(map[string]any)
	signed := [2]string{fmt.Sprint(key["id"]), fmt.Sprint(key["secret"])}
	var proxies []*part
	for i := range 2 {
		p, at, _ := follower(t, follow.Config{URLs: []string{plane.url}, Token: proxyToken, Cache: filepath.Join(dir, fmt.Sprint(i))})
		proxies = append(proxies, p)
		listens(t, at, "host@1@0@both", signed, crowd.ProducerOf())
		if i == 1 {
			listens(t, at, "host@1@0@one", signed, crowd.ProducerOf())
		}
	}
	page := wire.ClientPage{}
	crowd.Eventually(t, "the control plane knows both clients at both proxies", func() bool {
		page = clients[wire.ClientPage](t, plane.url+"/v1/tenants/pay/clients")
		return len(page.Items) == 2 && len(page.Items[0].Proxies) == 2
	})
	both := page.Items[0]
	if both.ID != "host@1@0@both" || both.App != "ledger" || both.Key != signed[0] || both.Kind != "producer" || !strings.HasPrefix(both.Proxies[0].Address, "127.0.0.1:") || both.Proxies[0].Name == both.Proxies[1].Name {
		t.Errorf("%+v", both)
	}
	if other := clients[wire.ClientPage](t, plane.url+"/v1/tenants/default/clients"); len(other.Items) != 0 {
		t.Errorf("another tenant sees %+v", other)
	}
	proxies[0].end()
	if page := clients[wire.ClientPage](t, plane.url+"/v1/tenants/pay/clients"); len(page.Items) != 2 || len(page.Items[0].Proxies) != 1 || len(page.Unknown) != 0 {
		t.Errorf("after a proxy stopped: %+v", page)
	}
}

// In one process all is as with several.
func TestMembersThatFilterDifferentlyAreFoundInAWholeHouse(t *testing.T) {
	c := app.DefaultConfig()
	c.Data, c.Listen, c.HTTP = t.TempDir(), freeAddress(t), freeAddress(t)
	run(t, func(ctx context.Context) error {
		return app.Up(ctx, app.UpOptions{Config: c, Out: new(bytes.Buffer), Log: obs.NewLogger(testWriter{t}, slog.LevelError)})
	})
	house := &ruled{t: t, url: "http://" + c.HTTP}
	crowd.Eventually(t, "the house is ready", func() bool { return strings.Contains(ask(t, house.url+"/readyz"), `"ready"`) })
	house.do("POST", "/v1/tenants/default/topics", map[string]any{"name": "orders"})
	house.do("POST", "/v1/tenants/default/groups", map[string]any{"name": "billing"})
	for name, tag := range map[string]string{"a": "paid", "b": "paid || open", "c": "paid"} {
		s := crowd.PushConsumerOf("billing", "orders")
		s.GetSubscription().Subscriptions[0].Expression = &v2.FilterExpression{Type: v2.FilterType_TAG, Expression: tag}
		listens(t, crowd.Elsewhere{Address: c.Listen}, "host@1@0@"+name, [2]string{}, s)
	}
	members := wire.GroupClients{}
	crowd.Eventually(t, "all members are known", func() bool {
		members = clients[wire.GroupClients](t, house.url+"/v1/tenants/default/groups/billing/clients")
		return len(members.Items) == 3
	})
	if len(members.Differences) != 1 || members.Differences[0].Topic != "orders" || len(members.Differences[0].Ways) != 2 {
		t.Fatalf("%+v", members.Differences)
	}
	most, least := members.Differences[0].Ways[0], members.Differences[0].Ways[1]
	if most.Clients != 2 || most.Filter != "paid" || least.Clients != 1 || least.Examples[0] != "host@1@0@b" {
		t.Errorf("%+v", members.Differences)
	}
	if m := members.Items[0]; m.Kind != "push_consumer" || m.Group != "billing" || len(m.Topics) != 1 || m.Topics[0].Topic != "orders" || m.Proxies[0].Name != c.Listen {
		t.Errorf("%+v", m)
	}
}
