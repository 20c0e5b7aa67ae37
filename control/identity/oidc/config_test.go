// SPDX-License-Identifier: Apache-2.0

package oidc_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/identity/oidc"
)

func asRefusal(err error, r **control.Refusal) bool { return errors.As(err, r) }

func good() oidc.Config {
	c := oidc.Default()
	c.Issuer, c.ClientID, c.RedirectURL = "https://id.example", "causeway", "https://mq.example"+oidc.ReturnPath
	return c
}

// problems are what Check finds, a line each.
func problems(c oidc.Config) (lines []string) {
	c.Check(func(key, format string, args ...any) { lines = append(lines, key+": "+fmt.Sprintf(format, args...)) })
	return lines
}

func TestAConfigurationIsCheckedAsAWhole(t *testing.T) {
	if wrong := problems(good()); len(wrong) > 0 {
		t.Errorf("the good one: %v", wrong)
	}
	if wrong := problems(oidc.Default()); len(wrong) > 0 {
		t.Errorf("none at all: %v", wrong)
	}
	loose := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(loose, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*oidc.Config){
		"oidc.issuer: https is needed":             func(c *oidc.Config) { c.Issuer = "http://id.example" },
		"oidc.issuer: https://HOST":                func(c *oidc.Config) { c.Issuer = "file:///etc/passwd" },
		"oidc.issuer: has neither a query":         func(c *oidc.Config) { c.Issuer += "/?a=b" },
		"oidc.issuer: is missing":                  func(c *oidc.Config) { c.Issuer = "" },
		"oidc.client_id: 1 to":                     func(c *oidc.Config) { c.ClientID = "" },
		"oidc.redirect_url: must end with":         func(c *oidc.Config) { c.RedirectURL = "https://mq.example/" },
		"oidc.redirect_url: https is needed":       func(c *oidc.Config) { c.RedirectURL = "http://mq.example" + oidc.ReturnPath },
		"oidc.logout_url: https://HOST":            func(c *oidc.Config) { c.LogoutURL = "out" },
		"oidc.name_claim: 1 to":                    func(c *oidc.Config) { c.NameClaim = "" },
		"oidc.scopes[0]: \"a b\" is no scope":      func(c *oidc.Config) { c.Scopes = []string{"a b"} },
		"chmod 600":                                func(c *oidc.Config) { c.SecretFile = loose },
		"one of both":                              func(c *oidc.Config) { c.SecretFile, c.ClientSecret = loose, "y" },
		"oidc.ca: ":                                func(c *oidc.Config) { c.CA = loose },
		"[0]: group: 1 to":                         func(c *oidc.Config) { c.Mappings = []oidc.Mapping{{Role: "viewer"}} },
		"[0]: tenant: ":                            func(c *oidc.Config) { c.Mappings = []oidc.Mapping{{Group: "g", Tenant: "A B", Role: "viewer"}} },
		"[0]: role: viewer, operator":              func(c *oidc.Config) { c.Mappings = []oidc.Mapping{{Group: "g", Role: "developer"}} },
		"[0]: role: viewer, developer":             func(c *oidc.Config) { c.Mappings = []oidc.Mapping{{Group: "g", Tenant: "shop", Role: "operator"}} },
		"[0]: role: break-glass ends within hours": func(c *oidc.Config) { c.Mappings = []oidc.Mapping{{Group: "g", Role: "break-glass"}} },
		"[1]: group \"g\" has a role there already": func(c *oidc.Config) {
			c.Mappings = []oidc.Mapping{{Group: "g", Role: "viewer"}, {Group: "g", Role: "auditor"}}
		},
	} {
		c := good()
		change(&c)
		if wrong := problems(c); !strings.Contains(strings.Join(wrong, "\n"), want) {
			t.Errorf("nothing about %q in %v", want, wrong)
		}
	}
}
