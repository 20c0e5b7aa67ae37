// SPDX-License-Identifier: Apache-2.0

package configfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/app/configfile"
)

func TestAFileWithSecretsThatOthersCanReadIsToldOf(t *testing.T) {
	const cluster = "clusters: [{name: bank, namesrv: ['127.0.0.1:9876']}]\n"
	for name, c := range map[string]struct {
		kind          configfile.Kind
		text          string
		mode          os.FileMode
		warns, errors bool
	}{
		"proxies' tokens":        {configfile.Control, cluster + "proxy_tokens: [0123456789abcdef0123]\n", 0o644, true, false},
		"in production":          {configfile.Control, cluster + "production: true\nproxy_tokens: [0123456789abcdef0123]\n", 0o644, false, true},
		"others can write":       {configfile.Control, cluster + "token: 0123456789abcdef0123\n", 0o620, true, false},
		"the group reads":        {configfile.Control, cluster + "token: 0123456789abcdef0123\n", 0o640, false, false},
		"no secret":              {configfile.Control, cluster + "production: true\n", 0o644, false, false},
		"of causeway up":         {configfile.Up, "token: 0123456789abcdef0123\n", 0o644, true, false},
		"of causeway up, closed": {configfile.Up, "token: 0123456789abcdef0123\n", 0o600, false, false},
		"a proxy's":              {configfile.Proxy, "clusters: [{name: bank, namesrv: ['127.0.0.1:9876'], access_key: a, secret_key: hushhush}]\n", 0o644, true, false},
		"a proxy's, without":     {configfile.Proxy, cluster, 0o644, false, false},
	} {
		path := filepath.Join(t.TempDir(), "causeway.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		note, err := configfile.Open(c.kind, path)
		if (note != "") != c.warns || (err != nil) != c.errors {
			t.Errorf("%s: %q, %v", name, note, err)
		}
		if c.errors && !strings.Contains(err.Error(), "chmod 600 ") || c.warns && (!strings.Contains(note, "chmod 600 ") || strings.Contains(note, "hush")) {
			t.Errorf("%s: %q, %v", name, note, err)
		}
	}
}
