// SPDX-License-Identifier: Apache-2.0

package units

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCommandLinesAreCutAsSystemdDoes(t *testing.T) {
	for line, want := range map[string][]string{
		"/bin/mkdir -p /data/log":               {"/bin/mkdir", "-p", "/data/log"},
		`/bin/sh -c 'exec java $X -cp "a:b/*"'`: {"/bin/sh", "-c", `exec java $X -cp "a:b/*"`},
		`a  "b c"d ''`:                          {"a", "b cd", ""},
	} {
		if got, err := split(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
	if _, err := split("a 'b"); err == nil {
		t.Error("a quote that does not end is taken")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAUnitIsPreparedRunWithItsEnvironmentAndStartedAgain(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.env"), "WORDS=one two\n")
	write(t, filepath.Join(dir, "a.service"), "[Service]\nEnvironmentFile="+dir+"/a.env\nEnvironment=PLACE="+dir+"\nExecStartPre=/bin/mkdir -p "+dir+"/made\n"+
		`ExecStart=/bin/sh -c 'for w in $WORDS; do echo $w >> $PLACE/made/said; done'`+"\n")
	all, err := Below(dir)
	if err != nil || len(all) != 1 || all[0].Name != "a" {
		t.Fatalf("%+v, %v", all, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, all, Grace) }()
	pulse := time.NewTicker(10 * time.Millisecond)
	defer pulse.Stop()
	for !strings.HasPrefix(said(filepath.Join(dir, "made", "said")), "one\ntwo\none\ntwo\n") {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v, said %q", err, said(filepath.Join(dir, "made", "said")))
		case <-pulse.C:
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func said(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

func TestAUnitThatCannotBePreparedEndsTheOthers(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bad.service"), "[Service]\nExecStartPre=/bin/sh -c 'exit 3'\nExecStart=/bin/true\n")
	write(t, filepath.Join(dir, "good.service"), "[Service]\nExecStart=/bin/sh -c 'exec tail -f /dev/null'\n")
	all, err := Below(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), all, Grace); err == nil || !strings.Contains(err.Error(), "bad: /bin/sh -c exit 3") {
		t.Errorf("%v", err)
	}
}

func TestAUnitWithoutACommandIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.service")
	for _, text := range []string{"[Service]\n", "[Service]\nExecStart=\n", "[Service]\nExecStart=/bin/true\nEnvironmentFile=/nowhere.env\n"} {
		write(t, path, text)
		if _, err := Read(path); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
