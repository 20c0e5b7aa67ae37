// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/wire"
	"github.com/causeway-mq/causeway/mq"
)

func showApplication(a control.Application) wire.Application {
	return wire.Application{
		Name: a.Name.String(), Owner: a.Rights.Owner, Publish: texts(a.Rights.Publish), Read: texts(a.Rights.Read), Consume: texts(a.Rights.Consume),
		Note: a.Note, Disabled: a.Disabled, Created: a.Created, Revision: uint64(a.Revision),
	}
}

func showKey(k control.Key) wire.Key {
	return wire.Key{ID: k.ID, Secret: k.Secret, Created: k.Created, Expires: optional(k.Expires), Revoked: optional(k.Revoked)}
}

// applicationOf reads the tenant and the application of a path. A name that can't be one is not there.
func applicationOf(r *http.Request) (mq.Tenant, control.ApplicationName, error) {
	t, err := tenantOf(r)
	if err != nil {
		return t, control.ApplicationName{}, err
	}
	n, err := control.ParseApplicationName(r.PathValue("app"))
	return t, n, err
}

func (s *server) listApplications(r *http.Request) (answer, error) {
	t, err := tenantOf(r)
	if err != nil {
		return answer{}, err
	}
	all, err := s.opt.Plane.Applications(t)
	if err != nil {
		return answer{}, err
	}
	return listing(s, r, all, lister[control.Application, wire.Application]{func(a control.Application) string { return a.Name.String() }, showApplication})
}

func (s *server) createApplication(r *http.Request) (answer, error) {
	t, err := tenantOf(r)
	if err != nil {
		return answer{}, err
	}
	var want wire.NewApplication
	if err := decode(r, &want); err != nil {
		return answer{}, err
	}
	a := control.Application{Tenant: t, Note: want.Note, Rights: control.Rights{Owner: want.Owner}}
	if a.Name, err = control.ParseApplicationName(want.Name); err != nil {
		return answer{}, in("name", err)
	}
	if err := setRights(&a.Rights, &want.Publish, &want.Read, &want.Consume); err != nil {
		return answer{}, err
	}
	a, k, err := s.opt.Plane.CreateApplication(r.Context(), a)
	if err != nil {
		return answer{}, err
	}
	shown, key := showApplication(a), showKey(k)
	shown.Key = &key
	return created(shown)
}

func setRights(to *control.Rights, publish, read, consume *[]string) (err error) {
	if publish != nil {
		if to.Publish, err = parseAll("publish", *publish, mq.ParseTopicName); err != nil {
			return err
		}
	}
	if read != nil {
		if to.Read, err = parseAll("read", *read, mq.ParseTopicName); err != nil {
			return err
		}
	}
	if consume != nil {
		to.Consume, err = parseAll("consume", *consume, mq.ParseGroupName)
	}
	return err
}

func (s *server) getApplication(r *http.Request) (answer, error) {
	t, n, err := applicationOf(r)
	if err != nil {
		return answer{}, err
	}
	a, err := s.opt.Plane.Application(t, n)
	if err != nil {
		return answer{}, err
	}
	return ok(showApplication(a))
}

func (s *server) changeApplication(r *http.Request) (answer, error) {
	t, n, err := applicationOf(r)
	if err != nil {
		return answer{}, err
	}
	var want wire.ApplicationChange
	if err := decode(r, &want); err != nil {
		return answer{}, err
	}
	a, err := s.opt.Plane.Application(t, n)
	if err != nil {
		return answer{}, err
	}
	rights := a.Rights
	if want.Owner != nil {
		rights.Owner = *want.Owner
	}
	if err := setRights(&rights, want.Publish, want.Read, want.Consume); err != nil {
		return answer{}, err
	}
	seen := control.Version(want.Revision)
	if seen == 0 {
		seen = a.Revision // the rights above were mixed with this one
	}
	a, err = s.opt.Plane.UpdateApplication(r.Context(), t, n, control.ApplicationChange{Rights: &rights, Note: want.Note, Disabled: want.Disabled, Revision: seen})
	if err != nil {
		return answer{}, err
	}
	return ok(showApplication(a))
}

func (s *server) deleteApplication(r *http.Request) (answer, error) {
	t, n, err := applicationOf(r)
	if err != nil {
		return answer{}, err
	}
	if err := s.opt.Plane.DeleteApplication(r.Context(), t, n); err != nil {
		return answer{}, err
	}
	return none()
}

func (s *server) listKeys(r *http.Request) (answer, error) {
	t, n, err := applicationOf(r)
	if err != nil {
		return answer{}, err
	}
	all, err := s.opt.Plane.Keys(t, n)
	if err != nil {
		return answer{}, err
	}
	page := wire.Page[wire.Key]{Items: make([]wire.Key, 0, len(all))}
	for _, k := range all {
		page.Items = append(page.Items, showKey(k))
	}
	return ok(page)
}

func (s *server) createKey(r *http.Request) (answer, error) {
	t, n, err := applicationOf(r)
	if err != nil {
		return answer{}, err
	}
	var want wire.NewKey
	if err := decode(r, &want); err != nil {
		return answer{}, err
	}
	var expires time.Time
	if want.Expires != nil {
		expires = *want.Expires
	}
	k, err := s.opt.Plane.CreateKey(r.Context(), t, n, expires)
	if err != nil {
		return answer{}, err
	}
	return created(showKey(k))
}

func (s *server) revokeKey(r *http.Request) (answer, error) {
	t, n, err := applicationOf(r)
	if err != nil {
		return answer{}, err
	}
	if err := s.opt.Plane.RevokeKey(r.Context(), t, n, r.PathValue("key")); err != nil {
		return answer{}, err
	}
	return none()
}
