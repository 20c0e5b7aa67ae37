// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"slices"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/adopt"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/show"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/takeover"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func clusterOperations() []door.Operation {
	return []door.Operation{
		{ID: "listClusters", Method: "GET", Path: "/v1/clusters", Summary: "Lists the clusters, as they were last seen.", Scope: door.Installation, Right: identity.ReadCluster,
			Query: door.Pieces(door.MaxPage), Answer: wire.Page[wire.Cluster]{}, Status: 200, Handle: listClusters},
		{ID: "listBrokers", Method: "GET", Path: "/v1/clusters/{cluster}/brokers", Summary: "Asks the servers of a cluster, its brokers and controllers, how they are doing.", Scope: door.Installation, Right: identity.ReadCluster,
			Answer: wire.Brokers{}, Status: 200, Handle: listBrokers},
		{ID: "listOfferedClusters", Method: "GET", Path: door.OfTenant + "/clusters", Summary: "Lists the clusters on which a tenant's topics and groups can be made.", Scope: door.InTenant, Right: identity.ReadTopic,
			Query: door.Pieces(door.MaxPage), Answer: wire.Page[wire.OfferedCluster]{}, Status: 200, Handle: listOfferedClusters},
		{ID: "listDrift", Method: "GET", Path: "/v1/drift", Summary: "Tells how each cluster differs from what is wanted of it.", Scope: door.Installation, Right: identity.ReadCluster,
			Query: door.Pieces(door.MaxPage), Answer: wire.Page[wire.Drift]{}, Status: 200, Handle: listDrift},
		{ID: "importCluster", Method: "POST", Path: "/v1/clusters/{cluster}/import", Summary: "Takes over what a cluster has, or plans it.", Scope: door.Installation, Right: identity.ImportCluster,
			Request: wire.Import{}, Answer: wire.ImportPlan{}, Status: 200, Handle: importCluster},
	}
}

func listClusters(r *door.Request) (door.Answer, error) {
	return door.Listing(r, r.Plane.Clusters(), func(c control.Cluster) string { return c.Name.String() }, show.Cluster)
}

func listBrokers(r *door.Request) (door.Answer, error) {
	c, err := mq.ParseCluster(r.PathValue("cluster"))
	if err != nil {
		return door.Answer{}, door.In("cluster", err)
	}
	if !slices.ContainsFunc(r.Plane.Clusters(), func(one control.Cluster) bool { return one.Name == c }) {
		return door.Answer{}, mq.Refuse(mq.NotFound, "no cluster %q", c)
	}
	nodes, err := r.Plane.Nodes(r.Context(), c)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(show.Brokers(c, nodes))
}

func listOfferedClusters(r *door.Request) (door.Answer, error) {
	id, err := r.Tenant()
	if err == nil {
		_, err = r.Plane.Tenant(id)
	}
	if err != nil {
		return door.Answer{}, err
	}
	return door.Listing(r, r.Plane.Clusters(), func(c control.Cluster) string { return c.Name.String() }, show.Offered)
}

func listDrift(r *door.Request) (door.Answer, error) {
	return door.Listing(r, r.Plane.Drift(), func(d control.Drift) string { return d.Cluster.String() }, show.Drift)
}

func importCluster(r *door.Request) (door.Answer, error) {
	c, err := mq.ParseCluster(r.PathValue("cluster"))
	if err != nil {
		return door.Answer{}, door.In("cluster", err)
	}
	var want wire.Import
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	tenant, err := mq.ParseTenant(want.Tenant)
	if err != nil {
		return door.Answer{}, door.In("tenant", err)
	}
	what := takeover.Import{Cluster: c, Tenant: tenant, Names: want.Names}
	var items []adopt.Item
	if want.Apply {
		items, err = takeover.Do(r.Context(), r.Plane, r.Actor(), what)
	} else {
		items, err = takeover.Plan(r.Context(), r.Plane, what)
	}
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(show.Imported(what, items, want.Apply))
}
