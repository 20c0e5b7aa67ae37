// SPDX-License-Identifier: Apache-2.0

// Package jobs answers what is asked about long work: what begins it, how far it is, that it is to end.
package jobs

import (
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/show"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/job"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

// Operations is what this room answers.
func Operations() []door.Operation {
	all := []door.Operation{
		{ID: "redriveDeadLetters", Method: "POST", Path: door.OfGroup + "/dead-letters/redrive", Summary: "Sends dead letters back to where they came from: a job.", Scope: door.InTenant,
			Right: identity.RedriveGroup, Request: wire.Redrive{}, Answer: wire.Job{}, Status: 202, Handle: redrive},
		{ID: "deleteTenant", Method: "DELETE", Path: door.OfTenant, Summary: "Deletes a tenant with all that it has: a job of the installation. From the answer on nobody is let in with what is the tenant's.",
			Scope: door.InTenant, Right: identity.DeleteTenant, Query: door.Confirm(), Answer: wire.Job{}, Status: 202, Handle: deleteTenant},
	}
	for _, in := range []struct {
		scope          door.Scope
		path, of, noun string
	}{{door.Installation, "/v1", "the installation's own", "InstallationJob"}, {door.InTenant, door.OfTenant, "a tenant's", "Job"}} {
		one := in.path + "/jobs/{job}"
		all = append(all,
			door.Operation{ID: "list" + in.noun + "s", Method: "GET", Path: in.path + "/jobs", Summary: "Lists " + in.of + " long work, the oldest first.", Scope: in.scope, Right: identity.ReadJob,
				Query: door.Pieces(door.MaxPage), Answer: wire.Page[wire.Job]{}, Status: 200, Handle: door.Placed(list)},
			door.Operation{ID: "get" + in.noun, Method: "GET", Path: one, Summary: "Shows how far a job is.", Scope: in.scope, Right: identity.ReadJob,
				Answer: wire.Job{}, Status: 200, Handle: door.Placed(get)},
			door.Operation{ID: "cancel" + in.noun, Method: "POST", Path: one + "/cancel", Summary: "Makes a job end; what it did stays done.", Scope: in.scope, Right: identity.CancelJob,
				Request: wire.JobCancel{}, Answer: wire.Job{}, Status: 202, Handle: door.Placed(cancel)})
	}
	return all
}

func redrive(r *door.Request) (door.Answer, error) {
	tenant, name, err := r.Group()
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.Redrive
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	j, err := r.Jobs.Redrive(r.Context(), r.Actor(), tenant, name, want.Limit)
	return begun(j, err)
}

func deleteTenant(r *door.Request) (door.Answer, error) {
	id, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	d := control.Deletion{}
	if d.Confirmed, err = r.Confirmed(id.String()); err != nil {
		return door.Answer{}, err
	}
	if d.Seen, err = r.Seen(0); err != nil {
		return door.Answer{}, err
	}
	j, err := r.Jobs.DeleteTenant(r.Context(), r.Actor(), id, d)
	return begun(j, err)
}

func list(r *door.Request, place mq.Tenant) (door.Answer, error) {
	all, err := r.Jobs.Jobs(place)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Listing(r, all, job.Job.Order, show.Job)
}

func get(r *door.Request, place mq.Tenant) (door.Answer, error) {
	j, err := r.Jobs.Job(place, r.PathValue("job"))
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(show.Job(j))
}

func cancel(r *door.Request, place mq.Tenant) (door.Answer, error) {
	if err := r.Decode(&wire.JobCancel{}); err != nil {
		return door.Answer{}, err
	}
	j, err := r.Jobs.Cancel(r.Context(), r.Actor(), place, r.PathValue("job"))
	return begun(j, err)
}

func begun(j job.Job, err error) (door.Answer, error) {
	if err != nil {
		return door.Answer{}, err
	}
	return door.Accepted(show.Job(j))
}
