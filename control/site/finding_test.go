// SPDX-License-Identifier: Apache-2.0

package site

import (
	"testing"

	"github.com/causeway-mq/causeway/mq"
)

func TestWhatIsNotKnownIsNoNumber(t *testing.T) {
	cluster, err := mq.ParseCluster("east")
	if err != nil {
		t.Fatal(err)
	}
	at := mq.ClusterState{Cluster: cluster, Engine: "rocketmq", Healthy: true, Writable: true, Scheduled: -1, Halves: -1, Leased: -1}
	if got := Findings(at, nil); len(got) != 1 || got[0].Detail != "rocketmq, cluster east" {
		t.Errorf("of an engine that counts nothing: %+v", got)
	}
	at.Scheduled, at.Leased, at.DiskUsed = 3, 0, 2048
	if got := Findings(at, nil); len(got) != 2 || got[0].Detail != "rocketmq, cluster east: 3 scheduled, 0 leased" || got[1].Detail != "2.0 KiB used" {
		t.Errorf("of one that counts: %+v", got)
	}
}
