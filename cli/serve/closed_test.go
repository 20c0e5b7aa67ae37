// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/app/configfile"
)

const secret = "0123456789abcdef0123456789abcdef"

// open writes a file with a mode.
func open(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "causeway.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// starts runs a server's command until it refuses; its context is over, so none serves.
func starts(t *testing.T, of func(World) *cobra.Command, path string) (err error, talk string) {
	t.Helper()
	var out, said bytes.Buffer
	none := ""
	cmd := of(World{Out: &out, Err: &said, Getenv: func(string) string { return "" }, Token: &none, Tenant: &none})
	cmd.SetArgs([]string{"--config", path})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = cmd.ExecuteContext(ctx)
	if strings.Contains(out.String()+said.String(), secret) {
		t.Errorf("the secret is shown: %s%s", out.String(), said.String())
	}
	return err, said.String()
}

func TestAServerDoesNotStartInProductionWithSecretsThatOthersCanRead(t *testing.T) {
	const cluster = "clusters: [{name: bank, namesrv: ['127.0.0.1:9876'], access_key: a, secret_key: " + secret + "}]\n"
	for name, c := range map[string]struct {
		of   func(World) *cobra.Command
		text string
	}{
		"up": {Up, "unsigned_loopback: false\ntoken: " + secret + "\n"}, "control": {Control, cluster + "token: " + secret + "\n"}, "proxy": {Proxy, cluster},
	} {
		for _, mode := range []os.FileMode{0o604, 0o644, 0o620, 0o602} {
			path := open(t, "production: true\n"+c.text, mode)
			err, _ := starts(t, c.of, path)
			var config app.ConfigError
			if !errors.As(err, &config) || !strings.Contains(err.Error(), fmt.Sprintf("%s: mode %04o ", path, mode)) || !strings.Contains(err.Error(), "chmod 600 "+path) {
				t.Errorf("%s, mode %04o: %v", name, mode, err)
			}
		}
		for _, mode := range []os.FileMode{0o600, 0o640} {
			if err, talk := starts(t, c.of, open(t, "lisen: x\nproduction: true\n"+c.text, mode)); err == nil || strings.Contains(err.Error()+talk, "chmod") || !strings.Contains(err.Error(), "lisen") {
				t.Errorf("%s, mode %04o: %v", name, mode, err)
			}
		}
	}
}

func TestOutsideOfProductionOpenSecretsAreWarnedOf(t *testing.T) {
	var said bytes.Buffer
	w := World{Err: &said}
	if err := w.closed(configfile.Up, open(t, "token: "+secret+"\n", 0o644)); err != nil || !strings.Contains(said.String(), "warning: ") || strings.Contains(said.String(), secret) {
		t.Errorf("%v, %s", err, said.String())
	}
	for _, path := range []string{open(t, "token: "+secret+"\n", 0o600), open(t, "production: true\nunsigned_loopback: false\nlog_level: warn\n", 0o644)} {
		said.Reset()
		if err := w.closed(configfile.Up, path); err != nil || said.Len() > 0 {
			t.Errorf("%v, %s", err, said.String())
		}
	}
}
