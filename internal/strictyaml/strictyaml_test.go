// SPDX-License-Identifier: Apache-2.0

package strictyaml

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

type colour struct{ name string }

func (c *colour) UnmarshalText(b []byte) error {
	if s := string(b); s != "red" && s != "blue" {
		return fmt.Errorf("red or blue")
	}
	c.name = string(b)
	return nil
}

func (c colour) MarshalText() ([]byte, error) { return []byte(c.name), nil }

type tls struct {
	Cert string `yaml:"cert" doc:"PEM file"`
	Key  string `yaml:"key"`
}

type config struct {
	Data      string         `yaml:"data" doc:"Directory of everything that is kept."`
	Listen    string         `yaml:"listen"`
	Retention time.Duration  `yaml:"retention"`
	Pprof     bool           `yaml:"pprof"`
	Queues    int            `yaml:"queues"`
	Small     int8           `yaml:"small"`
	Ratio     float64        `yaml:"ratio"`
	Peers     []string       `yaml:"peers"`
	Token     string         `yaml:"token" secret:"true"`
	TLS       tls            `yaml:"tls"`
	Limits    map[string]int `yaml:"limits"`
	Paint     colour         `yaml:"paint"`
	Maybe     *int           `yaml:"maybe"`
	internal  int
}

func TestAGoodFileIsReadAndKeepsDefaultsOfMissingKeys(t *testing.T) {
	c := config{Listen: "127.0.0.1:1", internal: 7}
	doc, err := Decode([]byte(`
data: ./d            # a comment
retention: 72h
pprof: true
queues: 8
ratio: 0.5
peers: [a, b]
token: hush
tls: {cert: c.pem, key: k.pem}
limits: {topics: 3}
paint: red
maybe: 4
`), &c)
	if err != nil {
		t.Fatal(err)
	}
	four := 4
	want := config{Data: "./d", Listen: "127.0.0.1:1", Retention: 72 * time.Hour, Pprof: true, Queues: 8, Ratio: 0.5, Peers: []string{"a", "b"},
		Token: "hush", TLS: tls{"c.pem", "k.pem"}, Limits: map[string]int{"topics": 3}, Paint: colour{"red"}, Maybe: &four, internal: 7}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
	if !doc.Has("tls.cert") || doc.Has("listen") {
		t.Error("the document does not know which keys were set")
	}
	if got := doc.Problem("queues", "at most %d", 4).String(); got != `line 5: queues: "8": at most 4` {
		t.Errorf("problem of a rule checked later: %s", got)
	}
	if got := doc.Problem("token", "too short").String(); strings.Contains(got, "hush") {
		t.Errorf("a secret is shown: %s", got)
	}
}

func TestEachProblemNamesLineKeyValueAndRule(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"unknown key", "lisen: x", `line 1: lisen: unknown key; did you mean "listen"?`},
		{"unknown key with nothing near", "zzzzzz: x", `line 1: zzzzzz: unknown key`},
		{"nested unknown key", "tls:\n  crt: x", `line 2: tls.crt: unknown key; did you mean "cert"?`},
		{"number for a duration", "retention: 5", `line 1: retention: "5": a duration has a unit, for example "5s", "200ms" or "72h"`},
		{"quoted number for a duration", `retention: "5"`, `line 1: retention: "5": a duration has a unit, for example "5s", "200ms" or "72h"`},
		{"text for a number", "queues: many", `line 1: queues: "many": a whole number`},
		{"quoted number", `queues: "8"`, `line 1: queues: "8": a whole number`},
		{"too large", "small: 300", `line 1: small: "300": a whole number`},
		{"no boolean", "pprof: yep", `line 1: pprof: "yep": true or false`},
		{"no number", "ratio: .nan", `line 1: ratio: ".nan": a number`},
		{"twice", "data: a\nqueues: 1\ndata: b", `data: stands twice, in line 1 and in line 3`},
		{"text type refuses", "paint: green", `line 1: paint: "green": red or blue`},
		{"missing value", "data:", `line 1: data: a value is missing`},
		{"list for one value", "data: [a]", `line 1: data: one value, not a list`},
		{"one value for a list", "peers: a", `line 1: peers: "a": a list is wanted, not a single value`},
		{"one value for keys", "tls: on", `line 1: tls: "on": keys with values are wanted, not a single value`},
		{"list at the root", "- a", `line 1: keys with values are wanted, not a list`},
		{"second document", "data: a\n---\ndata: b", `line 2: one document only, a second one begins here`},
		{"alias", "data: &a x\nlisten: *a", "line 1: data: \"x\": anchors and aliases are not allowed, write the value out\nline 2: listen: anchors and aliases are not allowed, write the value out"},
		{"merge key", "tls:\n  <<: {cert: a}", `line 2: tls.<<: "<<": a key is plain text`},
		{"secret", "token: [hush]", `line 1: token: one value, not a list`},
		{"several at once", "lisen: x\nretention: 5\nqueues: 1.5", "line 1: lisen: unknown key; did you mean \"listen\"?\nline 2: retention: \"5\": a duration has a unit, for example \"5s\", \"200ms\" or \"72h\"\nline 3: queues: \"1.5\": a whole number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode([]byte(c.in), &config{})
			var ps Problems
			if !errors.As(err, &ps) {
				t.Fatalf("error is %v, want problems", err)
			}
			if err.Error() != c.want {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
		})
	}
}

func TestWhatRulesSayComesWithWhatCouldNotBeRead(t *testing.T) {
	doc, err := Decode([]byte("lisen: x\nqueues: many\ndata: /nowhere\ntls:\n  cert: [a]\n"), &config{})
	err = doc.Together(err, doc.Problem("token", "is needed"), doc.Problem("data", "no such directory"), doc.Problem("queues", "at least 1"), doc.Problem("tls", "cert and key go together"), doc.Problem("tls.cert", "no such file"))
	want := `line 1: lisen: unknown key; did you mean "listen"?
line 2: queues: "many": a whole number
line 3: data: "/nowhere": no such directory
line 5: tls.cert: one value, not a list
token: is needed`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	doc, err = Decode([]byte("data: ["), &config{})
	if err := doc.Together(err, doc.Problem("data", "a directory is needed")); err == nil || strings.Contains(err.Error(), "needed") {
		t.Errorf("of a file that is no YAML a rule says: %v", err)
	}
	if doc, err = Decode([]byte("data: x"), &config{}); doc.Together(err) != nil {
		t.Error("a good file has a problem")
	}
}

func TestBrokenAndHostileFilesAreRefusedCheaply(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 'b'; i < 'k'; i++ {
		bomb += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", i, i, i-1, i-1, i-1, i-1, i-1, i-1, i-1, i-1)
	}
	for _, c := range []struct{ name, in, part string }{
		{"not YAML", "data: [", "line 1"},
		{"tab", "tls:\n\tcert: a", "line 2"},
		{"over the size", strings.Repeat("#", MaxBytes+1), "the limit is 10485760"},
		{"alias bomb", bomb, "unknown key"},
		{"alias bomb in a list", "peers: &a [x]\nlimits: {x: *a}", "aliases are not allowed"},
		{"deep", "limits: " + strings.Repeat("{a: ", 200) + strings.Repeat("}", 200), "limits.a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode([]byte(c.in), &config{})
			if err == nil || !strings.Contains(err.Error(), c.part) {
				t.Errorf("got %v, want it to contain %q", err, c.part)
			}
			if err != nil && len(err.Error()) > 10_000 {
				t.Errorf("the answer has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestAnEmptyFileIsAnEmptyConfiguration(t *testing.T) {
	for _, in := range []string{"", "# nothing\n", "tls:\n"} {
		if _, err := Decode([]byte(in), &config{}); err != nil {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestWhatIsWrittenIsReadBackAndSecretsAreNot(t *testing.T) {
	c := config{Data: "yes", Listen: "1", Retention: time.Hour, Queues: 3, Ratio: 1.5, Peers: []string{"a"}, Token: "hush", Paint: colour{"blue"}, Limits: map[string]int{"x": 1}}
	text, err := Encode(&c)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hush") || !strings.Contains(string(text), Redacted) {
		t.Errorf("secret not redacted:\n%s", text)
	}
	if !strings.Contains(string(text), "# Directory of everything that is kept.\ndata: yes") {
		t.Errorf("no comment above its key:\n%s", text)
	}
	one := 1
	back := config{Maybe: &one}
	if _, err := Decode([]byte(strings.Replace(string(text), "maybe: null", "", 1)), &back); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	back.Maybe, c.Token = nil, Redacted
	if !reflect.DeepEqual(back, c) {
		t.Errorf("got %+v\nwant %+v", back, c)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("data: a\ntls: {cert: x}\npeers: [a, b]\nretention: 5s\n")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, in string) {
		var c config
		if _, err := Decode([]byte(in), &c); err != nil && err.Error() == "" {
			t.Error("a problem without words")
		}
	})
}
