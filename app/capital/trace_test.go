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
	"time"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/follow"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/test/crowd"
)

// A message is sent at one proxy and consumed at another one: the control plane asks both, and names the one that has gone.
func TestATraceIsPutTogetherFromAllProxies(t *testing.T) {
	fake := fakebroker.New(fakebroker.Options{})
	t.Cleanup(fake.Close)
	c := good(t)
	c.Clusters = []app.ClusterConfig{{Name: "DefaultCluster", NameServers: fake.NameServers()}}
	plane := &ruled{t: t, url: "http://" + c.HTTP}
	plane.part = run(t, func(ctx context.Context) error {
		return Run(ctx, Options{Config: c, Out: new(bytes.Buffer), Log: obs.NewLogger(testWriter{t}, slog.LevelError), Dial: fake.Dial})
	})
	crowd.Eventually(t, "the control plane is ready", func() bool { return strings.Contains(ask(t, plane.url+"/readyz"), `"ready"`) })
	plane.do("POST", "/v1/tenants", map[string]any{"id": "pay"})
	key, _ := plane.do("POST", "/v1/tenants/pay/apps", map[string]any{"name": "ledger", "owner": true})["key"].(map[string]any)
	plane.do("POST", "/v1/tenants/pay/topics", map[string]any{"name": "orders"})
	plane.do("POST", "/v1/tenants/pay/groups", map[string]any{"name": "billing", "from": "earliest"})
	var parts [2]*part
	var clients [2]*crowd.Client
	for i := range parts {
		p := app.DefaultProxyConfig()
		p.Listen, p.HTTP, p.Clusters, p.Zone = freeAddress(t), freeAddress(t), c.Clusters, fmt.Sprint("az", i+1)
		p.Control = follow.Config{URLs: []string{plane.url}, Token: proxyToken, Cache: filepath.Join(t.TempDir(), "cache")}
		parts[i] = run(t, func(ctx context.Context) error {
			return app.Proxy(ctx, app.ProxyOptions{Config: p, Out: new(bytes.Buffer), Log: obs.NewLogger(testWriter{t}, slog.LevelError), Dial: fake.Dial})
		})
		clients[i] = crowd.Dial(t, crowd.Elsewhere{Address: p.Listen}, fmt.Sprintf("client@%d", i+1))
		clients[i].Key = [2]string{fmt.Sprint(key["id"]), fmt.Sprint(key["secret"])}
	}
	const id = "0100000000000000000000000000000001"
	crowd.Eventually(t, "it is sent by way of the first proxy", func() bool { _, err := clients[0].Send(crowd.Letter("orders", id, "hello")); return err == nil })
	crowd.Eventually(t, "it is consumed by way of the second proxy", func() bool {
		got, err := clients[1].Receive(crowd.Receiving{Topic: "orders", Group: "billing", Max: 1, Hold: time.Minute, Poll: time.Second})
		return err == nil && len(got) == 1 && clients[1].Ack("orders", "billing", got[0]) == nil
	})
	path := "/v1/tenants/pay/topics/orders/messages/" + id + "/trace"
	told := func(state string) (a wire.Trace) {
		crowd.Eventually(t, "both are named, the first one "+state, func() bool {
			a = wire.Trace{}
			if err := json.Unmarshal(crowd.Must(json.Marshal(plane.do("GET", path, nil))), &a); err != nil {
				t.Fatal(err)
			}
			states := map[string]string{}
			for _, r := range a.Recorded {
				states[r.Zone] = r.State
				if r.State == "silent" {
					states["az1"] = r.State
				}
			}
			return len(a.Recorded) == 2 && states["az1"] == state && states["az2"] == "answered"
		})
		return a
	}
	a := told("answered")
	zones := map[string]string{}
	for _, e := range a.Events {
		if e.Source == "proxy" {
			zones[e.Kind] += e.Zone
		}
	}
	if zones["produced"] != "az1" || zones["stored"] != "az1" || zones["delivered"] != "az2" || zones["acked"] != "az2" {
		t.Errorf("%v of %+v", zones, a.Events)
	}
	parts[0].end()
	a = told("silent")
	kinds := map[string]string{}
	for _, e := range a.Events {
		kinds[e.Kind] += e.Source
	}
	if kinds["produced"] != "" || kinds["stored"] != "store" || kinds["delivered"] != "proxy" || a.Recorded[0].Heard == nil && a.Recorded[1].Heard == nil {
		t.Errorf("%v, %+v", kinds, a.Recorded)
	}
}
