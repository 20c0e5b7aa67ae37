// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/api/door"
	"github.com/causeway-mq/causeway/control/api/show"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/label"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func applicationOperations() []door.Operation {
	return []door.Operation{
		{ID: "listApplications", Method: "GET", Path: door.OfTenant + "/apps", Summary: "Lists a tenant's applications.", Scope: door.InTenant, Right: identity.ReadApplication,
			Query: byLabel(), Answer: wire.Page[wire.Application]{}, Status: 200, Handle: listApplications},
		{ID: "createApplication", Method: "POST", Path: door.OfTenant + "/apps", Summary: "Makes an application; the answer has its first key with the secret, this once.",
			Scope: door.InTenant, Right: identity.CreateApplication, Request: wire.NewApplication{}, Answer: wire.Application{}, Status: 201, Handle: createApplication},
		{ID: "getApplication", Method: "GET", Path: door.OfApp, Summary: "Shows an application.", Scope: door.InTenant, Right: identity.ReadApplication,
			Answer: wire.Application{}, Status: 200, Handle: getApplication},
		{ID: "changeApplication", Method: "PATCH", Path: door.OfApp, Summary: "Changes an application's rights or note, or switches it off or on.", Scope: door.InTenant,
			Right: identity.UpdateApplication, Request: wire.ApplicationChange{}, Answer: wire.Application{}, Status: 200, Handle: changeApplication},
		{ID: "deleteApplication", Method: "DELETE", Path: door.OfApp, Summary: "Deletes an application with its keys.", Scope: door.InTenant, Right: identity.DeleteApplication,
			Status: 204, Handle: deleteApplication},
		{ID: "listKeys", Method: "GET", Path: door.OfApp + "/keys", Summary: "Lists an application's keys without their secrets.", Scope: door.InTenant, Right: identity.ReadKey,
			Answer: wire.Page[wire.Key]{}, Status: 200, Handle: listKeys},
		{ID: "createKey", Method: "POST", Path: door.OfApp + "/keys", Summary: "Makes one more key; the answer has its secret, this once. Two may work at a time.",
			Scope: door.InTenant, Right: identity.CreateKey, Request: wire.NewKey{}, Answer: wire.Key{}, Status: 201, Handle: createKey},
		{ID: "revokeKey", Method: "DELETE", Path: door.OfApp + "/keys/{key}", Summary: "Ends a key for good.", Scope: door.InTenant, Right: identity.RevokeKey,
			Status: 204, Handle: revokeKey},
	}
}

func listApplications(r *door.Request) (door.Answer, error) {
	t, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	all, err := r.Plane.Applications(t)
	if err == nil {
		all, err = labelled(r, all, func(one control.Application) label.Labels { return one.Labels })
	}
	if err != nil {
		return door.Answer{}, err
	}
	return door.Listing(r, all, func(a control.Application) string { return a.Name.String() }, show.Application)
}

func createApplication(r *door.Request) (door.Answer, error) {
	t, err := r.Tenant()
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.NewApplication
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	a := control.Application{Tenant: t, Note: want.Note, Rights: control.Rights{Owner: want.Owner}}
	if a.Name, err = control.ParseApplicationName(want.Name); err != nil {
		return door.Answer{}, door.In("name", err)
	}
	if err := setRights(&a.Rights, &want.Publish, &want.Read, &want.Consume); err != nil {
		return door.Answer{}, err
	}
	if a.Labels, err = label.Of(want.Labels); err != nil {
		return door.Answer{}, err
	}
	a, k, err := r.Plane.CreateApplication(r.Context(), r.Actor(), a)
	if err != nil {
		return door.Answer{}, err
	}
	shown, key := show.ApplicationAt(r.Plane, a), show.Key(k)
	shown.Key = &key
	return door.Created(shown)
}

func setRights(to *control.Rights, publish, read, consume *[]string) (err error) {
	if publish != nil {
		if to.Publish, err = door.ParseAll("publish", *publish, mq.ParseTopicName); err != nil {
			return err
		}
	}
	if read != nil {
		if to.Read, err = door.ParseAll("read", *read, mq.ParseTopicName); err != nil {
			return err
		}
	}
	if consume != nil {
		to.Consume, err = door.ParseAll("consume", *consume, mq.ParseGroupName)
	}
	return err
}

func getApplication(r *door.Request) (door.Answer, error) {
	t, n, err := r.Application()
	if err != nil {
		return door.Answer{}, err
	}
	a, err := r.Plane.Application(t, n)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(show.ApplicationAt(r.Plane, a))
}

func changeApplication(r *door.Request) (door.Answer, error) {
	t, n, err := r.Application()
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.ApplicationChange
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	a, err := r.Plane.Application(t, n)
	if err != nil {
		return door.Answer{}, err
	}
	rights := a.Rights
	if want.Owner != nil {
		rights.Owner = *want.Owner
	}
	if err := setRights(&rights, want.Publish, want.Read, want.Consume); err != nil {
		return door.Answer{}, err
	}
	version, err := r.Seen(want.Revision)
	if err != nil {
		return door.Answer{}, err
	}
	if version == 0 {
		version = a.Revision // the rights above were mixed with this one
	}
	labels, err := optionalLabels(want.Labels)
	if err != nil {
		return door.Answer{}, err
	}
	c := control.ApplicationChange{Rights: &rights, Note: want.Note, Labels: labels, Disabled: want.Disabled, Revision: version}
	a, err = r.Plane.UpdateApplication(r.Context(), r.Actor(), t, n, c)
	if err != nil {
		return door.Answer{}, err
	}
	return door.OK(show.ApplicationAt(r.Plane, a))
}

func deleteApplication(r *door.Request) (door.Answer, error) {
	t, n, err := r.Application()
	if err != nil {
		return door.Answer{}, err
	}
	seen, err := r.Seen(0)
	if err != nil {
		return door.Answer{}, err
	}
	if err := r.Plane.DeleteApplication(r.Context(), r.Actor(), t, n, control.Deletion{Seen: seen}); err != nil {
		return door.Answer{}, err
	}
	return door.None()
}

func listKeys(r *door.Request) (door.Answer, error) {
	t, n, err := r.Application()
	if err != nil {
		return door.Answer{}, err
	}
	if _, err := r.Plane.Tenant(t); err != nil {
		return door.Answer{}, err
	}
	all, err := r.Plane.Keys(t, n)
	if err != nil {
		return door.Answer{}, err
	}
	page := wire.Page[wire.Key]{Items: make([]wire.Key, 0, len(all))}
	for _, k := range all {
		page.Items = append(page.Items, show.Key(k))
	}
	return door.OK(page)
}

func createKey(r *door.Request) (door.Answer, error) {
	t, n, err := r.Application()
	if err != nil {
		return door.Answer{}, err
	}
	var want wire.NewKey
	if err := r.Decode(&want); err != nil {
		return door.Answer{}, err
	}
	var expires time.Time
	if want.Expires != nil {
		expires = *want.Expires
	}
	k, err := r.Plane.CreateKey(r.Context(), r.Actor(), t, n, expires)
	if err != nil {
		return door.Answer{}, err
	}
	return door.Created(show.Key(k))
}

func revokeKey(r *door.Request) (door.Answer, error) {
	t, n, err := r.Application()
	if err != nil {
		return door.Answer{}, err
	}
	if err := r.Plane.RevokeKey(r.Context(), r.Actor(), t, n, r.PathValue("key")); err != nil {
		return door.Answer{}, err
	}
	return door.None()
}
