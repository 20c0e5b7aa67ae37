// SPDX-License-Identifier: Apache-2.0

package failover_test

import (
	"os"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// forgets is how long ago a delivery may have been of which a copy knows nothing: copies ask for offsets every twelve seconds at the latest, and the
// call for them takes its time.
const forgets = 20 * time.Second

// TestLongHistoriesWhileAPrimaryDies: what a crowd saw of two proxies while the primary was killed, replaced and came back holds no loss, no broken
// order, no transaction that ended another way than it was settled, and nothing that came again without a cause.
func TestLongHistoriesWhileAPrimaryDies(t *testing.T) {
	if os.Getenv("CAUSEWAY_LONG") == "" {
		t.Skip("takes minutes: set CAUSEWAY_LONG=1, as make test-cluster-long does")
	}
	for _, mode := range []cluster.Mode{cluster.Safe, cluster.Available} {
		t.Run(string(mode), func(t *testing.T) {
			w := group(t, mode)
			w.Copied("broker-a") // a primary that is elected earlier does not know the topics
			on := w.Ground()
			on.Rules.Forgets, on.Breath, on.Least = forgets, 20*time.Millisecond, crowd.Load{Sent: 6000, Settled: 4000}
			c := crowd.New(t, on)
			c.Play(func() {
				c.Until(2000)
				c.FailOver(func() {
					victim, killed := primary(t, w), time.Now()
					if err := victim.Kill(); err != nil {
						t.Error(err)
					}
					if mode == cluster.Available {
						c.Until(4000)
						t.Logf("2,000 more %v after the kill, on one copy", time.Since(killed).Round(10*time.Millisecond))
					}
					if err := victim.Start(t.Context()); err != nil {
						t.Error(err)
					}
					if err := w.Cluster.InSync(t.Context(), "broker-a", 2); err != nil {
						t.Error(err)
					}
					t.Logf("two copies in sync %v after the kill", time.Since(killed).Round(10*time.Millisecond))
				})
				c.Until(6000)
			})
		})
	}
}
