// SPDX-License-Identifier: Apache-2.0

// Package configfile tells the files of operators apart, checks and explains them.
package configfile

import (
	"fmt"
	"os"
	"regexp"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/rmqproxy"
	"github.com/causeway-mq/causeway/internal/strictyaml"
	"github.com/causeway-mq/causeway/proxy/catalog/file"
)

// Kind is whose file a file is.
type Kind string

// The kinds.
const (
	Up      Kind = "up"      // of `causeway up`
	Proxy   Kind = "proxy"   // of `causeway proxy`
	Control Kind = "control" // of `causeway control`
	Catalog Kind = "catalog" // of tenants, topics and groups
	Apaches Kind = "rmq-proxy"
)

// topKey is a key at the top of a YAML file. It is looked for by line, so that a file with an error in it is still known.
var topKey = regexp.MustCompile(`(?m)^([a-z_]+)[ \t]*:`)

// Of tells what a file is by its content: the kind that knows most of its keys. sure is false where another kind knows as many.
func Of(raw []byte) (kind Kind, sure bool) {
	if rmqproxy.Is(raw) {
		return Apaches, true
	}
	known := map[Kind]map[string]bool{}
	for kind, keys := range map[Kind][]string{
		Up: strictyaml.Keys(app.Config{}), Proxy: strictyaml.Keys(app.ProxyConfig{}), Control: strictyaml.Keys(app.ControlConfig{}), Catalog: file.Keys(),
	} {
		known[kind] = map[string]bool{}
		for _, k := range keys {
			known[kind][k] = true
		}
	}
	kind, best := Up, -1
	for _, one := range []Kind{Up, Proxy, Control, Catalog} {
		n := 0
		for _, m := range topKey.FindAllSubmatch(raw, -1) {
			if known[one][string(m[1])] {
				n++
			}
		}
		switch {
		case n > best:
			kind, best, sure = one, n, true
		case n == best:
			sure = false
		}
	}
	return kind, sure
}

// Secrets are what a server finds in its environment instead of its file.
type Secrets struct {
	Token       string   // CAUSEWAY_TOKEN
	ProxyTokens []string // CAUSEWAY_PROXY_TOKEN
	OIDC        string   // CAUSEWAY_OIDC_SECRET
}

// control reads a control plane's file as the server does.
func (s Secrets) control(path string) (app.ControlConfig, error) {
	c, err := app.LoadControlConfig(path)
	if err != nil && !c.FromFile() {
		return c, err
	}
	if s.Token != "" {
		c.Token = s.Token
		c.Flagged("token")
	}
	if len(s.ProxyTokens) > 0 {
		c.ProxyTokens = s.ProxyTokens
		c.Flagged("proxy_tokens")
	}
	if s.OIDC != "" {
		c.OIDC.ClientSecret = s.OIDC
		c.Flagged("oidc.client_secret")
	}
	return c, c.Validate()
}

// Check names all that is wrong in a file, and of Apache's what becomes of each key.
func Check(kind Kind, path string, from Secrets) ([]rmqproxy.Finding, error) {
	switch kind {
	case Control:
		_, err := from.control(path)
		return nil, err
	case Proxy, Apaches:
		c, found, err := app.CheckProxyConfig(path)
		if err == nil && c.Catalog != "" {
			if err = checkCatalog(c.Catalog); err != nil {
				err = fmt.Errorf("%s: catalog: %w", path, err)
			}
		}
		return found, err
	case Catalog:
		return nil, checkCatalog(path)
	}
	_, err := app.LoadConfig(path)
	return nil, err
}

// checkCatalog reads a catalog as a proxy that starts does.
func checkCatalog(path string) error {
	raw, err := file.Read(path)
	if err != nil {
		return err
	}
	if _, err := file.Parse(raw, nil); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Explain writes a file as YAML with every key explained and secrets redacted, an example or the defaults where path is "". Apache's comes out in the
// keys of `causeway proxy`.
func Explain(kind Kind, path string, from Secrets) ([]byte, error) {
	switch {
	case kind == Control && path == "":
		c := app.DefaultControlConfig()
		c.Clusters = []app.ClusterConfig{{Name: app.DefaultClusterName, NameServers: []string{"127.0.0.1:9876"}}} // its keys want to be seen, too
		return strictyaml.Encode(c)
	case kind == Control:
		c, err := from.control(path)
		if err != nil {
			return nil, err
		}
		return strictyaml.Encode(c)
	case kind == Catalog && path == "":
		return file.Explain(nil)
	case kind == Catalog:
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return file.Explain(raw)
	case kind != Up && path == "":
		c := app.DefaultProxyConfig()
		c.Clusters = []app.ClusterConfig{{Name: app.DefaultClusterName, NameServers: []string{"127.0.0.1:9876"}}} // its keys want to be seen, too
		return strictyaml.Encode(c)
	case kind != Up:
		c, _, err := app.CheckProxyConfig(path)
		if err != nil {
			return nil, err
		}
		return strictyaml.Encode(c)
	case path == "":
		return strictyaml.Encode(app.DefaultConfig())
	}
	c, err := app.LoadConfig(path)
	if err != nil {
		return nil, err
	}
	return strictyaml.Encode(c)
}
