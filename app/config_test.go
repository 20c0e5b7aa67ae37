// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"os"
	"path/filepath"
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
