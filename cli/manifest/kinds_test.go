// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control/wire"
)

// jsonNames is the names of a struct's fields in JSON.
func jsonNames(v any) []string {
	var all []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			all = append(all, name)
		}
	}
	return all
}

// What the API lets somebody choose, a document can say, and nothing else: a field that is new there is missed here.
func TestDocumentsSayWhatTheAPITakes(t *testing.T) {
	for _, c := range []struct {
		kind           string
		fresh, changed any
	}{
		{"Plan", wire.NewPlan{}, wire.PlanChange{}}, {"Environment", wire.NewEnvironment{}, wire.EnvironmentChange{}}, {"Zone", wire.NewZone{}, wire.ZoneChange{}},
		{"Tenant", wire.NewTenant{}, wire.TenantChange{}}, {"Topic", wire.NewTopic{}, wire.TopicChange{}},
		{"Group", wire.NewGroup{}, wire.GroupChange{}}, {"Application", wire.NewApplication{}, wire.ApplicationChange{}},
	} {
		kind, ok := KindOf(c.kind)
		if !ok {
			t.Fatal(c.kind)
		}
		wanted := jsonNames(c.fresh)
		changeable := []string{}
		if c.changed != nil {
			changeable = slices.DeleteFunc(jsonNames(c.changed), func(n string) bool { return n == "revision" })
		}
		for _, n := range append(slices.Clone(wanted), changeable...) {
			if n == kind.Key {
				continue
			}
			f, ok := fieldNamed(kind, n)
			if !ok {
				t.Errorf("%s: the API takes %s, documents do not know it", c.kind, n)
				continue
			}
			if fixed := f.Tag.Get("fixed") == "true"; fixed == slices.Contains(changeable, n) {
				t.Errorf("%s: %s: fixed is %v, and the API changes %v", c.kind, n, fixed, changeable)
			}
			if later := slices.Contains(kind.Later, n); later == slices.Contains(wanted, n) {
				t.Errorf("%s: %s: comes later is %v, and the API makes with %v", c.kind, n, later, wanted)
			}
		}
		for _, f := range reflect.VisibleFields(reflect.TypeOf(kind.fresh()).Elem()) {
			name := f.Tag.Get("yaml")
			if name != "" && len(f.Index) == 1 && !slices.Contains(wanted, name) && !slices.Contains(changeable, name) {
				t.Errorf("%s: documents know %s, the API takes none", c.kind, name)
			}
			if json, _, _ := strings.Cut(f.Tag.Get("json"), ","); json != name {
				t.Errorf("%s: %s is called %s in JSON", c.kind, name, json)
			}
		}
	}
}

// A grant is asked for with a wish, to its owner.
func TestADocumentSaysEveryWishForAGrant(t *testing.T) {
	k, ok := KindOf("Grant")
	if !ok {
		t.Fatal("no grants")
	}
	for _, n := range append(jsonNames(wire.GrantWish{}), "owner") {
		if _, ok := fieldNamed(k, n); !ok && n != k.Key {
			t.Errorf("the API takes %s, documents do not know it", n)
		}
	}
}

func fieldNamed(k Kind, name string) (reflect.StructField, bool) {
	for _, f := range reflect.VisibleFields(reflect.TypeOf(k.fresh()).Elem()) {
		if f.Tag.Get("yaml") == name && len(f.Index) == 1 {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func FuzzRead(f *testing.F) {
	f.Add("kind: Topic\nname: orders\nqueues: 8\n---\n- kind: Group\n  name: g\n")
	f.Add(`{"kind":"Application","name":"a","publish":["x"],"revision":3}`)
	f.Fuzz(func(t *testing.T, text string) {
		r := Reader{Tenant: "default"}
		r.Read("f", []byte(text))
		for _, p := range r.Problems {
			if p.Rule == "" {
				t.Errorf("a problem without words: %+v", p)
			}
		}
		for _, o := range r.Objects {
			if _, err := o.Changes(nil); err != nil {
				t.Error(err)
			}
		}
	})
}
