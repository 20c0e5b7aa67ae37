// SPDX-License-Identifier: Apache-2.0

package outage_test

import (
	"testing"

	"github.com/causeway-mq/causeway/test/town"
)

// The story of TestNoCallFailsWhileTheControlPlaneIsDead before real brokers.
func TestNoCallFailsWhileTheControlPlaneIsDeadOnARealCluster(t *testing.T) {
	w := town.New(t, "broker-a")
	withoutAControlPlane(t, siteOf(t, w, w.Cluster.NameServers(), w.Cluster.Name()))
}
