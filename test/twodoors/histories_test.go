// SPDX-License-Identifier: Apache-2.0

package twodoors_test

import (
	"os"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/test/crowd"
	"github.com/causeway-mq/causeway/test/town"
	"github.com/causeway-mq/causeway/tools/rocketmq/cluster"
)

// TestHistoriesOnARealCluster: what a crowd saw of two proxies that were killed and replaced under load holds no loss, no unexplained repeat, no broken
// order and no transaction that ended another way than it was settled.
func TestHistoriesOnARealCluster(t *testing.T) {
	// Brokers ask about a transaction that is 6 s old, not 2: within a stall of a busy machine they would ask about one whose verdict is on its way, and
	// two verdicts deliver it twice.
	checks := map[string]string{"transactionCheckInterval": "3000", "transactionTimeOut": "6000"}
	w := town.NewOf(t, remoting.Credentials{}, cluster.Broker{Name: "broker-a", Settings: checks}, cluster.Broker{Name: "broker-b", Settings: checks})
	crowd.New(t, w.Ground()).KillAndReplace(4)
}

// TestLongHistoriesOnARealCluster is TestHistoriesOnARealCluster ten times as long, with ten proxies killed and replaced: make test-cluster-long.
func TestLongHistoriesOnARealCluster(t *testing.T) {
	if os.Getenv("CAUSEWAY_LONG") == "" {
		t.Skip("takes many minutes: set CAUSEWAY_LONG=1, as make test-cluster-long does")
	}
	// Checks of transactions come as often as in production. The short rest of the other tests is shorter than the stalls of a busy machine, in which a broker
	// asks about a transaction again whose verdict it has and has not noted; two answers deliver it twice.
	checks := map[string]string{"transactionCheckInterval": "30000", "transactionTimeOut": "6000", "transactionOpBatchInterval": "3000"}
	w := town.NewOf(t, remoting.Credentials{}, cluster.Broker{Name: "broker-a", Settings: checks}, cluster.Broker{Name: "broker-b", Settings: checks})
	on := w.Ground()
	on.Least = crowd.Load{Sent: 200_000, Settled: 150_000}
	on.Rest = 150 * time.Second // four looks at the transactions that are left
	crowd.New(t, on).KillAndReplace(20)
}
