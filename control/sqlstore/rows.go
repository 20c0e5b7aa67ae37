// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/estate"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/control/stage"
	"github.com/causeway-mq/causeway/mq"
)

// table is where a noun is kept: its columns, the first key of them naming a row, the last one being the revision.
type table struct {
	name    string
	columns []string
	key     int
}

func (t table) where() string { return strings.Join(t.columns[:t.key], " = ? AND ") + " = ?" }

type scan func(...any) error

func tenantTable() table {
	return table{"tenants", []string{"id", "note", "labels", "plan", "environment", "disabled", "loopback_unsigned", "created", "revision"}, 1}
}

func applicationTable() table {
	return table{"applications", []string{"tenant", "name", "owner", "publish", "reads", "consumes", "note", "labels", "disabled", "created", "revision"}, 2}
}

func keyTable() table {
	return table{"access_keys", []string{"id", "secret", "tenant", "application", "created", "expires", "revoked", "revision"}, 1}
}

func topicTable() table {
	return table{"topics", []string{"tenant", "name", "physical", "cluster", "accepts", "queues", "durability", "retention", "note", "labels", "taken", "state",
		"created", "updated", "revision"}, 2}
}

func groupTable() table {
	return table{"consumer_groups", []string{"tenant", "name", "physical", "cluster", "pulls", "ordered", "max_attempts", "retry_steps", "retry_initial",
		"retry_max", "retry_multiplier", "start_kind", "start_time", "hold", "note", "labels", "paused", "taken", "state", "created", "updated", "revision"}, 2}
}

// documentTable keeps every noun that has no table of its own.
func documentTable() table {
	return table{"documents", []string{"kind", "tenant", "name", "body", "hidden", "revision"}, 3}
}

// noun is how records of a kind are read back.
type noun struct {
	table table
	read  func(scan) (control.Record, error)
}

func nounOf(k control.RecordKind) noun {
	switch k {
	case control.TenantRecord:
		return noun{tenantTable(), record(readTenant)}
	case control.ApplicationRecord:
		return noun{applicationTable(), record(readApplication)}
	case control.KeyRecord:
		return noun{keyTable(), record(readKey)}
	case control.TopicRecord:
		return noun{topicTable(), record(readTopic)}
	case control.GroupRecord:
		return noun{groupTable(), record(readGroup)}
	}
	return noun{documentTable(), record(readDocument)}
}

func record[R control.Record](read func(scan) (R, error)) func(scan) (control.Record, error) {
	return func(s scan) (control.Record, error) { return read(s) }
}

// rowOf gives a record's values in the order of its table's columns, without the revision.
func rowOf(r control.Record) (table, []any, error) {
	switch r := r.(type) {
	case control.Tenant:
		return tenantTable(), []any{r.ID.String(), r.Note, r.Labels.String(), r.Plan.String(), r.Environment.String(), flag(r.Disabled), flag(r.LoopbackUnsigned), micros(r.Created)}, nil
	case control.Application:
		return applicationTable(), []any{r.Tenant.String(), r.Name.String(), flag(r.Rights.Owner), list(r.Rights.Publish), list(r.Rights.Read),
			list(r.Rights.Consume), r.Note, r.Labels.String(), flag(r.Disabled), micros(r.Created)}, nil
	case control.Key:
		return keyTable(), []any{r.ID, r.Secret, r.Tenant.String(), r.Application.String(), micros(r.Created), micros(r.Expires), micros(r.Revoked)}, nil
	case control.Topic:
		return topicTable(), []any{r.Tenant.String(), r.Name.String(), r.Spec.Name.String(), r.Spec.Cluster.String(), list(r.Spec.Accepts.Types()),
			r.Spec.Queues, r.Spec.Durability.String(), int64(r.Spec.Retention), r.Note, r.Labels.String(), flag(r.Taken), string(r.State), micros(r.Created), micros(r.Updated)}, nil
	case control.Group:
		return groupTable(), []any{r.Tenant.String(), r.Name.String(), r.Spec.Name.String(), r.Spec.Cluster.String(), flag(r.Spec.Mode == mq.Pulls),
			flag(r.Spec.Ordered), r.Spec.MaxAttempts, list(r.Spec.Retry.Steps), int64(r.Spec.Retry.Initial), int64(r.Spec.Retry.Max), r.Spec.Retry.Multiplier,
			startName(r.Spec.Start.Kind), micros(r.Spec.Start.Time), int64(r.Spec.Hold), r.Note, r.Labels.String(), flag(r.Paused), flag(r.Taken), string(r.State), micros(r.Created), micros(r.Updated)}, nil
	case control.Document:
		return documentTable(), []any{string(r.Kind), r.Tenant, r.Name, r.Body, r.Hidden}, nil
	}
	return table{}, nil, mq.Refuse(mq.Internal, "no table for a %T", r)
}

// ownerOf is what has to be there before a record can be added.
func ownerOf(r control.Record) control.Ref {
	if k, ok := r.(control.Key); ok {
		return control.Application{Tenant: k.Tenant, Name: k.Application}.Ref()
	}
	tenant := r.Ref().Tenant
	return control.Ref{Kind: control.TenantRecord, Tenant: tenant, Name: tenant}
}

func readDocument(scan scan) (control.Document, error) {
	var d control.Document
	err := scan(&d.Kind, &d.Tenant, &d.Name, &d.Body, &d.Hidden, &d.Revision)
	return d, err
}

func readTenant(scan scan) (control.Tenant, error) {
	var t control.Tenant
	var id, labels, plan, environment string
	var created int64
	err := scan(&id, &t.Note, &labels, &plan, &environment, &t.Disabled, &t.LoopbackUnsigned, &created, &t.Revision)
	if err == nil {
		t.ID, err = mq.ParseTenant(id)
	}
	if err == nil {
		t.Labels, err = label.Read(labels)
	}
	if err == nil {
		t.Plan, err = estate.OptionalName("plan", plan)
	}
	if err == nil {
		t.Environment, err = estate.OptionalName("environment", environment)
	}
	t.Created = moment(created)
	return t, err
}

func readApplication(scan scan) (control.Application, error) {
	var a control.Application
	var tenant, name, publish, reads, consumes, labels string
	var created int64
	err := scan(&tenant, &name, &a.Rights.Owner, &publish, &reads, &consumes, &a.Note, &labels, &a.Disabled, &created, &a.Revision)
	if err == nil {
		a.Tenant, err = mq.ParseTenant(tenant)
	}
	if err == nil {
		a.Name, err = control.ParseApplicationName(name)
	}
	if err == nil {
		a.Rights.Publish, err = names(publish, mq.ParseTopicName)
	}
	if err == nil {
		a.Rights.Read, err = names(reads, mq.ParseTopicName)
	}
	if err == nil {
		a.Rights.Consume, err = names(consumes, mq.ParseGroupName)
	}
	if err == nil {
		a.Labels, err = label.Read(labels)
	}
	a.Created = moment(created)
	return a, err
}

func readKey(scan scan) (control.Key, error) {
	var k control.Key
	var tenant, application string
	var created, expires, revoked int64
	err := scan(&k.ID, &k.Secret, &tenant, &application, &created, &expires, &revoked, &k.Revision)
	if err == nil {
		k.Tenant, err = mq.ParseTenant(tenant)
	}
	if err == nil {
		k.Application, err = control.ParseApplicationName(application)
	}
	k.Created, k.Expires, k.Revoked = moment(created), moment(expires), moment(revoked)
	return k, err
}

// placed is what topics and groups have in common.
type placed struct{ tenant, name, physical, cluster, labels, state string }

func (p placed) parse(tenant *mq.Tenant, physical *mq.Physical, cluster *mq.Cluster, state *control.State) (err error) {
	if *tenant, err = mq.ParseTenant(p.tenant); err != nil {
		return err
	}
	if *physical, err = mq.ParsePhysical(p.physical); err != nil {
		return err
	}
	if *cluster, err = mq.ParseCluster(p.cluster); err != nil {
		return err
	}
	*state, err = stage.Parse(p.state)
	return err
}

func readTopic(scan scan) (control.Topic, error) {
	var t control.Topic
	var p placed
	var accepts, durability string
	var created, updated int64
	err := scan(&p.tenant, &p.name, &p.physical, &p.cluster, &accepts, &t.Spec.Queues, &durability, &t.Spec.Retention, &t.Note, &p.labels, &t.Taken, &p.state,
		&created, &updated, &t.Revision)
	if err == nil {
		err = p.parse(&t.Tenant, &t.Spec.Name, &t.Spec.Cluster, &t.State)
	}
	if err == nil {
		t.Name, err = mq.ParseTopicName(p.name)
	}
	if err == nil {
		t.Labels, err = label.Read(p.labels)
	}
	if err == nil {
		t.Spec.Durability, err = mq.ParseDurability(durability)
	}
	if err == nil {
		var types []mq.MessageType
		types, err = names(accepts, mq.ParseMessageType)
		t.Spec.Accepts = mq.AcceptsOf(types...)
	}
	t.Created, t.Updated = moment(created), moment(updated)
	return t, err
}

func readGroup(scan scan) (control.Group, error) {
	var g control.Group
	var p placed
	var steps, start string
	var startTime, created, updated int64
	var pulls bool
	err := scan(&p.tenant, &p.name, &p.physical, &p.cluster, &pulls, &g.Spec.Ordered, &g.Spec.MaxAttempts, &steps, &g.Spec.Retry.Initial,
		&g.Spec.Retry.Max, &g.Spec.Retry.Multiplier, &start, &startTime, &g.Spec.Hold, &g.Note, &p.labels, &g.Paused, &g.Taken, &p.state, &created, &updated, &g.Revision)
	if err == nil {
		err = p.parse(&g.Tenant, &g.Spec.Name, &g.Spec.Cluster, &g.State)
	}
	if err == nil {
		g.Name, err = mq.ParseGroupName(p.name)
	}
	if err == nil {
		g.Labels, err = label.Read(p.labels)
	}
	if err == nil {
		g.Spec.Retry.Steps, err = names(steps, time.ParseDuration)
	}
	if err == nil {
		g.Spec.Start.Kind, err = parseStart(start)
	}
	if pulls {
		g.Spec.Mode = mq.Pulls
	}
	g.Spec.Start.Time, g.Created, g.Updated = moment(startTime), moment(created), moment(updated)
	return g, err
}

func startName(k mq.StartKind) string {
	switch k {
	case mq.StartEarliest:
		return "earliest"
	case mq.StartLatest:
		return "latest"
	case mq.StartByEngine:
		return "engine"
	}
	return "at"
}

func parseStart(s string) (mq.StartKind, error) {
	for _, k := range []mq.StartKind{mq.StartAt, mq.StartEarliest, mq.StartLatest, mq.StartByEngine} {
		if startName(k) == s {
			return k, nil
		}
	}
	return 0, fmt.Errorf("start %q is unknown", s)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// list writes names as a JSON array of text.
func list[T fmt.Stringer](some []T) string {
	text := make([]string, len(some))
	for i, s := range some {
		text[i] = s.String()
	}
	b, _ := json.Marshal(text) // text always marshals
	return string(b)
}

func names[T any](text string, parse func(string) (T, error)) ([]T, error) {
	var raw []string
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, err
	}
	var some []T
	for _, s := range raw {
		one, err := parse(s)
		if err != nil {
			return nil, err
		}
		some = append(some, one)
	}
	return some, nil
}
