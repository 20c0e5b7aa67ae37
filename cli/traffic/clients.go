// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/cli/call"
)

// seen is a live client and the proxies that have it.
type seen struct {
	app.LiveClient
	Proxies []string `json:"proxies"`
}

// clientsCommand is `causeway clients`: brokers know no client behind a proxy, and each proxy knows its own.
func (c commands) clientsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "clients [URL]...", Short: "List the live clients of proxies by the HTTP address of each, such as http://10.0.0.1:8091 (default: --server)",
		Example: "  causeway clients http://10.0.0.1:8091 http://10.0.0.2:8091",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, urls []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			if len(urls) == 0 {
				urls = []string{c.Server}
			}
			lists, errs := make([][]app.LiveClient, len(urls)), make([]error, len(urls))
			var asking sync.WaitGroup
			for i, url := range urls {
				asking.Go(func() {
					one := *c.Call
					one.Server = url
					if errs[i] = one.Ask(cmd.Context(), http.MethodGet, "/clients", nil, &lists[i]); errs[i] != nil {
						errs[i] = fmt.Errorf("%s: %w", url, errs[i])
					}
				})
			}
			asking.Wait()
			all := together(urls, lists)
			err := c.Show(all, func() call.Table {
				t := call.Table{Head: []string{"TENANT", "GROUP", "KIND", "CLIENT", "LANGUAGE", "VERSION", "PROXIES"}}
				for _, s := range all {
					t.Add(s.Tenant, s.Group, s.Kind, s.Client, s.Language, s.Version, strings.Join(s.Proxies, " "))
				}
				return t
			})
			return errors.Join(append([]error{err}, errs...)...)
		},
	}
}

// together lists each client once: it keeps a stream to every proxy of its routes.
func together(urls []string, lists [][]app.LiveClient) []seen {
	all := []seen{}
	index := map[app.LiveClient]int{}
	for i, list := range lists {
		for _, one := range list {
			one.Remote = "" // differs with each connection
			at, known := index[one]
			if !known {
				at, index[one] = len(all), len(all)
				all = append(all, seen{LiveClient: one})
			}
			all[at].Proxies = append(all[at].Proxies, urls[i])
		}
	}
	slices.SortFunc(all, func(a, b seen) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Client, b.Client))
	})
	return all
}
