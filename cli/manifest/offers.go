// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// Some clusters have a topic's durability and retention as settings of their brokers, for all topics alike. The server refuses a topic that asks for one there; a plan says so
// before anything is done.

// offers are the clusters on which tenants can make topics, as far as they were asked for.
type offers struct {
	call *call.Call
	of   map[string][]wire.OfferedCluster
}

// judge notes what stands against changes of topics.
func (o offers) judge(ctx context.Context, steps []Step) error {
	o.of = map[string][]wire.OfferedCluster{}
	for i := range steps {
		s := &steps[i]
		if s.Object.Kind.Name != "Topic" {
			continue
		}
		for n := range s.Changes {
			change := &s.Changes[n]
			if change.Why != "" || change.Field != "durability" && change.Field != "retention" {
				continue
			}
			at, ok, err := o.at(ctx, s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.Object.Place, err)
			}
			if ok && slices.Contains(at.BrokerSettings, change.Field) {
				change.Why = "a setting of the brokers of cluster " + at.Name + ", for all topics alike: leave it out, and have it set there"
			}
		}
	}
	return nil
}

// at is the cluster of a step's topic; false where the server does not tell.
func (o offers) at(ctx context.Context, s *Step) (wire.OfferedCluster, bool, error) {
	tenant := s.Object.Tenant()
	all, asked := o.of[tenant]
	if !asked {
		var err error
		if all, err = o.ask(ctx, tenant); err != nil {
			return wire.OfferedCluster{}, false, err
		}
		o.of[tenant] = all
	}
	name := s.Object.cluster()
	if s.Live != nil {
		name = s.Live.cluster()
	}
	i := slices.IndexFunc(all, func(c wire.OfferedCluster) bool { return c.Name == name || name == "" && c.Default })
	if i < 0 {
		return wire.OfferedCluster{}, false, nil
	}
	return all[i], true, nil
}

// ask asks for a tenant's clusters, or for all of them where the tenant is still to be made.
func (o offers) ask(ctx context.Context, tenant string) ([]wire.OfferedCluster, error) {
	all, err := call.Everything[wire.OfferedCluster](ctx, o.call, "/v1/tenants/"+tenant+"/clusters")
	if gone(err) {
		all, err = call.Everything[wire.OfferedCluster](ctx, o.call, "/v1/clusters")
	}
	var refused *call.Refused
	if gone(err) || errors.As(err, &refused) && refused.Status == http.StatusForbidden {
		return nil, nil // the server judges when the topic is made
	}
	return all, err
}

// cluster is where a document says that a topic is, "" where it says nothing.
func (o Object) cluster() string {
	if t, ok := o.doc.(*topic); ok && t.Cluster != nil {
		return string(*t.Cluster)
	}
	return ""
}
