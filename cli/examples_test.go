// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/api"
	"github.com/causeway-mq/causeway/test/crowd"
)

// everyCommand calls f with each command that does something itself.
func everyCommand(f func(*cobra.Command)) {
	c := commands{&call.Call{Env: Env{Getenv: func(string) string { return "" }}}}
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			look(sub)
		}
		if cmd.HasParent() && !cmd.HasSubCommands() && cmd.Name() != "help" {
			f(cmd)
		}
	}
	look(c.root())
}

// untold are commands whose help comes with the library, and commands that run a server: their flags are read, and that is all.
func untold(path string) (noExample, notRun bool) {
	return strings.HasPrefix(path, "causeway completion "), slices.Contains([]string{"causeway up", "causeway control", "causeway control force", "causeway proxy", "causeway catalog move"}, path)
}

// operations is every operation of the API, as a pattern of net/http.
func operations() []string {
	var all []string
	for _, o := range api.Operations() {
		if slices.Contains([]string{"createSession", "endSession", "endOtherSessions", "listLogins", "beginProviderLogin", "endProviderLogin", "beginTerminalLogin", "createTerminalSession"}, o.ID) {
			continue // browsers begin and end sessions; a command line shows a token
		}
		all = append(all, o.Method+" "+o.Path)
	}
	return all
}

// rehearsal runs the examples of the help, each in a tenant of its own, at a server whose calls are noted.
type rehearsal struct {
	*desk
	real, noting string
	clients      string

	mu   sync.Mutex
	mux  *http.ServeMux
	seen map[string]bool // patterns of routes
	note bool
}

func newRehearsal(t *testing.T) *rehearsal {
	r := &rehearsal{desk: live(t, "--pprof").home(), mux: http.NewServeMux(), seen: map[string]bool{}}
	for _, operation := range operations() {
		r.mux.HandleFunc(operation, func(http.ResponseWriter, *http.Request) {})
	}
	r.real = r.env["CAUSEWAY_SERVER"]
	r.noting = meddler(t, r.real, func(_ http.ResponseWriter, req *http.Request) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if _, pattern := r.mux.Handler(req); r.note {
			r.seen[pattern] = true
		}
		return true
	})
	nobody := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "[]") }))
	t.Cleanup(nobody.Close)
	r.clients = nobody.URL
	return r
}

// things are what examples speak of; each is made where an example names it.
const things = `topic create orders
topic create reminders --type delay
topic create ledger --type fifo
topic create speed
topic create payments --type transaction
group create billing --from earliest
group create meter --from earliest
app create shop`

// prepare makes a tenant with what the example speaks of, and gives what to read for the example's placeholders.
func (r *rehearsal) prepare(n int, path string, words []string) map[string]string {
	tenant := fmt.Sprintf("ex-%d", n)
	r.env = map[string]string{"CAUSEWAY_SERVER": r.real, "CAUSEWAY_ENDPOINT": r.env["CAUSEWAY_ENDPOINT"], "CAUSEWAY_TENANT": tenant, "XDG_CONFIG_HOME": r.t.TempDir()}
	r.ok("tenant", "create", tenant)
	var owner struct {
		Key struct{ ID, Secret string } `json:"key"`
	}
	if err := json.Unmarshal([]byte(r.ok("app", "create", "owner", "--owner", "-o", "json")), &owner); err != nil {
		r.t.Fatal(err)
	}
	r.env["CAUSEWAY_ACCESS_KEY"], r.env["CAUSEWAY_SECRET"] = owner.Key.ID, owner.Key.Secret
	known := map[string]string{"$PASSWORD": "correct horse battery", "CWKEY": owner.Key.ID, "http://10.0.0.1:8091": r.clients, "http://10.0.0.2:8091": r.clients}
	if path == "causeway login" {
		known["https://mq.example.com"] = r.noting
		var made struct{ Secret string }
		if err := json.Unmarshal([]byte(r.ok("token", "create", "mine", "--role", "viewer", "-o", "json")), &made); err != nil {
			r.t.Fatal(err)
		}
		known["$TOKEN"] = made.Secret
		r.run("tenant", "create", "pay") // an example before this one may have made it
	}
	for _, line := range strings.Split(things, "\n") {
		args := strings.Fields(line)
		made := strings.Join(words[1:min(4, len(words))], " ") == strings.Join(args[:3], " ")
		if spoken := strings.Join(words, " "); !made && (strings.Contains(spoken, args[2]) || strings.HasPrefix(path, "causeway app") && args[0] == "app" || strings.Contains(spoken, "NAME") ||
			slices.Contains([]string{"causeway apply", "causeway diff", "causeway get", "causeway consume", "causeway message get", "causeway message trace", "causeway message resend"}, path)) {
			r.ok(args...)
		}
	}
	for placeholder, word := range map[string]string{"gold": "plan", "prod": "environment", "az1": "zone"} {
		if slices.Contains(words, placeholder) && (strings.HasPrefix(path, "causeway "+word) || path == "causeway tenant update") {
			known[placeholder] = fmt.Sprintf("%s-%d", placeholder, n)
			if path != "causeway "+word+" create" {
				r.ok(word, "create", known[placeholder])
			}
		}
	}
	switch path {
	case "causeway tenant update":
		known["pay"] = tenant
	case "causeway tenant create":
		known["pay"] = fmt.Sprintf("pay-%d", n)
	case "causeway topic delete":
		known["NAME"] = "orders"
	case "causeway group delete":
		known["NAME"] = "billing"
	case "causeway app key revoke":
		known["shop"] = "owner"
	case "causeway import":
		r.ok("topic", "create", "orders")
		known["odd|name=odd-name"] = tenant + "%orders=orders" // all that is there is somebody's: this one is called so already
	case "causeway member describe", "causeway member update", "causeway member logout", "causeway member delete":
		r.ok("member", "create", "anna@example.com", "--role", "developer")
		r.run("member", "create", "otto@example.com", "--role", "operator", "--installation") // an example before this one may have made it
	case "causeway token describe", "causeway token revoke":
		for placeholder, args := range map[string][]string{"TOKEN": {"--role", "viewer"}, "SHARED": {"--role", "viewer", "--installation"}} {
			var made struct{ ID string }
			if err := json.Unmarshal([]byte(r.ok(append([]string{"token", "create", "x", "-o", "json"}, args...)...)), &made); err != nil {
				r.t.Fatal(err)
			}
			known[placeholder] = made.ID
		}
	case "causeway request show", "causeway request approve", "causeway request refuse", "causeway request withdraw", "causeway request comment", "causeway grant show", "causeway grant end":
		other := fmt.Sprintf("other-%d", n)
		r.ok("tenant", "create", other)
		r.run("topic", "create", "orders")
		ask := func(args ...string) string {
			var asked struct{ ID string }
			if err := json.Unmarshal([]byte(r.ok(append([]string{"grant", "ask", "--as", "lent", "--subscribe", "--reason", "test", "-o", "json"}, args...)...)), &asked); err != nil {
				r.t.Fatal(err)
			}
			return asked.ID
		}
		r.run("plan", "create", "large") // an example before this one may have made it
		var more struct{ ID string }
		if err := json.Unmarshal([]byte(r.ok("request", "quota", "--plan", "large", "--reason", "test", "-o", "json")), &more); err != nil {
			r.t.Fatal(err)
		}
		known["RAISE"] = more.ID
		known["REQUEST"], known["MINE"] = ask(tenant+"/orders", "--tenant", other), ask(other+"/orders")
		if strings.HasPrefix(path, "causeway grant") {
			r.ok("request", "approve", known["REQUEST"])
			var lent []struct{ ID string }
			if err := json.Unmarshal([]byte(r.ok("grant", "list", "-o", "json")), &lent); err != nil || len(lent) != 1 {
				r.t.Fatalf("%v, %v", lent, err)
			}
			known["GRANT"] = lent[0].ID
		}
	case "causeway message get", "causeway message trace", "causeway message resend", "causeway consume":
		known["MESSAGE"] = strings.TrimSpace(r.ok("produce", "orders", "-m", "hello"))
	case "causeway scheduled cancel":
		known["WAITING"] = strings.TrimSpace(r.ok("produce", "reminders", "-m", "later", "--delay", "1h"))
	case "causeway transaction resolve":
		known["HALF"] = fmt.Sprintf("01%032X", n)
		producer := crowd.Dial(r.t, crowd.Elsewhere{Address: r.env["CAUSEWAY_ENDPOINT"]}, "host@1@0@half")
		producer.Key = [2]string{owner.Key.ID, owner.Key.Secret}
		half := crowd.Letter("payments", known["HALF"], "paid")
		half.SystemProperties.MessageType = v2.MessageType_TRANSACTION
		crowd.SendOK(r.t, producer, half)
	case "causeway client disconnect":
		member := crowd.Dial(r.t, crowd.Elsewhere{Address: r.env["CAUSEWAY_ENDPOINT"]}, fmt.Sprintf("host@1@0@%d", n))
		member.Key = [2]string{owner.Key.ID, owner.Key.Secret}
		if err := member.Listen(crowd.ProducerOf("orders"), func(*v2.TelemetryCommand) {}); err != nil {
			r.t.Fatal(err)
		}
		known["host@1@0@abc"], known["shop"] = member.Name, "owner"
	case "causeway bench consume":
		r.ok("produce", "speed", "-m", "xxxxxxxx", "--count", "50")
	case "causeway job show", "causeway job cancel":
		r.ok("group", "create", "billing")
		r.ok("tenant", "create", tenant+"-x")
		for placeholder, args := range map[string][]string{"JOB": {"dlq", "redrive", "billing"}, "DELETION": {"tenant", "delete", tenant + "-x"}} {
			var j struct{ ID string }
			if err := json.Unmarshal([]byte(r.ok(append(args, "-o", "json")...)), &j); err != nil {
				r.t.Fatal(err)
			}
			known[placeholder] = j.ID
		}
	case "causeway tenant delete":
		known["GONE"] = tenant + "-x"
		r.ok("tenant", "create", tenant+"-x")
	}
	if strings.HasPrefix(path, "causeway context") && path != "causeway context add" || path == "causeway login" || path == "causeway logout" {
		r.ok("context", "add", "test", "--server", r.real)
		r.ok("context", "add", "prod", "--server", r.noting)
	}
	r.write("topics.yaml", "kind: Topic\nname: orders\nqueues: 8\n")
	r.write("causeway.yaml", r.ok("config", "print"))
	r.write("proxy.yaml", cluster+"listen: 127.0.0.1:8081\n")
	r.write("control.yaml", ruler)
	r.env["CAUSEWAY_SERVER"] = r.noting
	if path == "causeway login" || path == "causeway logout" {
		delete(r.env, "CAUSEWAY_SERVER")
	}
	return known
}

func (r *rehearsal) write(name, text string) {
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// words splits a line as a shell does, as far as the examples go.
func words(line string) []string {
	var all []string
	var word strings.Builder
	quote, begun := rune(0), false
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case quote == 0 && r == ' ':
			if begun {
				all = append(all, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	return all
}

// firstWrite ends a command that goes on until Ctrl-C when it has shown something.
type firstWrite struct {
	bytes.Buffer
	stop func()
}

func (w *firstWrite) Write(p []byte) (int, error) {
	defer w.stop()
	return w.Buffer.Write(p)
}

// pipe runs the parts of a line, each with the output of the one before.
func (r *rehearsal) pipe(line string, known map[string]string) (code int, err string) {
	r.in = ""
	line, file, _ := strings.Cut(line, " > ")
	for part := range strings.SplitSeq(line, " | ") {
		args := words(part)
		for i := range args {
			if v, ok := known[args[i]]; ok {
				args[i] = v
			}
		}
		var out string
		switch args[0] {
		case "seq":
			out = "1\n2\n3\n"
		case "echo":
			out = args[1] + "\n"
		default:
			code, out, err = r.interrupted(args[1:])
		}
		if code != ExitOK {
			return code, err
		}
		r.in = out
	}
	if file != "" {
		r.write(file, r.in)
	}
	return code, err
}

// interrupted runs a command; one that has no end of its own gets Ctrl-C once it has shown something.
func (r *rehearsal) interrupted(args []string) (code int, out, err string) {
	endless := args[0] == "watch" || args[0] == "consume" && !slices.Contains(args, "--max") && !slices.Contains(args, "--wait")
	if !endless || slices.Contains(args, "--for") {
		return r.run(args...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	shown := &firstWrite{stop: cancel}
	var talk bytes.Buffer
	code = Run(ctx, Env{Args: args, In: strings.NewReader(""), Out: shown, Err: &talk, Getenv: func(k string) string { return r.env[k] }})
	return code, shown.String(), talk.String()
}

func TestEveryExampleOfTheHelpRunsAndEveryOperationIsReachedByOne(t *testing.T) {
	r := newRehearsal(t)
	t.Chdir(t.TempDir())
	n := 0
	everyCommand(func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		noExample, notRun := untold(path)
		if cmd.Example == "" && !noExample {
			t.Errorf("%s: the help has no example", path)
		}
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			line = strings.TrimSpace(line)
			if !strings.Contains(line, path) && !strings.Contains(line, "NAME") {
				if line != "" {
					t.Errorf("%s: the example %q is about something else", path, line)
				}
				continue
			}
			if notRun || strings.Contains(line, "--sso") { // which wants a browser and a provider: TestSomebodyLogsInWithHisBrowserAndOutAgain
				if err := parses(line); err != nil {
					t.Errorf("%s: %v", line, err)
				}
				continue
			}
			n++
			known := r.prepare(n, path, words(line))
			r.mu.Lock()
			r.note = true
			r.mu.Unlock()
			code, err := r.pipe(line, known)
			r.mu.Lock()
			r.note = false
			r.mu.Unlock()
			if code != ExitOK && !(path == "causeway diff" && code == exitDiffers) {
				t.Errorf("%s: exit %d\n%s", line, code, err)
			}
		}
	})
	for _, operation := range operations() {
		if !r.seen[operation] {
			t.Errorf("no example of any command calls %s", operation)
		}
	}
	if n < 50 {
		t.Errorf("only %d examples ran", n)
	}
}

// parses reads the flags of a command that is not run.
func parses(line string) error {
	root := commands{&call.Call{Env: Env{Getenv: func(string) string { return "" }}}}.root()
	cmd, rest, err := root.Find(words(line)[1:])
	if err != nil {
		return err
	}
	return errors.Join(cmd.ParseFlags(rest), cmd.ValidateRequiredFlags())
}
