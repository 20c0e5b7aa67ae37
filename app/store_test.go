// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/app/database"
	"github.com/causeway-mq/causeway/control/vault"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/internal/testkit/pgtest"
)

var postgres = pgtest.New()

func TestMain(m *testing.M) { os.Exit(postgres.Run(m)) }

// refuses starts `causeway up`, which must not start, and gives its error.
func refuses(t *testing.T, data string, change func(*Config)) error {
	t.Helper()
	c := DefaultConfig()
	c.Data, c.Listen, c.HTTP = data, "127.0.0.1:0", "127.0.0.1:0"
	c.Engine.SegmentBytes = 16 << 20
	change(&c)
	err := Up(t.Context(), UpOptions{Config: c, Out: io.Discard, Log: obs.NewLogger(testWriter{t}, slog.LevelError)})
	var config ConfigError
	if !errors.As(err, &config) {
		t.Fatalf("got %v, want a problem of the configuration", err)
	}
	return err
}

// keysFile is a file with one new key.
func keysFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if _, err := vault.CreateFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func (h *house) get(t *testing.T, path string) string {
	t.Helper()
	answer, err := http.Get("http://" + h.HTTP + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", path, answer.Status, err)
	}
	return string(text)
}

// application makes one and gives its key's secret.
func (h *house) application(t *testing.T, name string) string {
	t.Helper()
	answer, err := http.Post("http://"+h.HTTP+"/v1/tenants/default/apps", "application/json", strings.NewReader(`{"name":"`+name+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var made struct {
		Key struct {
			Secret string `json:"secret"`
		} `json:"key"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&made); err != nil || !strings.HasPrefix(made.Key.Secret, "cws_") {
		t.Fatalf("%s: %+v, %v", answer.Status, made, err)
	}
	return made.Key.Secret
}

func TestTheStoreSealsSecretsInTheDataDirectory(t *testing.T) {
	data := t.TempDir()
	h := open(t, data, nil)
	secret := h.application(t, "billing")
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("the secret stands in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(data, "control", "control.keys")
	if info, err := os.Stat(keys); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	aside := filepath.Join(t.TempDir(), "keys")
	if err := os.Rename(keys, aside); err != nil {
		t.Fatal(err)
	}
	if err := refuses(t, data, func(*Config) {}); !strings.Contains(err.Error(), keys) {
		t.Errorf("a missing file of keys: %v", err)
	}
	if _, err := os.Stat(keys); !errors.Is(err, fs.ErrNotExist) {
		t.Error("another one was made in its place")
	}
	if err := refuses(t, data, func(c *Config) { c.Store.Keys = keysFile(t) }); !strings.Contains(err.Error(), "sealed under key") {
		t.Errorf("another key: %v", err)
	}
	h = open(t, data, func(c *Config) { c.Store.Keys = aside })
	if got := h.get(t, "/v1/tenants/default/apps"); !strings.Contains(got, "billing") {
		t.Errorf("with the right one: %s", got)
	}
}

func TestTheStoreMayBeAPostgresDatabase(t *testing.T) {
	url, keys := postgres.Database(t), keysFile(t)
	there := func(c *Config) { c.Store = database.Config{Postgres: database.Postgres{URL: url}, Keys: keys} }
	h := open(t, t.TempDir(), there)
	h.application(t, "billing")
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	h = open(t, t.TempDir(), there) // in another directory: the catalog does not lie there
	if got := h.get(t, "/v1/tenants/default/apps"); !strings.Contains(got, "billing") {
		t.Errorf("the catalog holds %s", got)
	}
	if err := refuses(t, t.TempDir(), there); !strings.Contains(err.Error(), "another causeway up") {
		t.Errorf("two over one database: %v", err)
	}
	if err := refuses(t, t.TempDir(), func(c *Config) { c.Store.Postgres.URL = url }); !strings.Contains(err.Error(), "CAUSEWAY_SEAL_KEY") {
		t.Errorf("without keys: %v", err)
	}
}

func TestTheStoresConfigurationIsChecked(t *testing.T) {
	c := DefaultConfig()
	c.Store = database.Config{Postgres: database.Postgres{URL: "mysql://ada:hush@host/db"}, Keys: "/none"}
	err := c.Validate()
	if err == nil || !strings.Contains(err.Error(), "store.postgres.url: ") || !strings.Contains(err.Error(), "store.keys: ") || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
	for name, env := range map[string]string{"none": "# none", "short": "aHVzaA=="} {
		if s, _, err := database.Open(context.Background(), database.Options{Dir: t.TempDir(), Keys: env}); err == nil || !strings.Contains(err.Error(), "CAUSEWAY_SEAL_KEY") {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}
