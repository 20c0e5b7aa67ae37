// SPDX-License-Identifier: Apache-2.0

// Package clusters holds the commands about the clusters themselves: which there are, how they differ from what is wanted, what one has that is
// to be taken over.
package clusters

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

type commands struct{ *call.Call }

// Commands gives the room's commands.
func Commands(c *call.Call) []*cobra.Command {
	own := commands{c}
	return []*cobra.Command{own.clusterCommand(), own.importCommand()}
}

func (c commands) clusterCommand() *cobra.Command {
	return call.Group("cluster", "Clusters: where topics and groups are kept", c.clusterList(), c.clusterBrokers(), c.clusterOffered(), c.clusterDrift())
}

func (c commands) clusterList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List clusters with what was last seen of them", Args: call.Exactly(),
		Example: "  causeway cluster list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := call.Everything[wire.Cluster](cmd.Context(), c.Call, "/v1/clusters")
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"NAME", "KIND", "DEFAULT", "STATE", "TOPICS", "GROUPS", "LOOKED", "NOTE"}}
				for _, one := range all {
					t.Add(one.Name, call.Dash(one.Kind), call.YesNo(one.Default), one.State, strconv.Itoa(one.Topics), strconv.Itoa(one.Groups), call.When(one.Looked), call.Dash(one.Note))
				}
				return t
			})
		},
	}
}

func (c commands) clusterOffered() *cobra.Command {
	return &cobra.Command{
		Use: "offered", Short: "List the clusters on which the tenant can make topics and groups", Args: call.Exactly(),
		Long: "A topic's durability and retention are settings of the brokers on some clusters, for all topics alike. A topic there cannot ask for them: leave them out,\n" +
			"and have them set at the brokers.",
		Example: "  causeway cluster offered",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := call.Everything[wire.OfferedCluster](cmd.Context(), c.Call, c.In("clusters"))
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"NAME", "DEFAULT", "SETTINGS OF THE BROKERS"}}
				for _, one := range all {
					t.Add(one.Name, call.YesNo(one.Default), call.Names(one.BrokerSettings))
				}
				return t
			})
		},
	}
}

func (c commands) clusterDrift() *cobra.Command {
	return &cobra.Command{
		Use: "drift", Short: "Show how clusters differ from what is wanted of them", Args: call.Exactly(),
		Example: "  causeway cluster drift",
		Long: "LOOKED is when a cluster was looked at last; it is looked at every minute, and soon after a change that it has to follow. KIND is none where nothing differs. What is\n" +
			"missing or different is put again; what is extra is told and never touched.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := call.Everything[wire.Drift](cmd.Context(), c.Call, "/v1/drift")
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"CLUSTER", "LOOKED", "KIND", "WHAT", "ON THE CLUSTER", "TENANT", "NAME", "DETAIL", "PUT AGAIN"}}
				for _, d := range all {
					if d.State != "serves" || len(d.Items) == 0 {
						t.Add(d.Cluster, call.When(d.Looked), map[bool]string{true: "none", false: d.State}[d.State == "serves"], "-", "-", "-", "-", call.Dash(d.Why), "-")
					}
					for _, i := range d.Items {
						t.Add(d.Cluster, call.When(d.Looked), i.Kind, i.Noun, call.Dash(i.Physical), call.Dash(i.Tenant), call.Dash(i.Name), call.Dash(i.Detail), call.Dash(i.Mended))
					}
				}
				return t
			})
		},
	}
}

func (c commands) importCommand() *cobra.Command {
	want := wire.Import{}
	var names []string
	cmd := &cobra.Command{
		Use: "import CLUSTER", Short: "Take over what a cluster has for a tenant; without --apply, show what would become of it", Args: call.Exactly("the CLUSTER"),
		Example: "  causeway import causeway\n  causeway import causeway --apply --name 'odd|name=odd-name'",
		Long: "Topics, groups and users that a cluster has become topics, groups and applications of the tenant. Nothing changes on the cluster: names there stay,\n" +
			"and so do messages, offsets and keys. It may be repeated. Names that cannot be given are refused before anything is done.\n\n" +
			"A user who is taken over keeps his secret as the access key. When that key ends (revoked, or with its application or tenant), proxies refuse it at once, and the\n" +
			"brokers' user is disabled within seconds, with his rules; causeway cluster drift tells what is left to do there. Topics and groups that were taken over are\n" +
			"deleted with --yes only.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			want.Tenant = c.Tenant
			for _, pair := range names {
				was, is, ok := strings.Cut(pair, "=")
				if !ok {
					return call.Usage(`--name %q: "NAME ON THE CLUSTER=NAME" is wanted`, pair)
				}
				if want.Names == nil {
					want.Names = map[string]string{}
				}
				want.Names[was] = is
			}
			var p wire.ImportPlan
			if err := c.Ask(cmd.Context(), http.MethodPost, "/v1/clusters/"+url.PathEscape(args[0])+"/import", want, &p); err != nil {
				return err
			}
			if !want.Apply && c.Output == "table" && !c.Quiet {
				fmt.Fprintln(c.Env.Err, "This is the plan alone, nothing was done; the same with --apply does it.")
			}
			return c.Show(p, func() call.Table {
				t := call.Table{Head: []string{"WHAT", "ON THE CLUSTER", "BECOMES", "NAME", "WHY"}}
				for _, i := range p.Items {
					t.Add(i.Noun, i.Physical, i.Verdict, call.Dash(i.Name), call.Dash(i.Why))
				}
				return t
			})
		},
	}
	cmd.Flags().BoolVar(&want.Apply, "apply", false, "do it")
	cmd.Flags().StringArrayVar(&names, "name", nil, `what is to be called otherwise: "NAME ON THE CLUSTER=NAME", may be repeated`)
	return cmd
}
