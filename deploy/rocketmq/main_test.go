// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func say(t *testing.T, words ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run(t.Context(), words, &out)
	return out.String(), err
}

func TestHelpIsNoFailure(t *testing.T) {
	out, err := say(t, "-h")
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(out, "-plan") {
		t.Errorf("%v: %s", err, out)
	}
}

// A unit that an earlier plan left behind would go on to be started.
func TestWhatAnEarlierPlanLeftIsNamedAndSecretsAreForTheirOwner(t *testing.T) {
	dir := t.TempDir()
	if out, err := say(t, "-plan", "examples/safe.yaml", "-out", dir); err != nil || strings.Contains(out, "earlier") {
		t.Fatalf("%v: %s", err, out)
	}
	for name, mode := range map[string]os.FileMode{"north-1/broker-a.conf": 0o600, "north-1/proxy-produce.yaml": 0o600, "north-1/broker-a.env": 0o644} {
		if s, err := os.Stat(filepath.Join(dir, name)); err != nil || s.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	raw, err := os.ReadFile("examples/safe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	smaller := filepath.Join(t.TempDir(), "smaller.yaml")
	if err := os.WriteFile(smaller, []byte(strings.Replace(string(raw), "- {host: south-1, role: consume}\n", "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := say(t, "-plan", smaller, "-out", dir)
	for _, name := range []string{"south-1/proxy-consume.yaml", "south-1/causeway-proxy-consume.service"} {
		if !strings.Contains(out, "left as it is: "+name) {
			t.Errorf("%s is not named: %v\n%s", name, err, out)
		}
	}
	if strings.Count(out, "left as it is") != 2 {
		t.Errorf("%s", out)
	}
}

func TestARunEndsWithItsCaller(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var out strings.Builder
	if err := run(ctx, []string{"-plan", "examples/one-machine.yaml", "-out", t.TempDir(), "-run"}, &out); err == nil || !strings.Contains(err.Error(), "one/") {
		t.Errorf("files that were laid elsewhere are run: %v", err) // the plan says .build/trial/files
	}
}
