// SPDX-License-Identifier: Apache-2.0

// Package drift tells what a catalog has and a cluster lacks.
package drift

import (
	"fmt"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/app/mqadmin"
	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// most is how many names a gap lists.
const most = 10

// Gap is what one kind of thing differs in.
type Gap struct {
	What    string // topics, types, groups
	Missing bool   // what is missing takes no calls; what only differs refuses some
	Detail  string
	Fix     string // a command line for the first of them
}

// Between compares a catalog with what one of its clusters has. brokers is the brokers' name for the cluster.
func Between(snap *catalog.Snapshot, cluster mq.Cluster, inv mq.Inventory, brokers string) (gaps []Gap) {
	topics, groups := map[mq.Physical]mq.TopicSpec{}, map[mq.Physical]bool{}
	for _, t := range inv.Topics {
		topics[t.Name] = t
	}
	for _, g := range inv.Groups {
		groups[g.Name] = true
	}
	var lackT, differ, lackG list
	for t := range snap.Topics {
		if _, dead := t.Name.DeadLettersOf(); dead || t.Cluster != cluster {
			continue
		}
		there, ok := topics[t.Topic.Name]
		switch {
		case !ok:
			lackT.add(fmt.Sprintf("%s of tenant %s (as %s)", t.Name, t.Tenant, t.Topic.Name), mqadmin.Topic(brokers, t.Topic))
		case there.Accepts|t.Accepts != there.Accepts:
			differ.add(fmt.Sprintf("%s of tenant %s takes %s there, the catalog says %s", t.Name, t.Tenant, words(there.Accepts), words(t.Accepts)), mqadmin.Topic(brokers, t.Topic))
		}
	}
	for g := range snap.Groups {
		if g.Cluster == cluster && !groups[g.Group.Name] {
			lackG.add(fmt.Sprintf("%s of tenant %s (as %s)", g.Name, g.Tenant, g.Group.Name), mqadmin.Group(brokers, g.Group))
		}
	}
	for _, one := range []struct {
		list
		what, before string
		missing      bool
	}{{lackT, "topics", "not there: ", true}, {differ, "types", "", false}, {lackG, "groups", "not there: ", true}} {
		if len(one.list) > 0 {
			detail, fix := one.tell()
			gaps = append(gaps, Gap{one.what, one.missing, one.before + detail, fix})
		}
	}
	return gaps
}

// list is names, each with the command that mends it.
type list []struct{ name, mend string }

func (l *list) add(name, mend string) {
	*l = append(*l, struct{ name, mend string }{name, mend})
}

func (l list) tell() (detail, fix string) {
	slices.SortFunc(l, func(a, b struct{ name, mend string }) int { return strings.Compare(a.name, b.name) })
	names := make([]string, 0, most)
	for _, one := range l[:min(len(l), most)] {
		names = append(names, one.name)
	}
	detail = strings.Join(names, ", ")
	if more := len(l) - most; more > 0 {
		detail += fmt.Sprintf(" and %d more", more)
	}
	return detail, l[0].mend
}

func words(a mq.Accepts) string {
	var all []string
	for _, t := range a.Types() {
		all = append(all, t.String())
	}
	return strings.Join(all, ", ")
}
