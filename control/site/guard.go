// SPDX-License-Identifier: Apache-2.0

package site

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/control/grant"
	"github.com/causeway-mq/causeway/mq"
)

// Users of tenants. Where a cluster itself checks who calls, each tenant that has anything there has a user of its own, so that a
// connection that passes no proxy cannot cross tenants either.
//
// The secret is made here and kept by the brokers alone, which give it back to who may everything: it stands in no database of the
// control plane, no log and no audit. A replica that lacks the user gets it with the others' secret.
//
// Two installations on one cluster that check who calls would each remove the other's users: a cluster with users of tenants has one control plane, or several over
// one database.
//
// Rejected: a rule for each topic of every tenant. A tenant's names all begin with its id and '%', which stands in no id, so that one
// rule covers them; only names that do not (the default tenant's, imported ones) have rules of their own.

// Guard is a cluster's own access control.
type Guard interface {
	// AccountsAt lists the users of every replica, by its address: each keeps its own. With an error come those of the replicas that answered.
	AccountsAt(ctx context.Context) (map[string][]mq.Account, error)
	// PutAccount makes a user with exactly these rules on every replica.
	PutAccount(ctx context.Context, a mq.Account) error
	// DropAccount removes a user with its rules from every replica; one that is not there is no error.
	DropAccount(ctx context.Context, name string) error
	// SwitchAccount enables or disables a user on every replica that has him, and leaves all else of him as it is; one that is not there is no error. Every
	// replica is tried, also after one that fails.
	SwitchAccount(ctx context.Context, name string, on bool) error
}

// userPrefix begins the names of tenants' users; a user of such a name that no tenant stands behind is removed.
const userPrefix = "causeway-tenant-"

// UserOf is the name of a tenant's user.
func UserOf(tenant string) string { return userPrefix + tenant }

// RulesOf is what the user of a tenant may on a cluster where the tenant has these topics and groups.
func RulesOf(t mq.Tenant, topics, groups []mq.Physical) []mq.Rule {
	sends, reads := []string{"Pub", "Sub", "Get"}, []string{"Sub", "Get"}
	var all []mq.Rule
	prefix := t.String() + "%"
	if !t.IsDefault() {
		all = []mq.Rule{{Resource: "Topic:" + prefix + "*", Actions: sends}, {Resource: "Group:" + prefix + "*", Actions: reads},
			{Resource: "Topic:%DLQ%" + prefix + "*", Actions: reads}}
	}
	own := func(name mq.Physical) bool { return !t.IsDefault() && strings.HasPrefix(name.String(), prefix) }
	for _, name := range topics {
		if !own(name) {
			all = append(all, mq.Rule{Resource: "Topic:" + name.String(), Actions: sends})
		}
	}
	for _, name := range groups {
		if !own(name) {
			all = append(all, mq.Rule{Resource: "Group:" + name.String(), Actions: reads},
				mq.Rule{Resource: "Topic:" + mq.PhysicalDeadLetters(name).String(), Actions: reads})
		}
	}
	return all
}

// RuleOf is what the user of a tenant may with a topic that is lent to it.
func RuleOf(topic mq.Physical, r grant.Rights) mq.Rule {
	actions := []string{"Get"}
	if r.Publish {
		actions = append(actions, "Pub")
	}
	if r.Subscribe {
		actions = append(actions, "Sub")
	}
	return mq.Rule{Resource: "Topic:" + topic.String(), Actions: actions}
}

// Protect makes the cluster have exactly the users of these tenants, each with its rules, and disables those taken over whose keys have ended. It tells what
// differed. Other users are not touched. Where the cluster checks nobody, or not by this process, it tells what is left to do.
func (s *Site) Protect(ctx context.Context, u Users) ([]Drift, error) {
	if s.Guard == nil {
		return s.follow(ctx, nil, u), nil
	}
	ctx, cancel := context.WithTimeout(ctx, Bound)
	defer cancel()
	at, err := s.Guard.AccountsAt(ctx)
	found := s.follow(ctx, at, u) // a replica that does not answer keeps nobody enabled on the others
	if err != nil {
		return found, mq.During("users of cluster "+s.Name.String(), err)
	}
	note := func(kind DriftKind, tenant, detail string, err error) {
		d := Drift{Kind: kind, Ref: audit.Ref{Kind: audit.TenantRecord, Tenant: tenant, Name: tenant}, Detail: detail, Mended: "done"}
		if err != nil {
			d.Mended = err.Error()
			s.Stir()
		}
		found = append(found, d)
	}
	wanted := map[string]bool{}
	for t, want := range u.Rules {
		wanted[UserOf(t.String())] = true
		a := mq.Account{Name: UserOf(t.String()), Secret: secretOf(at, UserOf(t.String())), Rules: want}
		kind, detail := Different, "user "+a.Name+" is not the same on every replica as it is wanted"
		switch {
		case a.Secret == "":
			kind, detail, a.Secret = Missing, "user "+a.Name, rand.Text()
		case same(at, a):
			continue
		}
		note(kind, t.String(), detail, s.Guard.PutAccount(ctx, a))
	}
	left := map[string]bool{}
	for _, users := range at {
		for _, a := range users {
			if strings.HasPrefix(a.Name, userPrefix) && !wanted[a.Name] && !left[a.Name] {
				left[a.Name] = true
				note(Extra, strings.TrimPrefix(a.Name, userPrefix), "user "+a.Name+" of no tenant: removed", s.Guard.DropAccount(ctx, a.Name))
			}
		}
	}
	slices.SortFunc(found, func(a, b Drift) int { return cmp.Compare(a.Ref.Name, b.Ref.Name) })
	return found, nil
}

// Accounts lists the users of the cluster as some replica has them; none where it checks nobody.
func (s *Site) Accounts(ctx context.Context) ([]mq.Account, error) {
	if s.Guard == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, Bound)
	defer cancel()
	at, err := s.Guard.AccountsAt(ctx)
	seen := map[string]bool{}
	var all []mq.Account
	for _, address := range slices.Sorted(maps.Keys(at)) {
		for _, u := range at[address] {
			if !seen[u.Name] {
				seen[u.Name] = true
				all = append(all, u)
			}
		}
	}
	return all, err
}

// secretOf is what some replica knows as a user's secret, "" where none knows the user. All planes take the same one.
func secretOf(at map[string][]mq.Account, user string) (secret string) {
	for _, users := range at {
		for _, u := range users {
			if u.Name == user && u.Secret > secret {
				secret = u.Secret
			}
		}
	}
	return secret
}

// same tells whether every replica has the user as it is wanted.
func same(at map[string][]mq.Account, want mq.Account) bool {
	for _, users := range at {
		i := slices.IndexFunc(users, func(u mq.Account) bool { return u.Name == want.Name })
		if i < 0 || users[i].Secret != want.Secret || users[i].Super || users[i].Disabled || !sameRules(users[i].Rules, want.Rules) {
			return false
		}
	}
	return true
}

func sameRules(a, b []mq.Rule) bool {
	if len(a) != len(b) {
		return false
	}
	has := map[string]string{}
	for _, r := range a {
		if !r.Deny && !r.Fallback && len(r.Sources) == 0 {
			has[r.Resource] = actions(r)
		}
	}
	return !slices.ContainsFunc(b, func(r mq.Rule) bool { return has[r.Resource] != actions(r) })
}

func actions(r mq.Rule) string {
	return strings.ToLower(strings.Join(slices.Sorted(slices.Values(r.Actions)), "+"))
}
