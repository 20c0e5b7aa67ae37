// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/cli/health"
	"github.com/causeway-mq/causeway/cli/manifest"
)

// The document and the program speak of the same commands, flags, variables and exit codes.
func TestTheDocumentSpeaksOfWhatThereIs(t *testing.T) {
	raw, err := os.ReadFile("../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	known, flags := map[string]bool{}, map[string]bool{}
	everyCommand(func(cmd *cobra.Command) {
		known[cmd.CommandPath()] = true
		for c := cmd; c != nil; c = c.Parent() {
			known[c.CommandPath()] = true
		}
		for f := range strings.FieldsSeq(cmd.LocalFlags().FlagUsages() + cmd.InheritedFlags().FlagUsages()) {
			flags[strings.TrimRight(f, ",")] = true
		}
	})
	for _, m := range regexp.MustCompile("`(causeway [a-z][a-z0-9 -]*)").FindAllStringSubmatch(text, -1) {
		words := strings.Fields(regexp.MustCompile(` -.*`).ReplaceAllString(m[1], ""))
		for len(words) > 1 && !known[strings.Join(words, " ")] {
			if words = words[:len(words)-1]; len(words) == 1 {
				t.Errorf("docs/cli.md speaks of %q, which is no command", m[1])
			}
		}
	}
	for _, m := range regexp.MustCompile("(--[a-z][a-z-]+)").FindAllStringSubmatch(text, -1) {
		if !flags[m[1]] && m[1] != "--help" {
			t.Errorf("docs/cli.md speaks of %s, which no command has", m[1])
		}
	}
	for code, word := range map[int]string{
		ExitOK: "ok", ExitFailure: "failure", ExitUsage: "usage", ExitNotFound: "not found", ExitDenied: "denied", ExitConflict: "conflict",
		ExitTimeout: "timeout", ExitPartial: "partial", ExitThrottled: "throttled", ExitConfig: "configuration",
	} {
		if !strings.Contains(text, fmt.Sprintf("| %d | %s", code, word)) {
			t.Errorf("docs/cli.md does not say what exit code %d is: %s", code, word)
		}
	}
}

// names lists the names of the JSON that a type becomes.
func names(t reflect.Type) string {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var all []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "" || name == "-":
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			all = append(all, name+"("+names(f.Type)+")")
		default:
			all = append(all, name)
		}
	}
	return strings.Join(all, " ")
}

// Scripts read these names; what the API shows has its names in control/wire. Names are added, and never changed.
func TestTheNamesInTheCommandLinesOwnJSONStay(t *testing.T) {
	for want, v := range map[string]any{
		"name server tenant endpoint tokenFile tokenEnv current": listedContext{},
		"file settings(name value from)":                         heldSettings{},
		"server version catalog alive ready why":                 health.Shown{},
		"field from to why":                                      manifest.Change{},
		"name value from":                                        call.Setting{},
	} {
		if got := names(reflect.TypeOf(v)); got != want {
			t.Errorf("%T has %q, not %q", v, got, want)
		}
	}
}

func TestQuietSaysNothingAboutWhatWentWell(t *testing.T) {
	d := newDesk(t, "").home()
	d.terminal = true
	d.fill()
	for _, line := range []string{
		"topic create quiet -q", "group create quiet --quiet", "dlq redrive billing -q", "topic delete quiet -q --yes", "context add a --server http://h -q", "context use a -q",
		"context rename a b -q", "context remove b -q",
	} {
		if code, out, err := d.run(strings.Fields(line)...); code != ExitOK || out+err != "" {
			t.Errorf("%s: exit %d\n%s%s", line, code, out, err)
		}
	}
	if out := d.ok("topic", "list", "-q"); !strings.Contains(out, "orders") {
		t.Errorf("data is shown all the same, not %q", out)
	}
	if code, _, err := d.run("topic", "describe", "none", "-q"); code != ExitNotFound || err == "" {
		t.Errorf("errors are told all the same: exit %d, %q", code, err)
	}
}

func TestARefusalNamesFieldAndLimit(t *testing.T) {
	d := newDesk(t, "")
	_, _, err := d.run("group", "create", "g", "--max-attempts", "1001")
	want(t, err, `
causeway: maxAttempts: 1001, from 1 to 1000 are possible
  bad_request, field maxAttempts, limit 1..1000, request ID
`)
}

func TestTheServerIsShown(t *testing.T) {
	d := live(t)
	out := d.ok("server", "show")
	for _, row := range []string{"version", "alive    yes", "ready    yes"} {
		if !strings.Contains(out, row) {
			t.Errorf("lacks %q:\n%s", row, out)
		}
	}
	want(t, d.ok("server", "log-level", "error"), "the server writes error and above\n")
	want(t, d.ok("server", "log-level"), "error\n")
	if code, _, err := d.run("server", "log-level", "eror"); code != ExitUsage || !strings.Contains(err, `did you mean "error"?`) {
		t.Errorf("exit %d\n%s", code, err)
	}
}
