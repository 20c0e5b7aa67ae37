// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/manifest"
	"github.com/causeway-mq/causeway/internal/nearest"
)

func (c commands) getCommand() *cobra.Command {
	var revision bool
	cmd := &cobra.Command{
		Use: "get KIND [NAME]...", Short: "Show things as documents that apply and diff read", Args: cobra.MinimumNArgs(1),
		Long: `Show things as documents that apply and diff read: KIND is tenants, topics, groups, grants, apps, plans, environments, zones or all, which is a tenant's topics, groups and applications.

A document holds what can be wished for. What changes by itself, such as state, and moments stand in "causeway topic describe" and its like. With --revision each
document holds for the very revision that was read: applied, it is refused when somebody else changed the thing since.`,
		Example: "  causeway get topics\n  causeway get topic orders -o yaml\n  causeway get all -o yaml > installation.yaml\n  causeway get groups -o name",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := call.Choice("--output", c.Output, "table", "json", "yaml", "name"); err != nil {
				return err
			}
			kinds, err := kindsOf(args[0])
			if err != nil {
				return err
			}
			if len(kinds) > 1 && len(args) > 1 {
				return call.Usage("%s: names go with one kind, not with %s", cmd.CommandPath(), args[0])
			}
			var all []manifest.Object
			for _, k := range kinds {
				some, err := c.get(cmd, k, args[1:])
				if err != nil {
					return err
				}
				all = append(all, some...)
			}
			if !revision {
				for i := range all {
					all[i] = all[i].Bare()
				}
			}
			return c.showDocuments(all, len(args) == 2)
		},
	}
	cmd.ValidArgsFunction = c.offerKinds
	cmd.Flags().BoolVar(&revision, "revision", false, "hold each document to the revision that was read")
	return cmd
}

// offerKinds completes KIND, then names of that kind.
func (c commands) offerKinds(cmd *cobra.Command, have []string, _ string) ([]string, cobra.ShellCompDirective) {
	offered := these("topics", "groups", "grants", "apps", "tenants", "plans", "environments", "zones", "all")
	if len(have) > 0 {
		k, ok := manifest.KindByWord(have[0])
		if !ok || !k.InTenant {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		offered = c.listed(k.Words[0])
	}
	return offered(cmd), cobra.ShellCompDirectiveNoFileComp
}

// kindsOf reads KIND.
func kindsOf(word string) ([]manifest.Kind, error) {
	if k, ok := manifest.KindByWord(word); ok {
		return []manifest.Kind{k}, nil
	}
	words := []string{"all"}
	var inTenant []manifest.Kind
	for _, k := range manifest.Kinds() {
		words = append(words, k.Words...)
		if k.InTenant {
			inTenant = append(inTenant, k)
		}
	}
	if word == "all" {
		return inTenant, nil
	}
	return nil, call.Usage("causeway get: no kind %q: tenants, topics, groups, grants, apps, plans, environments, zones or all%s", word, nearest.Hint(word, words))
}

func (c commands) get(cmd *cobra.Command, k manifest.Kind, names []string) ([]manifest.Object, error) {
	tenant := ""
	if k.InTenant {
		tenant = c.Tenant
	}
	if len(names) == 0 {
		return manifest.List(cmd.Context(), c.Call, k, tenant)
	}
	var all []manifest.Object
	for _, name := range names {
		one, err := manifest.Get(cmd.Context(), c.Call, k, tenant, name)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// showDocuments writes documents: one alone is an object for json, several are a list.
func (c commands) showDocuments(all []manifest.Object, one bool) error {
	switch {
	case c.Output == "name":
		for _, o := range all {
			fmt.Fprintln(c.Env.Out, o.Name())
		}
		return nil
	case c.Output == "yaml":
		for i, o := range all {
			if i > 0 {
				fmt.Fprintln(c.Env.Out, "---")
			}
			if err := c.Show(o, nil); err != nil {
				return err
			}
		}
		return nil
	case one:
		return c.Show(all[0], func() call.Table { return wishes(all) })
	}
	if all == nil {
		all = []manifest.Object{} // for machines nothing is an empty list
	}
	return c.Show(all, func() call.Table { return wishes(all) })
}

// wishes is documents at a glance.
func wishes(all []manifest.Object) call.Table {
	t := call.Table{Head: []string{"KIND", "NAME", "WANTED"}}
	for _, o := range all {
		var wanted []string
		raw, err := json.Marshal(o)
		var fields map[string]json.RawMessage
		if err != nil || json.Unmarshal(raw, &fields) != nil {
			continue // what was read as JSON is JSON
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if !slices.Contains([]string{"kind", "tenant", "name", "revision"}, name) {
				wanted = append(wanted, name+"="+manifest.Shown(fields[name]))
			}
		}
		t.Add(o.Kind.Name, o.Name(), strings.Join(wanted, " "))
	}
	return t
}
