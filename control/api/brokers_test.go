// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func TestTheServersOfAClusterAreForTheInstallationsPeople(t *testing.T) {
	s, _ := guardedSite(t)
	operator := s.token("/v1", "operator")
	all := read[wire.Brokers](t, s.send("GET", "/v1/clusters/test/brokers", "", as(operator.Secret)))
	if all.Cluster != "test" || len(all.Items) != 2 || len(all.Controllers) != 1 || !all.Controllers[0].Leader {
		t.Fatalf("%+v", all)
	}
	first, second := all.Items[0], all.Items[1]
	if first.Role != "primary" || *first.ID != 0 || *first.PutRate != 12.5 || *first.DiskUse != 0.42 || *first.LogFrom != 0 || *first.LogTo != 9000 || *first.Behind != 0 || !*first.InSync || first.Version != "V5_5_0" {
		t.Errorf("%+v", first)
	}
	// What nobody tells is left out; it is not 0.
	if second.Role != "secondary" || second.PutRate != nil || second.LogTo != nil || second.Behind != nil || second.DiskUse != nil || *second.InSync || second.Why == "" {
		t.Errorf("%+v", second)
	}
	for place, role := range map[string]string{"/v1": "viewer", "/v1/tenants/default": "tenant-admin"} {
		if r := s.send("GET", "/v1/clusters/test/brokers", "", as(s.token(place, role).Secret)); r.status != 403 || strings.Contains(string(r.body), "10.0.0") {
			t.Errorf("%s of %s: %d %s", role, place, r.status, r.body)
		}
	}
	for path, status := range map[string]int{"/v1/clusters/none/brokers": 404, "/v1/clusters/a%2Fb/brokers": 400} {
		if r := s.send("GET", path, "", as(operator.Secret)); r.status != status {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	s.engine.Fail = func(verb string) error {
		if verb == "Nodes" {
			return mq.Refuse(mq.Unavailable, "no name server answers")
		}
		return nil
	}
	if r := s.send("GET", "/v1/clusters/test/brokers", "", as(operator.Secret)); r.status != 503 {
		t.Errorf("of a cluster that does not answer: %d %s", r.status, r.body)
	}
}
