// SPDX-License-Identifier: Apache-2.0

// Package moving moves a topic of a catalog file between clusters.
package moving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/control/move"
	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
	"github.com/causeway-mq/causeway/proxy/catalog/file"
)

var _ move.Cluster = (*rocketmq.Engine)(nil)

// Options are what a move of a topic needs: the proxies' configuration, which names the catalog and the clusters, and what goes where.
type Options struct {
	Config            app.ProxyConfig
	Tenant, Topic, To string
	Quiet             time.Duration // how long the old cluster must have been empty before the move is at its end; 0 leaves the topic draining
	Log               *obs.Logger
	Out               io.Writer
}

// Topic moves a topic of a catalog file to another cluster while clients run. It may be called again after it was interrupted.
func Topic(ctx context.Context, o Options) (err error) {
	if err := o.Config.Validate(); err != nil {
		return app.ConfigError{Err: err}
	}
	if o.Config.Catalog == "" {
		return app.ConfigError{Err: errors.New("catalog: a move needs the file that says where the topic is")}
	}
	to, err := mq.ParseCluster(o.To)
	if err != nil {
		return err
	}
	c := &catalogFile{path: o.Config.Catalog}
	if c.tenant, err = mq.ParseTenant(o.Tenant); err != nil {
		return err
	}
	if c.topic, err = mq.ParseTopicName(o.Topic); err != nil {
		return err
	}
	clusters := map[mq.Cluster]move.Cluster{}
	for _, one := range o.Config.Clusters {
		e, bad := one.Open(rocketmq.Options{Logger: o.Log.With("room", "engine", "cluster", one.Name)})
		if bad != nil {
			return bad
		}
		defer func() { err = errors.Join(err, e.Close()) }()
		name, bad := mq.ParseCluster(one.Name)
		if bad != nil {
			return bad
		}
		clusters[name] = e
		c.clusters = append(c.clusters, name)
	}
	m := &move.Mover{Catalog: c, Clusters: clusters, Clock: clock.System(), Log: o.Log.Logger, Quiet: o.Quiet}
	if err := m.Run(ctx, to); err != nil {
		return err
	}
	t, err := c.Topic(ctx)
	if err != nil {
		return err
	}
	said := "is at rest on cluster " + t.Spec.Cluster.String()
	if t.Stage == move.Draining {
		said = fmt.Sprintf("takes its messages on cluster %s; what is left on %s is still delivered", t.Spec.Cluster, t.Peer)
	}
	_, err = fmt.Fprintf(o.Out, "topic %s of tenant %s %s\n", o.Topic, o.Tenant, said)
	return err
}

// catalogFile is a topic's entry in a catalog file.
type catalogFile struct {
	path     string
	tenant   mq.Tenant
	topic    mq.TopicName
	clusters []mq.Cluster
}

func (f *catalogFile) read() (file.Catalog, *catalog.Topic, error) {
	raw, err := os.ReadFile(f.path)
	if err != nil {
		return file.Catalog{}, nil, fmt.Errorf("catalog: %w", err)
	}
	c, err := file.Parse(raw, f.clusters)
	if err != nil {
		return c, nil, mq.During("catalog "+f.path, err)
	}
	i := slices.IndexFunc(c.Topics, func(t catalog.Topic) bool { return t.Tenant == f.tenant && t.Name == f.topic })
	if i < 0 {
		return c, nil, mq.Refuse(mq.TopicNotFound, "catalog %s: tenant %s has no topic %s", f.path, f.tenant, f.topic)
	}
	return c, &c.Topics[i], nil
}

// stages ties the mover's words to the catalog's.
func stages() map[catalog.Stage]move.Stage {
	return map[catalog.Stage]move.Stage{catalog.AtRest: move.AtRest, catalog.Fencing: move.Fencing, catalog.Draining: move.Draining}
}

// Topic reads the entry, with the tenant's groups.
func (f *catalogFile) Topic(context.Context) (move.Topic, error) {
	c, t, err := f.read()
	if err != nil {
		return move.Topic{}, err
	}
	out := move.Topic{Spec: t.Topic, Stage: stages()[t.Move.Stage], Peer: t.Move.Peer}
	for _, g := range c.Groups {
		if g.Tenant == f.tenant {
			out.Groups = append(out.Groups, g.Group)
		}
	}
	return out, nil
}

// Set writes the next version.
func (f *catalogFile) Set(_ context.Context, to move.Topic) error {
	c, t, err := f.read()
	if err != nil {
		return err
	}
	for mine, theirs := range maps.All(stages()) {
		if theirs == to.Stage {
			t.Move = catalog.Move{Stage: mine, Peer: to.Peer}
		}
	}
	t.Cluster = to.Spec.Cluster
	if to.Stage == move.Draining {
		for i := range c.Groups { // their dead letters are on both clusters from now on
			if g := &c.Groups[i]; g.Tenant == f.tenant && g.Cluster == to.Peer {
				g.Cluster, g.Move = to.Spec.Cluster, catalog.Move{Stage: catalog.Draining, Peer: to.Peer}
			}
		}
	}
	c.Version++
	text, err := file.Encode(c.Contents)
	if err != nil {
		return err
	}
	if err := fsys.Install(fsys.OS(filepath.Dir(f.path)), filepath.Base(f.path), text); err != nil {
		return err
	}
	return os.Chmod(f.path, 0o600) // it holds secrets
}
