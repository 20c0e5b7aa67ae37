// SPDX-License-Identifier: Apache-2.0

// Package rmqproxy reads rmq-proxy.json, the configuration file of Apache's proxy, and says of each key in it what becomes of it here.
package rmqproxy

import (
	"bytes"
	_ "embed" // the table of keys
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/internal/nearest"
)

// Verdict is what becomes of a key.
type Verdict string

// The verdicts. A file with keys of the last one starts a proxy that does less than the file says, or otherwise.
const (
	Taken     Verdict = "taken"
	NotNeeded Verdict = "not needed" // nothing is lost without it
	Ignored   Verdict = "ignored"    // what it asks for is lost
)

// Finding is one key of a file with its verdict.
type Finding struct {
	Key     string  `json:"key"`
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why"`

	same string // JSON of the value that is the case here anyway, "" where there is none
}

// Problem is one key that stops a proxy.
type Problem struct{ Key, Rule string }

// Problems are all of a file, sorted by key.
type Problems []Problem

// Error is one line for each.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		if lines[i] = p.Rule; p.Key != "" {
			lines[i] = p.Key + ": " + p.Rule
		}
	}
	return strings.Join(lines, "\n")
}

// Unread lists the keys of Read's error; "" stands for a file that is no JSON.
func Unread(err error) (keys []string) {
	var ps Problems
	if errors.As(err, &ps) {
		for _, p := range ps {
			keys = append(keys, p.Key)
		}
	}
	return keys
}

// Settings are what a file says that is taken.
type Settings struct {
	Cluster        string   // "" where the file says nothing
	NameServers    []string // HOST:PORT
	Port           int      // for clients, 0 where the file says nothing
	Cert, Key      string
	Authentication bool
	Authorization  bool
	AccessKey      string
	SecretKey      string
	Drain          time.Duration // 0 where the file says nothing
}

// keys.txt holds a line for each field of ProxyConfig and AuthConfig of RocketMQ 5.5.0: key, verdict and reason, with tabs between; a fourth part is the
// value with which an ignored key asks for nothing else than what is done here.
//
//go:embed keys.txt
var table string

// Keys is the table, by key.
func Keys() map[string]Finding {
	all := map[string]Finding{}
	for line := range strings.Lines(table) {
		parts := append(strings.Split(strings.TrimSuffix(line, "\n"), "\t"), "")
		all[parts[0]] = Finding{Key: parts[0], Verdict: Verdict(parts[1]), Why: parts[2], same: parts[3]}
	}
	return all
}

// Is tells whether a file is JSON rather than YAML of ours.
func Is(raw []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) }

// Read reads a file. Findings are sorted by key. The error is of type Problems and names every key that is unknown or whose value makes no sense; what
// could be read comes with it.
func Read(raw []byte) (Settings, []Finding, error) {
	var said map[string]json.RawMessage
	if err := json.Unmarshal(raw, &said); err != nil {
		return Settings{}, nil, Problems{{"", "not a JSON object: " + place(raw, err)}}
	}
	known := Keys()
	names := slices.Sorted(maps.Keys(known))
	var found []Finding
	var wrong Problems
	for _, key := range slices.Sorted(maps.Keys(said)) {
		f, ok := known[key]
		if !ok {
			wrong = append(wrong, Problem{key, "Apache's proxy 5.5.0 has no such key" + older(key, names) + "; take it out of the file"})
			continue
		}
		found = append(found, f.of(said[key]))
	}
	s, bad := settings(said)
	wrong = append(wrong, bad...)
	slices.SortStableFunc(wrong, func(a, b Problem) int { return strings.Compare(a.Key, b.Key) })
	if len(wrong) > 0 {
		return s, found, wrong
	}
	return s, found, nil
}

// older knows keys that earlier versions had and that must not be dropped without a thought.
func older(key string, known []string) string {
	if key == "enableACL" {
		return " any more: it was the switch of ACL 1.0, of which nothing is known here; authenticationEnabled and authorizationEnabled are those of ACL 2.0"
	}
	return nearest.Hint(key, known)
}

// place says where in the file its syntax ends.
func place(raw []byte, err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("line %d: %v", 1+bytes.Count(raw[:min(int(syntax.Offset), len(raw))], []byte("\n")), err)
	}
	return "an object with keys and values is needed"
}

// of judges the value that a file gives a key.
func (f Finding) of(value json.RawMessage) Finding {
	if f.Verdict != Ignored {
		return f
	}
	switch text := string(value); {
	case text == "null", text == `""`, text == "[]", text == "{}", text == f.same:
		f.Verdict = NotNeeded
		f.Why += ", which is what the file says"
	default:
		f.Why += instead(f.Key, text)
	}
	return f
}

// instead names the value that is lost. Texts are not shown: some are secret.
func instead(key, text string) string {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case text == "true", text == "false":
		return "; the file says " + text
	case err != nil:
		return ""
	case strings.HasSuffix(key, "Size") && n >= 1<<10:
		return "; the file says " + bytesText(n)
	case strings.HasSuffix(key, "Mills") || strings.HasSuffix(key, "Millis"):
		return "; the file says " + (time.Duration(n) * time.Millisecond).String()
	}
	return "; the file says " + text
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<20:
		return strconv.FormatFloat(float64(n)/(1<<20), 'g', 4, 64) + " MiB"
	default:
		return strconv.FormatFloat(float64(n)/(1<<10), 'g', 4, 64) + " KiB"
	}
}

func settings(said map[string]json.RawMessage) (s Settings, wrong Problems) {
	bad := func(key, rule string) { wrong = append(wrong, Problem{key, rule}) }
	take := func(key string, into any, needs string) {
		if v, ok := said[key]; ok && json.Unmarshal(v, into) != nil {
			bad(key, fmt.Sprintf("%s: %s is needed", clip(key, v), needs))
		}
	}
	var servers, mode, inner string
	var seconds int64
	take("rocketMQClusterName", &s.Cluster, "a text")
	take("namesrvAddr", &servers, `a text such as "10.0.0.1:9876;10.0.0.2:9876"`)
	take("grpcServerPort", &s.Port, "a whole number without quotes")
	take("tlsCertPath", &s.Cert, "a text")
	take("tlsKeyPath", &s.Key, "a text")
	take("authenticationEnabled", &s.Authentication, "true or false without quotes")
	take("authorizationEnabled", &s.Authorization, "true or false without quotes")
	take("grpcShutdownTimeSeconds", &seconds, "a whole number without quotes")
	take("proxyMode", &mode, `"CLUSTER"`)
	take("innerClientAuthenticationCredentials", &inner, "a text")
	s.NameServers = strings.FieldsFunc(servers, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
	s.Drain = time.Duration(seconds) * time.Second
	if mode != "" && !strings.EqualFold(mode, "CLUSTER") {
		bad("proxyMode", fmt.Sprintf("%q: only CLUSTER is possible, no broker runs in this process", mode))
	}
	if inner != "" { // a JSON object in a JSON string, as there
		var credentials struct{ AccessKey, SecretKey string }
		if json.Unmarshal([]byte(inner), &credentials) != nil { // the value is secret: it is not shown
			bad("innerClientAuthenticationCredentials", `a text such as {"accessKey":"...","secretKey":"..."} is needed`)
		}
		s.AccessKey, s.SecretKey = credentials.AccessKey, credentials.SecretKey
	}
	return s, wrong
}

// clip shows a value that makes no sense, but for the one that is secret.
func clip(key string, v json.RawMessage) string {
	const glance = 48
	if key == "innerClientAuthenticationCredentials" {
		return "(hidden)"
	}
	if len(v) > glance {
		return strings.ToValidUTF8(string(v[:glance]), "") + "..."
	}
	return string(v)
}
