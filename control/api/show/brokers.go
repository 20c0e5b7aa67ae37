// SPDX-License-Identifier: Apache-2.0

package show

import (
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// Brokers is the servers of a cluster.
func Brokers(c mq.Cluster, n mq.Nodes) wire.Brokers {
	out := wire.Brokers{Cluster: c.String(), Items: []wire.Broker{}, Controllers: []wire.Controller{}}
	for _, one := range n.Nodes {
		b := wire.Broker{
			Name: one.Broker, ID: told(one.ID), Address: one.Address, Role: "secondary", Version: one.Version, PutRate: told(one.PutRate), GetRate: told(one.GetRate), DiskUse: told(one.Disk),
			LogFrom: told(one.From), LogTo: told(one.To), Behind: told(one.Behind), Why: one.Why,
		}
		if one.Primary {
			b.Role = "primary"
		}
		if one.InSync != mq.SyncUnknown {
			in := one.InSync == mq.InSync
			b.InSync = &in
		}
		out.Items = append(out.Items, b)
	}
	for _, one := range n.Controllers {
		out.Controllers = append(out.Controllers, wire.Controller{Address: one.Address, Leader: one.Leader, Why: one.Why})
	}
	return out
}

// told is a figure, nil where nobody tells it.
func told[N int64 | float64](n N) *N {
	if n < 0 {
		return nil
	}
	return &n
}
