// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/control/audit"
	"github.com/causeway-mq/causeway/mq"
)

// user makes an application of a user, with the rights that his rules give him on what is taken over.
func (q Question) user(a mq.Account, topics map[string]mq.TopicName, groups map[string]mq.GroupName) Item {
	i := Item{Noun: audit.ApplicationRecord, Physical: a.Name, Verdict: Left}
	switch {
	case a.Super:
		i.Why = "may everything on the cluster: for operators, not for an application"
		return i
	case a.Disabled:
		i.Why = "is disabled"
		return i
	case a.Secret == "":
		i.Why = "the cluster does not tell his secret"
		return i
	}
	if owner, taken := q.Owners[Thing{audit.KeyRecord, a.Name}]; taken {
		i.Why = "the access key is tenant " + owner.Tenant.String() + "'s"
		switch {
		case owner.Tenant == q.Tenant && owner.Revoked:
			i.Why = "his access key was revoked"
		case owner.Tenant == q.Tenant:
			i.Name, i.Verdict, i.Why = owner.As, Known, ""
		}
		return i
	}
	name := a.Name
	if given, ok := q.Names[name]; ok {
		name = given
	}
	if err := q.Application(name); err != nil {
		i.Misnamed, i.Why = true, err.Error()+again
		return i
	}
	if q.Taken(audit.ApplicationRecord, name) {
		i.Misnamed, i.Why = true, fmt.Sprintf("the tenant has another application %q"+again, name)
		return i
	}
	u, notes, err := rightsOf(a.Rules, topics, groups)
	if err != nil {
		i.Why = err.Error()
		return i
	}
	u.Secret = a.Secret
	i.Name, i.Verdict, i.User, i.Why = name, Adopted, u, strings.Join(notes, "; ")
	return i
}

// rightsOf says rules as rights. Administration is not taken over: whoever needs it gets a role.
func rightsOf(rules []mq.Rule, topics map[string]mq.TopicName, groups map[string]mq.GroupName) (u User, notes []string, err error) {
	publish, read, consume := map[mq.TopicName]bool{}, map[mq.TopicName]bool{}, map[mq.GroupName]bool{}
	for _, r := range rules {
		switch {
		case r.Deny:
			return u, nil, fmt.Errorf("rule for %s denies: rights here only allow", r.Resource)
		case len(r.Sources) > 0:
			return u, nil, fmt.Errorf("rule for %s holds from some addresses only: rights here hold from everywhere", r.Resource)
		}
		sends, reads := may(r, "Pub"), may(r, "Sub")
		if !sends && !reads {
			notes = append(notes, "what he may administer is not taken over ("+r.Resource+")")
			continue
		}
		noun, pattern, ok := strings.Cut(r.Resource, ":")
		if !ok {
			noun, pattern = "*", r.Resource
		}
		hits := 0
		if noun == "Topic" || noun == "*" {
			for physical, n := range topics {
				if matches(pattern, physical) {
					hits++
					publish[n], read[n] = publish[n] || sends, read[n] || reads
				}
			}
		}
		if noun == "Group" || noun == "*" {
			for physical, n := range groups {
				if matches(pattern, physical) {
					hits++
					consume[n] = consume[n] || reads
				}
			}
		}
		switch {
		case strings.HasSuffix(pattern, "*"):
			notes = append(notes, fmt.Sprintf("%s: the %d that there are now, none to come", r.Resource, hits))
		case hits == 0:
			notes = append(notes, r.Resource+" is not taken over")
		}
	}
	u.Publish, u.Read, u.Consume = chosen(publish), chosen(read), chosen(consume)
	return u, notes, nil
}

func may(r mq.Rule, action string) bool {
	return slices.ContainsFunc(r.Actions, func(a string) bool { return strings.EqualFold(a, action) || strings.EqualFold(a, "All") || a == "*" })
}

func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

// chosen lists what is true, by name.
func chosen[N interface {
	comparable
	String() string
}](some map[N]bool) []N {
	var all []N
	for n, yes := range maps.All(some) {
		if yes {
			all = append(all, n)
		}
	}
	slices.SortFunc(all, func(a, b N) int { return strings.Compare(a.String(), b.String()) })
	return all
}
