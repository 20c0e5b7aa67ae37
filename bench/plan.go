// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/book"
	"github.com/causeway-mq/causeway/mq"
)

// plan is a control plane's catalog without its database: what feeds are served from.
type plan struct {
	*book.Book[control.Record]

	mu      sync.Mutex // guards below
	entries []control.Entry
}

// newPlan has a tenant with one topic for a load, and nothing else.
func newPlan() (*plan, error) {
	p := &plan{Book: book.New(book.Rules[control.Record]{
		Seen: func(control.Record) bool { return true },
		Goes: func(control.Record, control.Ref) bool { return false },
		Key:  func(control.Record) any { return nil },
	})}
	owner, err := mq.ParseTenant(mq.DefaultTenant)
	if err != nil {
		return nil, err
	}
	load, err := topicOf(owner, sendTopic)
	if err != nil {
		return nil, err
	}
	p.Load(1, []control.Record{control.Tenant{ID: owner, LoopbackUnsigned: true}, load})
	return p, nil
}

func topicOf(owner mq.Tenant, name string) (control.Topic, error) {
	cluster, err := mq.ParseCluster(clusterName)
	if err != nil {
		return control.Topic{}, err
	}
	n, err := mq.ParseTopicName(name)
	return control.Topic{Tenant: owner, Name: n, State: control.Ready, Spec: mq.TopicSpec{
		Name: mq.PhysicalTopic(owner, n), Cluster: cluster, Accepts: mq.AcceptsOf(mq.Normal), Queues: queues, Retention: 72 * time.Hour,
	}}, err
}

func groupOf(owner mq.Tenant, name string) (control.Group, error) {
	cluster, err := mq.ParseCluster(clusterName)
	if err != nil {
		return control.Group{}, err
	}
	n, err := mq.ParseGroupName(name)
	return control.Group{Tenant: owner, Name: n, State: control.Ready, Spec: mq.GroupSpec{
		Name: mq.PhysicalGroup(owner, n), Cluster: cluster, MaxAttempts: 16, Start: mq.Start{Kind: mq.StartEarliest},
	}}, err
}

// grow adds tenants with an application and a key each, and spreads topics and groups over them.
func (p *plan) grow(tenants, topics, groups int) error {
	var owners []mq.Tenant
	var all []book.Change[control.Record]
	add := func(r control.Record) {
		all = append(all, book.Change[control.Record]{Ref: r.Ref(), Record: r, There: true})
	}
	app, err := control.ParseApplicationName("ledger")
	if err != nil {
		return err
	}
	for i := range tenants {
		id, err := mq.ParseTenant(fmt.Sprintf("tenant-%04d", i))
		if err != nil {
			return err
		}
		owners = append(owners, id)
		add(control.Tenant{ID: id})
		add(control.Application{Tenant: id, Name: app, Rights: control.Rights{Owner: true}})
		add(control.Key{ID: fmt.Sprintf("CW%018d", i), Secret: "cws_" + strings.Repeat("x", 48), Tenant: id, Application: app})
	}
	for i := range topics {
		t, err := topicOf(owners[i%tenants], fmt.Sprintf("orders-%05d", i))
		if err != nil {
			return err
		}
		add(t)
	}
	for i := range groups {
		g, err := groupOf(owners[i%tenants], fmt.Sprintf("billing-%05d", i))
		if err != nil {
			return err
		}
		add(g)
	}
	v, _ := p.Version()
	p.Apply(v+1, all)
	return nil
}

// change makes one topic more.
func (p *plan) change(i int) error {
	owner, err := mq.ParseTenant(mq.DefaultTenant)
	if err != nil {
		return err
	}
	t, err := topicOf(owner, fmt.Sprintf("more-%d", i))
	if err != nil {
		return err
	}
	v, _ := p.Version()
	p.Put(t, v+1)
	return nil
}

// Next waits for news.
func (p *plan) Next(ctx context.Context, have control.Version) (control.News, error) {
	for {
		now, changed := p.Version()
		if now > have {
			return p.Since(have), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return control.News{}, ctx.Err()
		}
	}
}

// Append adds a row of audit, which is what tells epochs apart.
func (p *plan) Append(_ context.Context, e control.Entry) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: the process ends first
	e.Hash = hex.EncodeToString(id[:])
	p.entries = append(p.entries, e)
	return nil
}

// Entries gives the newest row of an outcome, or the first row of all.
func (p *plan) Entries(_ context.Context, q control.AuditQuery) ([]control.Entry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if q.Outcome == "" {
		return p.entries[:min(1, len(p.entries))], nil
	}
	for _, e := range slices.Backward(p.entries) {
		if e.Outcome == q.Outcome {
			return []control.Entry{e}, nil
		}
	}
	return nil, nil
}
