// SPDX-License-Identifier: Apache-2.0

package fakebroker

import (
	"maps"
	"slices"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
)

// keep holds users and rules (3001 to 3010). The fake keeps and tells them; it holds nobody to them.
func (b *broker) keep(r *call) (f *remoting.Frame, ok bool) {
	switch r.frame.Code {
	case remoting.CreateUser, remoting.UpdateUser:
		return b.putUser(r), true
	case remoting.DeleteUser:
		var h admin.ByUser
		if err := r.frame.Into(&h); err != nil {
			return malformed(err), true
		}
		delete(b.users, h.Name)
		return done(nil), true
	case remoting.ListUsers:
		var all [][]byte
		for _, name := range slices.Sorted(maps.Keys(b.users)) {
			all = append(all, b.users[name].AppendJSON(nil))
		}
		return array(all), true
	case remoting.CreateACL, remoting.UpdateACL:
		return b.putACL(r), true
	case remoting.DeleteACL:
		return b.dropACL(r), true
	case remoting.ListACL:
		var all [][]byte
		for _, subject := range slices.Sorted(maps.Keys(b.acls)) {
			all = append(all, admin.ACL{Subject: subject, Entries: b.acls[subject]}.AppendJSON(nil))
		}
		return array(all), true
	}
	return nil, false
}

func array(all [][]byte) *remoting.Frame {
	body := []byte{'['}
	for i, one := range all {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, one...)
	}
	f := done(nil)
	f.Body = append(body, ']')
	return f
}

func (b *broker) putUser(r *call) *remoting.Frame {
	u, err := admin.ParseUser(r.frame.Body)
	if err != nil || u.Name == "" {
		return malformed(err)
	}
	was, there := b.users[u.Name]
	if there == (r.frame.Code == remoting.CreateUser) {
		return fail(remoting.SystemError, "The user has existed, or does not exist")
	}
	if u.Secret == "" {
		u.Secret = was.Secret
	}
	b.users[u.Name] = u
	return done(nil)
}

// putACL replaces the rules of the resources that are named; others stay.
func (b *broker) putACL(r *call) *remoting.Frame {
	a, err := admin.ParseACL(r.frame.Body)
	if err != nil || a.Subject == "" {
		return malformed(err)
	}
	if b.acls[a.Subject] != nil == (r.frame.Code == remoting.CreateACL) {
		return fail(remoting.SystemError, "The acl has existed, or does not exist")
	}
	for _, e := range a.Entries {
		b.acls[a.Subject] = append(slices.DeleteFunc(b.acls[a.Subject], func(x admin.Entry) bool { return x.Resource == e.Resource }), e)
	}
	return done(nil)
}

func (b *broker) dropACL(r *call) *remoting.Frame {
	var h admin.DropACL
	if err := r.frame.Into(&h); err != nil {
		return malformed(err)
	}
	left := slices.DeleteFunc(b.acls[h.Subject], func(x admin.Entry) bool { return h.Resource == "" || x.Resource == h.Resource })
	if b.acls[h.Subject] = left; len(left) == 0 {
		delete(b.acls, h.Subject)
	}
	return done(nil)
}
