// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/mq"
)

// Users that were taken over. A user of the cluster who became an application keeps his name and his secret: they are the application's access key, and
// the brokers go on to know them. So what ends a key must end at the brokers, too, or whoever holds it would reach them past the proxies.
//
// While his key may not be used he is disabled on every replica, with his rules: he is somebody else's making, so he is not removed, and an operator sees
// what he was. What stands in the store of him outlives his application and his tenant, so a plane that died in between, or a replica that comes back with
// him, is no way round. The plane enables again only whom it disabled itself, for a tenant or an application that is switched on again.

// UserRecord is the kind of what is kept of users that were taken over: documents of the installation.
const UserRecord audit.RecordKind = "user"

// Taken is a user of the cluster who was taken over.
type Taken struct {
	Cluster     string `json:"cluster"`
	User        string `json:"user"` // the access key
	Tenant      string `json:"tenant"`
	Application string `json:"application"`
	Off         bool   `json:"off,omitempty"` // the plane disabled him, or is about to

	Ended string `json:"-"` // why his key may not be used; "" while it may
}

// Key names his record: a cluster has a user once.
func (t Taken) Key() string { return t.Cluster + "/" + t.User }

// Users is what is wanted of the users of a cluster.
type Users struct {
	Rules map[mq.Tenant][]mq.Rule // of tenants' own users
	Taken []Taken
	Mark  func(context.Context, Taken) error // keeps that Off changed
}

// follow disables whose keys have ended, on the replicas that answered, and enables again whom the plane had disabled.
func (s *Site) follow(ctx context.Context, at map[string][]mq.Account, u Users) []Drift {
	var found []Drift
	for _, t := range u.Taken {
		on, off, super := standing(at, t.User)
		d := Drift{Kind: Different, Ref: audit.Ref{Kind: audit.KeyRecord, Tenant: t.Tenant, Name: t.User}}
		var err error
		switch {
		case t.Ended != "" && s.Guard == nil && !t.Off:
			err = mq.Refuse(mq.Unsupported, "this process cannot change the cluster's users: an operator has to disable him at the brokers")
		case t.Ended != "" && super:
			err = mq.Refuse(mq.Conflict, "he was made a super user, whom the platform does not touch: an operator has to disable him at the brokers")
		case t.Ended != "" && on:
			err = s.disable(ctx, t, u)
		case t.Ended == "" && t.Off && s.Guard != nil:
			if err = s.enable(ctx, t, u); err == nil && !off {
				continue
			}
		default:
			continue
		}
		d.Detail, d.Mended = "user "+t.User+" is disabled at the brokers, and his key may be used again", "done"
		if t.Ended != "" {
			d.Detail = "user " + t.User + " is not disabled at the brokers: " + t.Ended
		}
		if err != nil {
			d.Mended = err.Error()
			if !Final(err) {
				s.Stir()
			}
		}
		found = append(found, d)
	}
	return found
}

// disable is kept before it is done: nobody else's doing is ever undone.
func (s *Site) disable(ctx context.Context, t Taken, u Users) error {
	if !t.Off {
		t.Off = true
		if err := u.Mark(ctx, t); err != nil {
			return err
		}
	}
	return s.Guard.SwitchAccount(ctx, t.User, false)
}

func (s *Site) enable(ctx context.Context, t Taken, u Users) error {
	if err := s.Guard.SwitchAccount(ctx, t.User, true); err != nil {
		return err
	}
	t.Off = false
	return u.Mark(ctx, t)
}

// standing tells whether a user is enabled on some replica, disabled on some, and a super user on some.
func standing(at map[string][]mq.Account, user string) (on, off, super bool) {
	for _, users := range at {
		for _, a := range users {
			if a.Name == user {
				on, off, super = on || !a.Disabled, off || a.Disabled, super || a.Super
			}
		}
	}
	return on, off, super
}
