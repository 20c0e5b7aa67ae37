// SPDX-License-Identifier: Apache-2.0

package failover_test

import (
	"slices"
	"testing"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/test/town"
)

// tellsOfEachServer: the engine tells which process is the primary, how far its log reaches, which copies are in sync, which is a learner and never so, and that the controller leads.
func tellsOfEachServer(t *testing.T, w *town.Town) {
	t.Helper()
	address := primary(t, w).Address
	var all mq.Nodes
	waitFor(t, "a copy in sync beside the primary, and rates, which brokers have after ten seconds", func() bool {
		var err error
		if all, err = w.Engine.Nodes(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(all.Nodes) == 3 && len(of(all, mq.InSync)) == 2 && !slices.ContainsFunc(all.Nodes, func(n mq.Node) bool { return n.PutRate < 0 || n.GetRate < 0 })
	})
	if len(all.Controllers) != 1 || !all.Controllers[0].Leader || all.Controllers[0].Why != "" {
		t.Errorf("controllers: %+v", all.Controllers)
	}
	for _, n := range all.Nodes {
		if n.Primary != (n.Address == address) || n.Broker != "broker-a" || n.Version == "" || n.Why != "" || n.To <= 0 || n.From < 0 || n.From > n.To || n.Behind < 0 || n.Disk < 0 {
			t.Errorf("a server says %+v", n)
		}
	}
	if left := of(all, mq.NotInSync); !slices.Contains(of(all, mq.InSync), address) || len(left) != 1 {
		t.Errorf("in sync are %v, not in sync %v, the primary is %s", of(all, mq.InSync), left, address)
	}
}

// of lists the addresses of the servers that are known to be in sync, or not to be.
func of(all mq.Nodes, is mq.Sync) (some []string) {
	for _, n := range all.Nodes {
		if n.InSync == is {
			some = append(some, n.Address)
		}
	}
	return some
}
