// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// loadedOnce is a store that can be read at the start, and asked for news; whoever calls it for anything else falls into the nil store below.
type loadedOnce struct {
	control.Store
	holds control.Catalog
	loads atomic.Int64
	keys  atomic.Int64
}

func (s *loadedOnce) Load(context.Context) (control.Catalog, error) {
	s.loads.Add(1)
	return s.holds, nil
}

func (s *loadedOnce) Since(context.Context, control.Version) (control.Changes, error) {
	return control.Changes{Version: s.holds.Version}, nil
}

func (s *loadedOnce) Close() error { return nil }

// Shelf gives the key of cursors, once.
func (s *loadedOnce) Shelf() shelf.Table { return newKey{of: s} }

// newKey is a shelf on which nothing lies yet; whoever asks it for more than one key falls into the nil table below.
type newKey struct {
	shelf.Table
	of *loadedOnce
}

func (k newKey) Sweep(context.Context, time.Time) error { return nil }

func (k newKey) Keep(context.Context, shelf.Item) (bool, error) {
	k.of.keys.Add(1)
	return true, nil
}

// crowded is 1,000 tenants with 10,000 topics and 10,000 groups, a tenth of which the default tenant has.
func crowded(t *testing.T) control.Catalog {
	t.Helper()
	const tenants, each = 1000, 10_000
	c := control.Catalog{Version: 7}
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	cluster := parsed(mq.ParseCluster("test"))
	for i := range tenants {
		name := mq.DefaultTenant
		if i > 0 {
			name = fmt.Sprintf("tenant-%03d", i)
		}
		c.Tenants = append(c.Tenants, control.Tenant{ID: parsed(mq.ParseTenant(name)), Created: at, Revision: 1})
	}
	for i := range each {
		owner := c.Tenants[0].ID
		if i >= each/10 {
			owner = c.Tenants[1+i%(tenants-1)].ID
		}
		topic, group := parsed(mq.ParseTopicName(fmt.Sprintf("topic-%05d", i))), parsed(mq.ParseGroupName(fmt.Sprintf("group-%05d", i)))
		c.Topics = append(c.Topics, control.Topic{Tenant: owner, Name: topic, State: control.Ready, Created: at, Updated: at, Revision: 2, Spec: mq.TopicSpec{
			Name: mq.PhysicalTopic(owner, topic), Cluster: cluster, Accepts: mq.AcceptsOf(mq.Normal), Queues: 8, Retention: time.Hour}})
		c.Groups = append(c.Groups, control.Group{Tenant: owner, Name: group, State: control.Ready, Created: at, Updated: at, Revision: 3, Spec: mq.GroupSpec{
			Name: mq.PhysicalGroup(owner, group), Cluster: cluster, MaxAttempts: 16}})
	}
	return c
}

func parsed[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A page of a listing costs no query, however much there is.
func TestAPageOfTenThousandAsksTheStoreNothing(t *testing.T) {
	store := &loadedOnce{holds: crowded(t)}
	s := serve(t, func(_ *api.Options, p *control.Options) { p.Store = store })
	for path, want := range map[string]int{"/v1/tenants": 1000, "/v1/tenants/default/topics": 1000, "/v1/tenants/default/groups": 1000, "/v1/tenants/tenant-500/topics": 9} {
		var most time.Duration
		seen := map[string]bool{}
		for next := ""; ; {
			began := time.Now()
			a := s.send(http.MethodGet, path+"?limit=100"+next, "")
			most = max(most, time.Since(began))
			if a.status != http.StatusOK {
				t.Fatalf("%s: %d %s", path, a.status, a.body)
			}
			var page wire.Page[struct{ ID, Name string }]
			if err := json.Unmarshal(a.body, &page); err != nil {
				t.Fatal(err)
			}
			for _, i := range page.Items {
				seen[i.ID+i.Name] = true
			}
			if page.Next == "" {
				break
			}
			next = "&cursor=" + page.Next
		}
		if len(seen) != want {
			t.Errorf("%s: %d listed, want %d", path, len(seen), want)
		}
		t.Logf("%s: %d listed, the slowest page took %v", path, len(seen), most)
	}
	if n, keys := store.loads.Load(), store.keys.Load(); n != 1 || keys != 1 {
		t.Errorf("the store was read %d times, and asked for %d keys", n, keys)
	}
}
