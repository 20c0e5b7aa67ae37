// SPDX-License-Identifier: Apache-2.0

package show

import (
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/wire"
)

// Tenant is a tenant.
func Tenant(t control.Tenant) wire.Tenant {
	return wire.Tenant{
		ID: t.ID.String(), Note: t.Note, Labels: t.Labels.Map(), Plan: t.Plan.String(), Environment: t.Environment.String(), Disabled: t.Disabled,
		LoopbackUnsigned: t.LoopbackUnsigned, Created: t.Created, Revision: uint64(t.Revision),
	}
}

// Application is an application.
func Application(a control.Application) wire.Application {
	return wire.Application{
		Name: a.Name.String(), Owner: a.Rights.Owner, Publish: texts(a.Rights.Publish), Read: texts(a.Rights.Read), Consume: texts(a.Rights.Consume),
		Note: a.Note, Labels: a.Labels.Map(), Disabled: a.Disabled, Created: a.Created, Revision: uint64(a.Revision),
	}
}

// Key is a key.
func Key(k control.Key) wire.Key {
	return wire.Key{ID: k.ID, Secret: k.Secret, Created: k.Created, Expires: at(k.Expires), Revoked: at(k.Revoked)}
}

// Row is a row of the audit.
func Row(e control.Entry) wire.AuditRow {
	return wire.AuditRow{
		Number: e.Number, Version: uint64(e.Version), Time: e.Time, Actor: e.Actor.Name, Kind: string(e.Actor.Kind), Role: e.Actor.Role, Remote: e.Actor.Remote,
		Request: e.Actor.Request, Action: string(e.Action), Noun: string(e.Target.Kind), Tenant: e.Target.Tenant, Name: e.Target.Name, Before: e.Before, After: e.After,
		Outcome: string(e.Outcome), Why: e.Why, Hash: e.Hash,
	}
}

// Job is long work.
func Job(j job.Job) wire.Job {
	shown := wire.Job{
		ID: j.ID, Kind: string(j.Kind), State: string(j.State), Percent: j.Percent(), Total: j.Total, Moved: j.Moved, Skipped: j.Skipped, Rate: j.Rate,
		Detail: j.Detail, By: j.By, Started: j.Begun, Updated: j.Told, Ended: at(j.Ended), Revision: uint64(j.Revision),
	}
	if left := j.Left(); left > 0 {
		shown.Left = left.Round(time.Second).String()
	}
	switch j.Kind {
	case job.Redrive:
		shown.Group = j.Target
	case job.DeleteTenant:
		shown.Tenant = j.Target
	}
	return shown
}
