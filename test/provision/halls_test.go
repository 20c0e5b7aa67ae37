// SPDX-License-Identifier: Apache-2.0

// Package provision_test is a control plane over RocketMQ clusters: fake ones, which speak the real protocol, and real ones.
package provision_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/engine/rocketmq"
	"github.com/causeway-mq/causeway/engine/rocketmq/fakebroker"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// must is for names that cannot be wrong.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// ada is who acts in these tests.
func ada() control.Actor {
	return control.Actor{Kind: control.MemberActor, Name: "ada", Role: "operator"}
}

func topicName(s string) mq.TopicName { return must(mq.ParseTopicName(s)) }
func groupName(s string) mq.GroupName { return must(mq.ParseGroupName(s)) }
func tenant(s string) mq.Tenant       { return must(mq.ParseTenant(s)) }
func clusterName(s string) mq.Cluster { return must(mq.ParseCluster(s)) }
func physical(s string) mq.Physical   { return must(mq.ParsePhysical(s)) }

// reach is an engine over the fake cluster whose nodes listen on these sockets.
func reach(name string, sockets map[string]string, nameServers []string) (*rocketmq.Engine, error) {
	return rocketmq.Open(rocketmq.Options{
		NameServers: nameServers, Cluster: clusterName(name), BrokersName: "DefaultCluster",
		Remoting: remoting.Options{Dial: func(ctx context.Context, address string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", sockets[address])
		}},
	})
}

// hall is a fake cluster whose nodes listen on sockets, for processes.
type hall struct {
	name    string
	fake    *fakebroker.Cluster
	sockets map[string]string // by the address that the cluster itself tells
	engine  *rocketmq.Engine  // looks; no plane goes through it
}

func newHall(t *testing.T, name string, brokers ...string) *hall {
	t.Helper()
	h := &hall{name: name, fake: fakebroker.New(fakebroker.Options{Brokers: brokers, NoAutoGroup: true}), sockets: map[string]string{}}
	t.Cleanup(h.fake.Close)
	addresses := h.fake.NameServers()
	for _, b := range brokers {
		addresses = append(addresses, h.fake.Address(b))
	}
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	for _, a := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		h.sockets[a] = l.Addr().String()
		serving.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				if h.fake.Serve(a, c) != nil {
					_ = c.Close()
				}
			}
		})
	}
	h.engine = h.open(t)
	return h
}

// open is a way to the cluster of one's own.
func (h *hall) open(t *testing.T) *rocketmq.Engine {
	t.Helper()
	e, err := reach(h.name, h.sockets, h.fake.NameServers())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// text is the hall as a process finds it in its environment.
func (h *hall) text() string {
	var all []string
	for a, s := range h.sockets {
		all = append(all, a+"="+s)
	}
	return strings.Join(append([]string{h.name, strings.Join(h.fake.NameServers(), ",")}, all...), " ")
}

// plane opens a control plane over clusters of which the first is the default one.
func plane(ctx context.Context, dir string, engines ...*rocketmq.Engine) (*control.Plane, error) {
	store, err := sqlstore.OpenSQLite(ctx, dir)
	if err != nil {
		return nil, err
	}
	o := control.Options{Store: store, Others: map[mq.Cluster]control.Engine{}, Reconcile: 2 * time.Second, Kind: "rocketmq"}
	for i, e := range engines {
		name := must(e.State(ctx)).Cluster
		one := control.Engine{Provisioner: e, Inspector: e, Mover: e, Kind: "rocketmq"}
		if _, err := e.AccountsAt(ctx); err == nil { // brokers that check nobody tell nobody
			one.Guard = e
		}
		if i == 0 {
			o.Cluster, o.Engine, o.Inspector, o.Mover, o.Guard = name, e, e, e, one.Guard
			continue
		}
		o.Others[name] = one
	}
	return control.Open(ctx, o)
}

func (h *hall) plane(t *testing.T, dir string, more ...*hall) *control.Plane {
	t.Helper()
	engines := []*rocketmq.Engine{h.open(t)}
	for _, m := range more {
		engines = append(engines, m.open(t))
	}
	p, err := plane(t.Context(), dir, engines...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for bound := time.Now().Add(30 * time.Second); !holds(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(bound) {
			t.Fatal("never: " + what)
		}
	}
}

// has tells whether every primary has exactly these topics and groups, alike.
func (h *hall) has(t *testing.T, topics, groups string) (string, bool) {
	t.Helper()
	inv, err := h.engine.Inventory(t.Context())
	if err != nil {
		return err.Error(), false
	}
	var ts, gs []string
	for _, x := range inv.Topics {
		ts = append(ts, x.Name.String())
	}
	for _, x := range inv.Groups {
		gs = append(gs, x.Name.String())
	}
	got := fmt.Sprintf("%s/%s, uneven %v %v", strings.Join(ts, " "), strings.Join(gs, " "), inv.UnevenTopics, inv.UnevenGroups)
	return got, got == fmt.Sprintf("%s/%s, uneven [] []", topics, groups)
}

const asPlane = "CAUSEWAY_TEST_PLANE"

// TestMain lets this binary be a control plane of its own, which a test kills: it makes the changes that its environment names.
func TestMain(m *testing.M) {
	if os.Getenv(asPlane) == "" {
		os.Exit(m.Run())
	}
	if err := beAPlane(context.Background(), strings.Fields(os.Getenv(asPlane)), os.Getenv(asPlane+"_DIR"), os.Getenv(asPlane+"_CHANGE")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func beAPlane(ctx context.Context, words []string, dir, change string) error {
	sockets := map[string]string{}
	for _, w := range words[2:] {
		a, s, _ := strings.Cut(w, "=")
		sockets[a] = s
	}
	e, err := reach(words[0], sockets, strings.Split(words[1], ","))
	if err != nil {
		return err
	}
	p, err := plane(ctx, dir, e)
	if err != nil {
		return err
	}
	def := tenant("default")
	switch change {
	case "create topic":
		_, err = p.CreateTopic(ctx, ada(), control.NewTopic{Tenant: def, Name: topicName("new")})
	case "create group":
		_, err = p.CreateGroup(ctx, ada(), control.NewGroup{Tenant: def, Name: groupName("new")})
	case "delete topic":
		err = p.DeleteTopic(ctx, ada(), def, topicName("old"), control.Deletion{Confirmed: true})
	}
	return errors.Join(err, errors.New("the change came through, though the cluster hangs"))
}
