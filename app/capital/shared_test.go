// SPDX-License-Identifier: Apache-2.0

package capital

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/causeway-mq/causeway/app/follow"
	"github.com/causeway-mq/causeway/internal/testkit/pgtest"
	"github.com/causeway-mq/causeway/test/crowd"
)

var postgres = pgtest.New()

func TestMain(m *testing.M) { os.Exit(postgres.Run(m)) }

// sealingKeys is the file of the keys that all who use a database must have.
func sealingKeys(t *testing.T) string {
	t.Helper()
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = byte(i)
	}
	return written(t, "keys", base64.StdEncoding.EncodeToString(raw)+"\n")
}

// Two control planes over one database: what is changed at one holds at the other, and at the proxies that follow that one; when one dies the other goes on.
func TestTheStoreIsSharedByTwoControlPlanes(t *testing.T) {
	url, keys := postgres.Database(t), sealingKeys(t)
	var planes []*ruled
	for range 2 {
		c := good(t)
		c.Store.Postgres.URL, c.Store.Keys = url, keys
		r := rule(t, c)
		crowd.Eventually(t, "the control plane is ready", func() bool { return strings.Contains(ask(t, r.url+"/readyz"), `"ready"`) })
		planes = append(planes, r)
	}
	a, b := planes[0], planes[1]
	a.do("POST", "/v1/tenants", map[string]any{"id": "pay"})
	crowd.Eventually(t, "the other one knows the tenant", func() bool { return strings.Contains(ask(t, b.url+"/v1/tenants"), `"pay"`) })
	key, _ := b.do("POST", "/v1/tenants/pay/apps", map[string]any{"name": "ledger", "owner": true})["key"].(map[string]any)
	_, at, _ := follower(t, follow.Config{URLs: []string{b.url}, Token: proxyToken, Cache: filepath.Join(t.TempDir(), "cache")})
	client := crowd.Dial(t, at, "host@1@0@1")
	client.Key = [2]string{fmt.Sprint(key["id"]), fmt.Sprint(key["secret"])}
	crowd.Eventually(t, "the proxy knows the key", func() bool { return beats(client) == v2.Code_OK })
	crowd.Eventually(t, "the first one knows the application", func() bool { return strings.Contains(ask(t, a.url+"/v1/tenants/pay/apps"), `"ledger"`) })
	began := time.Now()
	a.do("DELETE", "/v1/tenants/pay/apps/ledger/keys/"+fmt.Sprint(key["id"]), nil)
	crowd.Eventually(t, "a key that was revoked at one is refused by who follows the other", func() bool { return beats(client) == v2.Code_UNAUTHORIZED })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	a.end()
	b.do("POST", "/v1/tenants", map[string]any{"id": "bank"})
	if got := ask(t, b.url+"/v1/audit/verification"); !strings.Contains(got, `"broken": []`) {
		t.Errorf("the chain of two writers: %s", got)
	}
}
