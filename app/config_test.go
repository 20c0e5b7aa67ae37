// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "causeway.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFileOverridesTheDefaults(t *testing.T) {
	c, err := LoadConfig(write(t, "data: /var/lib/causeway\nengine:\n  retention: 24h\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != "/var/lib/causeway" || c.Engine.Retention != Duration(24*time.Hour) || c.Listen != "" {
		t.Fatalf("got %+v", c)
	}
}

func TestABadFileTellsEverythingAtOnce(t *testing.T) {
	_, err := LoadConfig(write(t, "lisen: 127.0.0.1:1\nhttp: 127.0.0.1:70000\nengine:\n  retention: 5\nlog_level: loud\n"))
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range []string{"lisen", "listen", "retention", "causeway.yaml"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in:\n%v", want, err)
		}
	}
}

func TestAllProblemsComeAtOnceInTheOrderOfLines(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "seal.keys")
	if err := errors.Join(os.WriteFile(keys, []byte("x"), 0o644), os.Chmod(keys, 0o644)); err != nil {
		t.Fatal(err)
	}
	path := write(t, `lisen: x
listen: 8081
data: `+keys+`
tls:
  cert: `+dir+`/none.pem
  key: `+dir+`/none.key
seal_keys: `+keys+`
engine:
  segment_bytes: 1
  max_bytes: 2
  retention: 5
drain: 1h
http: 0.0.0.0:8090
`)
	_, err := LoadConfig(path)
	if err == nil {
		t.Fatal("it was taken")
	}
	var got []string
	for _, line := range strings.Split(strings.TrimPrefix(err.Error(), path+": "), "\n") {
		got = append(got, strings.Join(strings.SplitN(line, ": ", 3)[:2], ": "))
	}
	want := []string{"line 1: lisen", "line 2: listen", "line 3: data", "line 5: tls.cert", "line 6: tls.key", "line 7: seal_keys",
		"line 9: engine.segment_bytes", "line 11: engine.retention", "line 12: drain"}
	if len(got) != len(want)+1 || !slices.Equal(got[:len(want)], want) || !strings.HasPrefix(got[len(want)], "token") {
		t.Errorf("got\n%v", err)
	}
}

func TestValuesThatAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"data":                 func(c *Config) { c.Data = "" },
		"listen":               func(c *Config) { c.Listen = "127.0.0.1:70000" },
		"http":                 func(c *Config) { c.Listen, c.HTTP = "127.0.0.1:1", "127.0.0.1:1" },
		"advertise[0]":         func(c *Config) { c.Advertise = []string{":8081"} },
		"tls":                  func(c *Config) { c.TLS.Cert = "cert.pem" },
		"proxy_protocol":       func(c *Config) { c.Proxy.From = []string{"10.0.0.0"} },
		"engine.segment_bytes": func(c *Config) { c.Engine.SegmentBytes = 1 },
		"engine.max_bytes":     func(c *Config) { c.Engine.MaxBytes = 1 },
		"engine.retention":     func(c *Config) { c.Engine.Retention = 0 },
		"log_level":            func(c *Config) { c.LogLevel = "loud" },
		"drain":                func(c *Config) { c.Drain = Duration(time.Hour) },
		"token":                func(c *Config) { c.HTTP = "0.0.0.0:8090" },
	} {
		c := DefaultConfig()
		if err := c.Validate(); err != nil {
			t.Fatal("the defaults:", err)
		}
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestADurationNeedsItsUnit(t *testing.T) {
	var d Duration
	if err := d.UnmarshalText([]byte("5")); err == nil {
		t.Error("a bare number was taken")
	}
	if err := d.UnmarshalText([]byte("90m")); err != nil || time.Duration(d) != 90*time.Minute {
		t.Errorf("got %v, %v", d, err)
	}
	if text, err := d.MarshalText(); err != nil || string(text) != "1h30m0s" {
		t.Errorf("writes %s, %v", text, err)
	}
	if err := (ConfigError{errors.New("x")}).Error(); err != "configuration: x" {
		t.Error(err)
	}
}
