// SPDX-License-Identifier: Apache-2.0

package configfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/app"
)

// signer is the user as whom one file's process signs at the brokers of one cluster.
type signer struct {
	path, key, cluster, user string
	production               bool
}

// Apart holds files against each other that are good each by itself: no proxy signs at the brokers as a control plane does, whose user is an administrator there. Where one of the
// two is for production that is an error, else a note.
func (s Secrets) Apart(paths map[string]Kind) (note string, err error) {
	var planes, proxies []signer
	for path, kind := range paths {
		switch kind {
		case Control:
			c, err := s.control(path)
			if err != nil {
				return "", err
			}
			planes = append(planes, signers(path, c.Clusters, c.Production)...)
		case Proxy, Apaches:
			c, _, err := app.CheckProxyConfig(path)
			if err != nil {
				return "", err
			}
			proxies = append(proxies, signers(path, c.Clusters, c.Production)...)
		}
	}
	var shared []string
	production := false
	for _, p := range proxies {
		for _, c := range planes {
			if p.user == "" || p.user != c.user || p.cluster != c.cluster {
				continue
			}
			production = production || p.production || c.production
			shared = append(shared, fmt.Sprintf("%s: %s: is the user of the control plane (%s: %s) at the brokers of cluster %s, an administrator there: whoever takes the proxy has its rights, and it cannot be ended for the proxy alone; proxies need a user of their own",
				p.path, p.key, c.path, c.key, p.cluster))
		}
	}
	slices.Sort(shared)
	note = strings.Join(shared, "\n")
	if production {
		return "", errors.New(note)
	}
	return note, nil
}

func signers(path string, clusters []app.ClusterConfig, production bool) (all []signer) {
	for i, one := range clusters {
		all = append(all, signer{path: path, key: fmt.Sprintf("clusters[%d].access_key", i), cluster: one.Name, user: one.AccessKey, production: production})
	}
	return all
}
