// SPDX-License-Identifier: Apache-2.0

// Package people has the commands about who may do what: members, tokens, and the audit of what they did.
package people

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// Commands are the commands of this room.
func Commands(c *call.Call) []*cobra.Command {
	all := commands{c}
	return []*cobra.Command{all.whoamiCommand(), all.memberCommand(), all.tokenCommand(), all.auditCommand()}
}

// commands is one command line under way.
type commands struct{ *call.Call }

// everywhereFlag says that a command is about the installation, not about a tenant.
func everywhereFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "installation", false, "of the installation, not of a tenant")
}

func (c commands) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show who the server takes you for, and what you may do", Args: call.Exactly(),
		Example: "  causeway whoami",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var s wire.Session
			if err := c.Ask(cmd.Context(), http.MethodGet, "/v1/session", nil, &s); err != nil {
				return err
			}
			return c.Show(s, func() call.Table {
				return call.Table{Rows: [][]string{{"name", s.Name}, {"kind", s.Kind}, {"role", roleOf(s)}, {"tenant", call.Dash(s.Tenant)}, {"rights", strings.Join(s.Rights, ", ")}}}
			})
		},
	}
}

// roleOf says what somebody is. Who holds the installation has every right, more than any role.
func roleOf(s wire.Session) string {
	switch {
	case s.Kind != "local":
		return s.Role
	case s.Name == "loopback":
		return "installation: every right, since this server takes whoever calls from the loopback interface for it"
	}
	return "installation: every right, by the one token of the server"
}

func (c commands) memberCommand() *cobra.Command {
	return call.Group("member", "Members: people with one role, in a tenant or in the installation",
		c.memberCreate(), c.memberList(), c.memberDescribe(), c.memberUpdate(), c.memberLogout(), c.memberDelete())
}

// grant is what a role comes with.
type grant struct {
	everywhere   bool
	role, reason string
	expires      string
}

func (g *grant) flags(cmd *cobra.Command) {
	everywhereFlag(cmd, &g.everywhere)
	f := cmd.Flags()
	f.StringVar(&g.role, "role", "", "in a tenant viewer, developer, tenant-admin, auditor; in the installation viewer, operator, security-admin, auditor, break-glass")
	f.StringVar(&g.reason, "reason", "", "why, with the role break-glass")
	f.StringVar(&g.expires, "expires", "", "when it ends, a time such as 2027-01-31T12:00:00Z")
}

func (g *grant) end() (*time.Time, error) {
	if g.expires == "" {
		return nil, nil
	}
	t, err := call.Moment("--expires", g.expires, time.Now())
	return &t, err
}

// passwordFlag lets a command ask for a member's password. It is no value on the command line, which others on the machine can read.
func passwordFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "password", false, "set a password to log in with at a browser, 12 to 128 bytes: asked for at a terminal, else the first line of the input")
}

func (c commands) memberCreate() *cobra.Command {
	var g grant
	var note string
	var typed bool
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a person a member", Args: call.Exactly("the member's NAME"),
		Example: "  causeway member create anna@example.com --role developer\n  causeway member create otto@example.com --role operator --installation\n" +
			"  echo \"$PASSWORD\" | causeway member create anna@example.com --role developer --password",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			end, err := g.end()
			if err != nil {
				return err
			}
			want := wire.NewMember{Name: args[0], Role: g.role, Note: note, Expires: end, Reason: g.reason}
			if typed {
				if want.Password, err = c.TypedSecret("Password: "); err != nil {
					return err
				}
			}
			var m wire.Member
			if err := c.Ask(cmd.Context(), http.MethodPost, c.At(g.everywhere, "members"), want, &m); err != nil {
				return err
			}
			return c.Say(m, "member %s created: %s", m.Name, m.Role)
		},
	}
	g.flags(cmd)
	cmd.Flags().StringVar(&note, "note", "", "free text for people")
	passwordFlag(cmd, &typed)
	return cmd
}

// words is how a command is called and explained.
type words struct{ use, short, example string }

// rows is a kind as a table.
type rows[T any] struct {
	head []string
	of   func(T) []string
}

// listing lists everything of a kind, in a tenant or in the installation.
func listing[T any](c commands, kind string, w words, shown rows[T]) *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use: w.use, Short: w.short, Args: call.Exactly(), Example: w.example,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			all, err := call.Everything[T](cmd.Context(), c.Call, c.At(everywhere, kind))
			if err != nil {
				return err
			}
			return c.Show(all, func() call.Table {
				t := call.Table{Head: shown.head}
				for _, one := range all {
					t.Add(shown.of(one)...)
				}
				return t
			})
		},
	}
	everywhereFlag(cmd, &everywhere)
	return cmd
}

// describing shows one thing of a kind.
func describing[T any](c commands, kind string, w words, table func(T) call.Table) *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use: w.use, Short: w.short, Args: call.Exactly(asked(kind)), Example: w.example,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var one T
			if err := c.Ask(cmd.Context(), http.MethodGet, c.At(everywhere, kind, args[0]), nil, &one); err != nil {
				return err
			}
			return c.Show(one, func() call.Table { return table(one) })
		},
	}
	everywhereFlag(cmd, &everywhere)
	return cmd
}

// end says what the end of a thing means for the one that %s names, and afterwards what was done.
type end struct{ loss, done string }

// ending deletes one thing of a kind once that is confirmed.
func ending(c commands, kind string, w words, e end) *cobra.Command {
	var yes, everywhere bool
	cmd := &cobra.Command{
		Use: w.use, Short: w.short, Args: call.Exactly(asked(kind)), Example: w.example,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return call.Fail(call.ExitConflict, fmt.Errorf(e.loss, args[0]), "if you mean it, say --yes")
			}
			if err := c.Ask(cmd.Context(), http.MethodDelete, c.At(everywhere, kind, args[0]), nil, nil); err != nil {
				return err
			}
			return c.Say(map[string]string{e.done: args[0]}, "%s %s %s", strings.TrimSuffix(kind, "s"), args[0], e.done)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "confirm")
	everywhereFlag(cmd, &everywhere)
	return cmd
}

// asked is what a command about one thing of a kind needs.
func asked(kind string) string {
	if kind == "members" {
		return "the member's NAME"
	}
	return "the TOKEN's id"
}

func (c commands) memberList() *cobra.Command {
	return listing(c, "members", words{"list", "List members", "  causeway member list\n  causeway member list --installation"},
		rows[wire.Member]{[]string{"NAME", "ROLE", "DISABLED", "EXPIRES", "CREATED", "NOTE"}, func(m wire.Member) []string {
			return []string{m.Name, m.Role, call.YesNo(m.Disabled), call.When(m.Expires), call.When(&m.Created), call.Dash(m.Note)}
		}})
}

func describeMember(m wire.Member) call.Table {
	return call.Table{Rows: [][]string{{"name", m.Name}, {"role", m.Role}, {"disabled", call.YesNo(m.Disabled)}, {"expires", call.When(m.Expires)},
		{"reason", call.Dash(m.Reason)}, {"identity provider", throughProvider(m)}, {"created", call.When(&m.Created)}, {"note", call.Dash(m.Note)}}}
}

// throughProvider tells whether a member comes from the identity provider, and whether his role does.
func throughProvider(m wire.Member) string {
	switch {
	case m.External == nil:
		return "-"
	case m.Granted:
		return "subject " + m.External.Subject + " at " + m.External.Issuer + ", whose group has the role"
	}
	return "subject " + m.External.Subject + " at " + m.External.Issuer
}

func (c commands) memberDescribe() *cobra.Command {
	return describing(c, "members", words{"describe NAME", "Show a member",
		"  causeway member describe anna@example.com\n  causeway member describe otto@example.com --installation"}, describeMember)
}

func (c commands) memberUpdate() *cobra.Command {
	var g grant
	var note string
	var disabled, untie, typed, none bool
	cmd := &cobra.Command{
		Use: "update NAME", Short: "Change a member's role, or switch it off", Args: call.Exactly("the member's NAME"),
		Example: "  causeway member update anna@example.com --role viewer\n  causeway member update anna@example.com --untie\n  causeway member update otto@example.com --disabled --installation\n" +
			"  echo \"$PASSWORD\" | causeway member update anna@example.com --password",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			end, err := g.end()
			if err != nil {
				return err
			}
			change := wire.MemberChange{Role: call.Changed(cmd, "role", &g.role), Note: call.Changed(cmd, "note", &note), Disabled: call.Changed(cmd, "disabled", &disabled),
				Reason: call.Changed(cmd, "reason", &g.reason), Expires: end, Untie: untie}
			word := ""
			if none {
				change.Password = &word
			}
			if typed {
				if none {
					return call.Usage("%s: --password and --no-password exclude each other", cmd.CommandPath())
				}
				if word, err = c.TypedSecret("Password: "); err != nil {
					return err
				}
				change.Password = &word
			}
			if change == (wire.MemberChange{}) {
				return call.Usage("%s: nothing to change; give a flag", cmd.CommandPath())
			}
			var m wire.Member
			if err := c.Ask(cmd.Context(), http.MethodPatch, c.At(g.everywhere, "members", args[0]), change, &m); err != nil {
				return err
			}
			return c.Show(m, func() call.Table { return describeMember(m) })
		},
	}
	g.flags(cmd)
	cmd.Flags().StringVar(&note, "note", "", "free text for people")
	cmd.Flags().BoolVar(&disabled, "disabled", false, "whether the member is refused")
	passwordFlag(cmd, &typed)
	cmd.Flags().BoolVar(&none, "no-password", false, "take the password away; it ends the member's sessions, as a new one does")
	cmd.Flags().BoolVar(&untie, "untie", false, "let the next person whom the identity provider calls so be this member: whoever it was before is nobody here")
	return cmd
}

func (c commands) memberDelete() *cobra.Command {
	return ending(c, "members", words{"delete NAME", "Forget a member",
		"  causeway member delete anna@example.com --yes\n  causeway member delete otto@example.com --yes --installation"}, end{"member %q is refused from then on", "deleted"})
}

func (c commands) memberLogout() *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use: "logout NAME", Short: "End all sessions of a member", Args: call.Exactly("the member's NAME"),
		Long: `End all sessions of a member, at every browser and every control plane, within two seconds; what streams to a browser ends within five. He can log in again: to keep him
out, switch him off (member update --disabled) or give him another password, which end his sessions as well. Tokens go on.`,
		Example: "  causeway member logout anna@example.com\n  causeway member logout otto@example.com --installation",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			if err := c.Ask(cmd.Context(), http.MethodDelete, c.At(everywhere, "members", args[0], "sessions"), nil, nil); err != nil {
				return err
			}
			return c.Say(map[string]string{"logged out": args[0]}, "all sessions of member %s are over", args[0])
		},
	}
	everywhereFlag(cmd, &everywhere)
	return cmd
}

func (c commands) tokenCommand() *cobra.Command {
	return call.Group("token", "Tokens: credentials of machines, in a tenant or in the installation", c.tokenCreate(), c.tokenList(), c.tokenDescribe(), c.tokenRevoke())
}

func describeToken(t wire.Token) call.Table {
	shown := call.Table{Rows: [][]string{{"id", t.ID}, {"name", t.Name}, {"role", t.Role}, {"made by", t.By}, {"created", call.When(&t.Created)}, {"expires", call.When(&t.Expires)},
		{"revoked", call.When(t.Revoked)}, {"last used", call.When(t.LastUsed)}, {"reason", call.Dash(t.Reason)}}}
	if t.Secret != "" {
		shown.Add("secret", t.Secret+"   (shown this once)")
	}
	return shown
}

func (c commands) tokenCreate() *cobra.Command {
	var g grant
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a token; the secret is shown this once", Args: call.Exactly("what to call it"),
		Example: "  causeway token create pipeline --role developer\n  causeway token create night-shift --role break-glass --reason 'ticket 4711: disk full' --installation",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			end, err := g.end()
			if err != nil {
				return err
			}
			var t wire.Token
			if err := c.Ask(cmd.Context(), http.MethodPost, c.At(g.everywhere, "tokens"), wire.NewToken{Name: args[0], Role: g.role, Expires: end, Reason: g.reason}, &t); err != nil {
				return err
			}
			return c.Show(t, func() call.Table { return describeToken(t) })
		},
	}
	g.flags(cmd)
	return cmd
}

func (c commands) tokenList() *cobra.Command {
	return listing(c, "tokens", words{"list", "List tokens, without secrets", "  causeway token list\n  causeway token list --installation"},
		rows[wire.Token]{[]string{"ID", "NAME", "ROLE", "EXPIRES", "REVOKED", "LAST USED"}, func(t wire.Token) []string {
			return []string{t.ID, t.Name, t.Role, call.When(&t.Expires), call.When(t.Revoked), call.When(t.LastUsed)}
		}})
}

func (c commands) tokenDescribe() *cobra.Command {
	return describing(c, "tokens", words{"describe TOKEN", "Show a token, without its secret",
		"  causeway token describe TOKEN\n  causeway token describe SHARED --installation"}, describeToken)
}

func (c commands) tokenRevoke() *cobra.Command {
	return ending(c, "tokens", words{"revoke TOKEN", "End a token for good",
		"  causeway token revoke TOKEN --yes\n  causeway token revoke SHARED --yes --installation"}, end{"whoever shows token %s is refused from then on, for good", "revoked"})
}

func (c commands) auditCommand() *cobra.Command {
	return call.Group("audit", "The audit: who did what", c.auditList(), c.auditVerify())
}

func (c commands) auditList() *cobra.Command {
	var everywhere bool
	var limit int
	words := map[string]*string{}
	cmd := &cobra.Command{
		Use: "list", Short: "List who did what, the newest first", Args: call.Exactly(),
		Example: "  causeway audit list --limit 20\n  causeway audit list --noun app --from -1h\n  causeway audit list --outcome denied --installation",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			only, err := auditFilter(words)
			if err != nil {
				return err
			}
			only.Set("limit", strconv.Itoa(limit))
			var page wire.Page[wire.AuditRow]
			if err := c.Ask(cmd.Context(), http.MethodGet, c.At(everywhere, "audit")+"?"+only.Encode(), nil, &page); err != nil {
				return err
			}
			return c.Show(page.Items, func() call.Table {
				t := call.Table{Head: []string{"TIME", "WHO", "ROLE", "ACTION", "ON", "OUTCOME", "REQUEST"}}
				for _, r := range page.Items {
					t.Add(call.When(&r.Time), call.Printable(r.Actor), call.Dash(r.Role), r.Action, call.Printable(r.Name), r.Outcome, call.Dash(r.Request))
				}
				return t
			})
		},
	}
	everywhereFlag(cmd, &everywhere)
	f := cmd.Flags()
	f.IntVar(&limit, "limit", 100, "how many at most, 500 are possible")
	for name, about := range map[string]string{"actor": "only what he did", "noun": "only what was done to these: topic, group, app, key, member, token, tenant, ...", "name": "only what was done to this one",
		"outcome": "done, denied, begun or failed", "from": "not before: 2026-11-30T09:00:00Z, '2026-11-30 09:00' (local), -10m", "to": "before, the same way"} {
		words[name] = f.String(name, "", about)
	}
	return cmd
}

// auditFilter is what the flags ask for, in the words of the API: it calls an app an application, and takes moments alone.
func auditFilter(words map[string]*string) (url.Values, error) {
	only := url.Values{}
	for name, value := range words {
		switch {
		case *value == "":
		case name == "noun" && *value == "app":
			only.Set(name, "application")
		case name == "from" || name == "to":
			t, err := call.Moment("--"+name, *value, time.Now())
			if err != nil {
				return nil, err
			}
			only.Set(name, t.UTC().Format(time.RFC3339Nano))
		default:
			only.Set(name, *value)
		}
	}
	return only, nil
}

func (c commands) auditVerify() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Read the whole chain of the installation's audit and tell where it does not hold", Args: call.Exactly(),
		Example: "  causeway audit verify",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.CheckOutput(); err != nil {
				return err
			}
			var r wire.AuditReport
			if err := c.Ask(cmd.Context(), http.MethodGet, "/v1/audit/verification", nil, &r); err != nil {
				return err
			}
			err := c.Show(r, func() call.Table {
				t := call.Table{Rows: [][]string{{"the chain", chainOf(r)}, {"rows", call.Number(int64(r.Rows))}, {"newest", call.Number(int64(r.Head))}, {"its hash", call.Dash(r.Hash)}}}
				for _, b := range r.Broken {
					t.Add("broken at "+call.Number(int64(b.Number)), b.Why)
				}
				return t
			})
			if err == nil && len(r.Broken) > 0 {
				return call.Fail(call.ExitFailure, fmt.Errorf("the chain of the audit does not hold in %d places", len(r.Broken)), "compare with a copy that is kept elsewhere")
			}
			return err
		},
	}
}

// chainOf says in words whether the chain of the audit holds.
func chainOf(r wire.AuditReport) string {
	if len(r.Broken) > 0 {
		return "does not hold in " + call.Number(int64(len(r.Broken))) + " places"
	}
	return "holds"
}
