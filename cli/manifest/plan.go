// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/causeway-mq/causeway/cli/call"
	"github.com/causeway-mq/causeway/control/wire"
)

// What came of an object.
const (
	Created   = "created"
	Changed   = "changed"
	Unchanged = "unchanged"
	Deleted   = "deleted"
	Asked     = "asked" // of another tenant
	Failed    = "failed"
)

// Step is one object with what is to happen to it, and afterwards what did.
type Step struct {
	Object  Object
	Live    *Object // as it was read; nil = it was not there
	Changes []Change
	Result  string
	Err     error  // with Failed
	Detail  string // a word about the result, may be ""

	key json.RawMessage // the first key of a new application
}

// Would is the result that carrying the step out would have.
func (s Step) Would() string {
	switch {
	case s.Object.Kind.Asked && (s.Live == nil || len(s.Changes) > 0):
		return Asked
	case s.Live == nil:
		return Created
	case len(s.Changes) > 0:
		return Changed
	}
	return Unchanged
}

// few is up to how many objects of one kind are asked for one by one, before their listing is cheaper.
const few = 10

// place is a tenant's things of one kind.
type place struct{ kind, tenant string }

// Plan reads what is there and tells what is to happen to each object, in the order in which it has to happen.
func Plan(ctx context.Context, c *call.Call, objects []Object) ([]Step, error) {
	at := map[place][]Object{}
	made := map[string]bool{} // tenants that the objects bring
	for _, o := range objects {
		at[place{o.Kind.Name, o.Tenant()}] = append(at[place{o.Kind.Name, o.Tenant()}], o)
		if o.Kind.Name == "Tenant" {
			made[o.Name()] = true
		}
	}
	live := map[string]*Object{}
	for where, some := range at {
		found, err := look(ctx, c, some)
		if gone(err) && made[where.tenant] {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", some[0].Place, err)
		}
		for i := range found {
			live[found[i].id()] = &found[i]
		}
	}
	steps := make([]Step, 0, len(objects))
	for _, k := range Kinds() {
		for _, o := range objects {
			if o.Kind.Name != k.Name {
				continue
			}
			s := Step{Object: o, Live: live[o.id()]}
			var err error
			if s.Changes, err = o.Changes(s.Live); err != nil {
				return nil, err
			}
			steps = append(steps, s)
		}
	}
	return steps, offers{call: c}.judge(ctx, steps)
}

// look finds those of some objects of one kind and tenant that are there.
func look(ctx context.Context, c *call.Call, some []Object) ([]Object, error) {
	kind, tenant := some[0].Kind, some[0].Tenant()
	if len(some) > few {
		return List(ctx, c, kind, tenant)
	}
	if kind.InTenant { // of a tenant that is not there, every name would just be missing
		if err := c.Ask(ctx, http.MethodGet, "/v1/tenants/"+url.PathEscape(tenant), nil, nil); err != nil {
			return nil, err
		}
	}
	var all []Object
	for _, o := range some {
		one, err := Get(ctx, c, kind, tenant, o.Name())
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// Get reads one object.
func Get(ctx context.Context, c *call.Call, k Kind, at ...string) (Object, error) {
	tenant, name := at[0], at[1]
	var raw json.RawMessage
	if err := c.Ask(ctx, http.MethodGet, path(k, tenant, name), nil, &raw); err != nil {
		return Object{}, err
	}
	return Live(k, tenant, raw)
}

// List reads all objects of a kind in a tenant.
func List(ctx context.Context, c *call.Call, k Kind, tenant string) ([]Object, error) {
	all, err := call.Everything[json.RawMessage](ctx, c, path(k, tenant, ""))
	if err != nil {
		return nil, err
	}
	objects := make([]Object, 0, len(all))
	for _, raw := range all {
		if lentOut(k, tenant, raw) {
			continue
		}
		o, err := Live(k, tenant, raw)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func gone(err error) bool {
	var refused *call.Refused
	return errors.As(err, &refused) && refused.Status == http.StatusNotFound
}

// path is where the API has an object, or with name "" all of them.
func path(k Kind, tenant, name string) string {
	p := "/v1/" + k.Words[0]
	if k.InTenant {
		p = "/v1/tenants/" + url.PathEscape(tenant) + "/" + k.Words[0]
	}
	if name != "" {
		p += "/" + url.PathEscape(name)
	}
	return p
}

// Standing is what stands against the steps: changes that cannot be. Nothing may be carried out when there is one.
func Standing(steps []Step) error {
	var lines []string
	for _, s := range steps {
		for _, c := range s.Changes {
			if c.Why != "" {
				lines = append(lines, fmt.Sprintf("%s: %s of tenant %s: %s: %s", s.Object.Place, s.Object, call.Dash(s.Object.Tenant()), c, c.Why))
			}
		}
	}
	if lines == nil {
		return nil
	}
	return errors.New(strings.Join(lines, "\n"))
}

// Carry carries a step out and notes what came of it.
func (s *Step) Carry(ctx context.Context, c *call.Call) {
	s.Result = s.Would()
	switch s.Result {
	case Asked:
		s.Err = s.ask(ctx, c)
	case Created:
		s.Err = s.create(ctx, c)
	case Changed:
		s.Err = s.change(ctx, c, s.Changes, s.Live.Revision())
	}
	if s.Err != nil {
		s.Result = Failed
	}
}

func (s *Step) create(ctx context.Context, c *call.Call) error {
	o := s.Object
	body := map[string]json.RawMessage{}
	var later []Change
	for _, change := range s.Changes {
		if slices.Contains(o.Kind.Later, change.Field) {
			if !same(nil, change.To) {
				later = append(later, change)
			}
			continue
		}
		body[change.Field] = change.To
	}
	name, err := json.Marshal(o.Name())
	if err != nil {
		return err
	}
	body[o.Kind.Key] = name
	var made answer
	if err := c.Ask(ctx, http.MethodPost, path(o.Kind, o.Tenant(), ""), body, &made); err != nil {
		return err
	}
	s.key = made.Key
	if len(later) == 0 {
		made.warn(c, o)
		return nil
	}
	return s.change(ctx, c, later, made.Revision)
}

// change asks for changes of the very revision that was read: what somebody else did since is not overwritten.
func (s *Step) change(ctx context.Context, c *call.Call, changes []Change, revision int64) error {
	body := map[string]json.RawMessage{"revision": number(revision)}
	for _, change := range changes {
		body[change.Field] = change.To
	}
	var now answer
	if err := c.Ask(ctx, http.MethodPatch, path(s.Object.Kind, s.Object.Tenant(), s.Object.Name()), body, &now); err != nil {
		return err
	}
	now.warn(c, s.Object)
	return nil
}

// answer is what of an answer a step looks at.
type answer struct {
	Revision      int64           `json:"revision"`
	Key           json.RawMessage `json:"key"`
	MissingTopics []string        `json:"missingTopics"` // of an application, as its groups
	MissingGroups []string        `json:"missingGroups"`
}

func (a answer) warn(c *call.Call, o Object) {
	c.WarnOfMissing(wire.Application{Name: o.Name(), MissingTopics: a.MissingTopics, MissingGroups: a.MissingGroups})
}

// Key is the first key of an application that the step made: its id and its secret, "" for none.
func (s *Step) Key() (id, secret string) {
	var k struct {
		ID     string `json:"id"`
		Secret string `json:"secret"`
	}
	if s.key == nil || json.Unmarshal(s.key, &k) != nil {
		return "", ""
	}
	return k.ID, k.Secret
}

// Prune finds what is to be deleted by its name: KIND/NAME, in the tenant that the command works in. One that the documents want
// as well is refused.
func Prune(ctx context.Context, c *call.Call, names []string, wanted []Object) ([]Step, error) {
	var steps []Step
	for _, text := range names {
		word, name, ok := strings.Cut(text, "/")
		kind, known := KindByWord(word)
		if !ok || !known || !kind.InTenant || name == "" {
			return nil, call.Usage("--prune %q: KIND/NAME is wanted, for example topic/old, of topic, group, grant or app", text)
		}
		o := Object{Kind: kind, Place: "--prune", doc: kind.fresh()}
		*o.doc.head() = Head{Kind: kind.Name, Tenant: c.Tenant, Name: name}
		if i := slices.IndexFunc(wanted, func(w Object) bool { return w.id() == o.id() }); i >= 0 {
			return nil, call.Usage("--prune %q: %s wants it", text, wanted[i].Place)
		}
		s := Step{Object: o}
		live, err := Get(ctx, c, kind, c.Tenant, name)
		if err != nil && !gone(err) {
			return nil, err
		}
		if err == nil {
			s.Live = &live
		}
		steps = append(steps, s)
	}
	// Who reads goes before what is read.
	slices.SortStableFunc(steps, func(a, b Step) int { return order(b.Object.Kind) - order(a.Object.Kind) })
	return steps, nil
}

func order(k Kind) int {
	return slices.IndexFunc(Kinds(), func(one Kind) bool { return one.Name == k.Name })
}

// KindByWord finds a kind by a word of the command line, or by its name.
func KindByWord(word string) (Kind, bool) {
	for _, k := range Kinds() {
		if slices.Contains(k.Words, strings.ToLower(word)) {
			return k, true
		}
	}
	return Kind{}, false
}

// Delete carries a pruning out. One that is not there is unchanged.
func (s *Step) Delete(ctx context.Context, c *call.Call) {
	s.Result = Unchanged
	if s.Live == nil {
		s.Detail = "is not there"
		return
	}
	where := path(s.Object.Kind, s.Object.Tenant(), s.Object.Name())
	if s.Object.Kind.Name != "Application" && !s.Object.Kind.Asked {
		where += "?confirm=" + url.QueryEscape(s.Object.Name())
	}
	err := c.Ask(ctx, http.MethodDelete, where, nil, nil)
	switch {
	case gone(err):
		s.Detail = "is not there"
	case err != nil:
		s.Result, s.Err = Failed, err
	default:
		s.Result = Deleted
	}
}

// MarshalJSON is the step for machines.
func (s Step) MarshalJSON() ([]byte, error) {
	shown := struct {
		Kind    string   `json:"kind"`
		Tenant  string   `json:"tenant,omitempty"`
		Name    string   `json:"name"`
		Place   string   `json:"place"`
		Result  string   `json:"result"`
		Changes []Change `json:"changes,omitempty"`
		Detail  string   `json:"detail,omitempty"`
		Error   string   `json:"error,omitempty"`
		Request string   `json:"requestId,omitempty"`
	}{s.Object.Kind.Name, s.Object.Tenant(), s.Object.Name(), s.Object.Place, s.Result, s.Changes, s.Detail, "", ""}
	if s.Err != nil {
		shown.Error = s.Err.Error()
		var refused *call.Refused
		if errors.As(s.Err, &refused) {
			shown.Request = refused.RequestID
		}
	}
	return json.Marshal(shown)
}
