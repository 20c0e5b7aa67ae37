// SPDX-License-Identifier: Apache-2.0

package app

import (
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// shortestToken is how many bytes a token needs where others than this machine can try it.
const shortestToken = 16

// everybodysTokens are words that whoever looks for an open door tries first.
func everybodysTokens() []string {
	return []string{"admin", "administrator", "causeway", "changeme", "change-me", "default", "password", "root", "secret", "token"}
}

// tokenProblems looks at the token of the HTTP port.
func tokenProblems(token, http string, production bool) []problem {
	open := http != "" && !onLoopback(http)
	switch {
	case token == "" && open:
		return []problem{{"token", fmt.Sprintf("required because http (%s) is not on the loopback interface", http)}}
	case token == "" && production:
		return []problem{{"token", "required in production"}}
	case token == "":
	case slices.Contains(everybodysTokens(), strings.ToLower(strings.TrimRight(token, "0123456789!"))):
		return []problem{{"token", "a word that everybody tries; take a random one, for example of `openssl rand -hex 24`"}}
	case (open || production) && len(token) < shortestToken:
		return []problem{{"token", fmt.Sprintf("%d bytes, at least %d are needed where others can try it", len(token), shortestToken)}}
	}
	return nil
}

// keyProblems refuses a private key that everybody on this machine can read.
func keyProblems(key, path string) []problem {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o004 == 0 {
		return nil // what is not there is told by whoever reads it
	}
	return []problem{{key, fmt.Sprintf("%s: mode %04o lets everybody read the private key; try: chmod 600 %s", path, info.Mode().Perm(), path)}}
}

// lifeProblems refuses a certificate whose time is over or has not begun: no client that checks it would connect.
func lifeProblems(key, path string, leaf *x509.Certificate, now time.Time) []problem {
	switch {
	case now.After(leaf.NotAfter):
		return []problem{{key, fmt.Sprintf("%s: the certificate ended at %s", path, leaf.NotAfter.UTC().Format(time.RFC3339))}}
	case now.Before(leaf.NotBefore):
		return []problem{{key, fmt.Sprintf("%s: the certificate holds from %s on", path, leaf.NotBefore.UTC().Format(time.RFC3339))}}
	}
	return nil
}

// productionProblems refuses what is fit for trying out alone.
func (c Config) productionProblems() (ps []problem) {
	if c.Production && c.Unsigned {
		ps = append(ps, problem{"unsigned_loopback", "false in production: whoever reaches this machine would send without a name"})
	}
	return ps
}

func (c ProxyConfig) productionProblems() (ps []problem) {
	if !c.Production {
		return nil
	}
	if !c.complete() && !c.Authentication {
		ps = append(ps, problem{"authentication", "true in production: whoever reaches the port would be let in"})
	}
	return append(ps, openClusters(c.Clusters)...)
}

// openClusters refuses clusters that are not protected.
func openClusters(clusters []ClusterConfig) (ps []problem) {
	for i, one := range clusters {
		if one.AccessKey == "" {
			ps = append(ps, problem{fmt.Sprintf("clusters[%d].access_key", i), "required in production: a cluster without ACL takes requests of everybody who reaches it"})
		}
		if one.TLS && one.AnyCert {
			ps = append(ps, problem{fmt.Sprintf("clusters[%d].any_certificate", i), "false in production: whoever stands between could read everything"})
		}
	}
	return ps
}
