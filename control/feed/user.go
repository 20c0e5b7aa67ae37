// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/proxy/catalog/wire"
)

// The control plane's user at the brokers is an administrator there, and no proxy may sign as that one (see wire.Mark). A proxy that does is told of, wherever people look; in
// production it is not started with: it gets no first catalog. One that serves from a catalog goes on and is given what is new, since keeping revocations from it would be worse, and
// traffic does not stop for it.

// own are the marks of the control plane's users, under each token that proxies may have, with the cluster.
func own(tokens []string, users map[string]string) map[string]string {
	all := map[string]string{}
	for _, t := range tokens {
		for cluster, user := range users {
			if user != "" {
				all[wire.Mark(t, cluster, user)] = cluster
			}
		}
	}
	return all
}

// shared are the clusters at which a proxy signs as the control plane does, by name.
func (f *Feed) shared(r *http.Request) (clusters []string) {
	for _, mark := range wire.ParseMarks(r.Header.Get(wire.UsersHeader)) {
		if c, ok := f.own[mark]; ok && !slices.Contains(clusters, c) {
			clusters = append(clusters, c)
		}
	}
	slices.Sort(clusters)
	return clusters
}

// unwanted tells a proxy that has nothing to serve from why it gets nothing, "" where it does.
func (f *Feed) unwanted(clusters []string, q url.Values) string {
	if !f.opt.Production || len(clusters) == 0 || q.Has(wire.ByParameter) {
		return ""
	}
	return "it signs at the brokers of " + strings.Join(clusters, ", ") + " as the control plane's own user, an administrator there: in production a proxy has a user of its own (access_key in its configuration)"
}

// noted says once that a proxy signs as the control plane does, and once that it does no more.
func (f *Feed) noted(one *Follower, shared []string) {
	switch {
	case slices.Equal(one.Shared, shared):
	case len(shared) > 0:
		f.opt.Log.Warn("feed: a proxy signs at the brokers as the control plane's own user, an administrator there; it is to have one of its own", "proxy", one.Name, "from", one.Remote, "clusters", shared)
	default:
		f.opt.Log.Info("feed: a proxy signs at the brokers as a user of its own again", "proxy", one.Name)
	}
	one.Shared = shared
}
