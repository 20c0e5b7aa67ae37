// SPDX-License-Identifier: Apache-2.0

// Package guard reads and writes the users of brokers and their rules.
//
// Every replica keeps its own, and copies nothing: each is asked and changed for itself. A user's rules are changed one by one, never
// dropped and made again, so that who is connected is not refused in between.
package guard

import (
	"context"
	"slices"
	"sync"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// Door asks the replica at an address; an answer that is no success is an error.
type Door func(ctx context.Context, address string, q remoting.Request) (*remoting.Frame, error)

const subjectPrefix = "User:"

// List is the users of a replica.
func (d Door) List(ctx context.Context, address string) ([]mq.Account, error) {
	f, err := d(ctx, address, remoting.Request{Code: remoting.ListUsers, Header: &admin.Filter{}})
	if err != nil {
		return nil, err
	}
	defer f.Release()
	users, err := admin.ParseUsers(f.Body)
	if err != nil {
		return nil, mq.Refuse(mq.Internal, "%v", err)
	}
	rules, err := d(ctx, address, remoting.Request{Code: remoting.ListACL, Header: &admin.ListACLs{}})
	if err != nil {
		return nil, err
	}
	defer rules.Release()
	acls, err := admin.ParseACLs(rules.Body)
	if err != nil {
		return nil, mq.Refuse(mq.Internal, "%v", err)
	}
	bySubject := map[string][]mq.Rule{}
	for _, a := range acls {
		for _, r := range a.Entries {
			bySubject[a.Subject] = append(bySubject[a.Subject], mq.Rule{
				Resource: r.Resource, Actions: r.Actions, Sources: r.Sources, Deny: r.Deny, Fallback: r.Default,
			})
		}
	}
	all := make([]mq.Account, 0, len(users))
	for _, u := range users {
		all = append(all, mq.Account{Name: u.Name, Secret: u.Secret, Super: u.Super, Disabled: u.Off, Rules: bySubject[subjectPrefix+u.Name]})
	}
	return all, nil
}

// ListAt is the users of several replicas, by address. With an error come those of the replicas that answered.
func (d Door) ListAt(ctx context.Context, addresses []string) (map[string][]mq.Account, error) {
	var mu sync.Mutex // guards all
	all := map[string][]mq.Account{}
	err := Each(addresses, func(address string) error {
		some, err := d.List(ctx, address)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		all[address] = some
		return nil
	})
	return all, err
}

// Each does something at every address, at all of them at the same time: one that does not answer holds up no other. It gives the first error by address.
func Each(addresses []string, do func(address string) error) error {
	if len(addresses) == 0 {
		return mq.Refuse(mq.Unavailable, "no broker is registered")
	}
	addresses = slices.Sorted(slices.Values(addresses))
	failed := make([]error, len(addresses))
	var visits sync.WaitGroup
	for i, address := range addresses {
		visits.Go(func() { failed[i] = do(address) })
	}
	visits.Wait()
	for i, err := range failed {
		if err != nil {
			return mq.During("replica "+addresses[i], err)
		}
	}
	return nil
}

// Put makes a user with exactly these rules at a replica. Rules are of the custom policy.
func (d Door) Put(ctx context.Context, address string, a mq.Account) error {
	all, err := d.List(ctx, address)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(x mq.Account) bool { return x.Name == a.Name })
	user := remoting.Request{Code: remoting.CreateUser, Header: &admin.ByUser{Name: a.Name},
		Body: admin.User{Name: a.Name, Secret: a.Secret, Super: a.Super, Off: a.Disabled}.AppendJSON(nil)}
	var was []mq.Rule
	if i >= 0 {
		user.Code, was = remoting.UpdateUser, all[i].Rules
	}
	if err := d.do(ctx, address, user); err != nil {
		return err
	}
	if err := d.allow(ctx, address, a, len(was) > 0); err != nil {
		return err
	}
	for _, r := range was {
		if slices.ContainsFunc(a.Rules, func(x mq.Rule) bool { return x.Resource == r.Resource }) {
			continue
		}
		if err := d.do(ctx, address, remoting.Request{Code: remoting.DeleteACL, Header: &admin.DropACL{Subject: subjectPrefix + a.Name, Resource: r.Resource}}); err != nil {
			return err
		}
	}
	return nil
}

// allow writes the rules; those that are there already and not named stay.
func (d Door) allow(ctx context.Context, address string, a mq.Account, there bool) error {
	if len(a.Rules) == 0 {
		return nil
	}
	acl := admin.ACL{Subject: subjectPrefix + a.Name}
	for _, r := range a.Rules {
		acl.Entries = append(acl.Entries, admin.Entry{Resource: r.Resource, Actions: r.Actions, Sources: r.Sources, Deny: r.Deny})
	}
	q := remoting.Request{Code: remoting.CreateACL, Header: &admin.BySubject{Subject: acl.Subject}, Body: acl.AppendJSON(nil)}
	if there {
		q.Code = remoting.UpdateACL
	}
	return d.do(ctx, address, q)
}

// Drop removes a user with his rules from a replica. One that is not there is no error.
func (d Door) Drop(ctx context.Context, address, name string) error {
	all, err := d.List(ctx, address)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(x mq.Account) bool { return x.Name == name })
	if i < 0 {
		return nil
	}
	if len(all[i].Rules) > 0 { // first what he may, then who he is
		if err := d.do(ctx, address, remoting.Request{Code: remoting.DeleteACL, Header: &admin.DropACL{Subject: subjectPrefix + name}}); err != nil {
			return err
		}
	}
	return d.do(ctx, address, remoting.Request{Code: remoting.DeleteUser, Header: &admin.ByUser{Name: name}})
}

// Switch enables or disables a user of a replica. Secret and kind go with it as they are, and his rules stay. One that is not there is no error.
func (d Door) Switch(ctx context.Context, address, name string, on bool) error {
	all, err := d.List(ctx, address)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(x mq.Account) bool { return x.Name == name })
	if i < 0 || all[i].Disabled != on {
		return nil
	}
	u := admin.User{Name: name, Secret: all[i].Secret, Super: all[i].Super, Off: !on}
	return d.do(ctx, address, remoting.Request{Code: remoting.UpdateUser, Header: &admin.ByUser{Name: name}, Body: u.AppendJSON(nil)})
}

func (d Door) do(ctx context.Context, address string, q remoting.Request) error {
	f, err := d(ctx, address, q)
	if err != nil {
		return err
	}
	f.Release()
	return nil
}

// RulesOf says rights as rules, one for each resource.
func RulesOf(rights []mq.Right) []mq.Rule {
	var all []mq.Rule
	for _, r := range rights {
		resource, action := "Topic:"+r.Topic.String(), "Pub"
		if r.Verb == mq.Subscribe {
			action = "Sub"
		}
		if r.Topic == (mq.Physical{}) {
			resource = "Group:" + r.Group.String()
		}
		i := slices.IndexFunc(all, func(x mq.Rule) bool { return x.Resource == resource })
		if i < 0 {
			all, i = append(all, mq.Rule{Resource: resource}), len(all)
		}
		if !slices.Contains(all[i].Actions, action) {
			all[i].Actions = append(all[i].Actions, action)
		}
	}
	return all
}
