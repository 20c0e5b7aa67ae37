// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control/wire"
)

// labelledThing is what every noun with labels shows of itself.
type labelledThing struct {
	ID, Name string
	Labels   map[string]string
	Revision uint64
}

func TestLabelsAreKeptShownFoundAndReplaced(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"/v1/tenants", def + "/apps", def + "/topics", def + "/groups"} {
		key := "name"
		if path == "/v1/tenants" {
			key = "id"
		}
		for name, labels := range map[string]string{"one": `{"team":"pay","tier":"gold"}`, "two": `{"team":"pay"}`, "three": `{}`} {
			read[labelledThing](t, s.send("POST", path, `{"`+key+`":"`+name+`","labels":`+labels+`}`))
		}
		found := func(query string) (names []string) {
			t.Helper()
			for _, one := range read[wire.Page[labelledThing]](t, s.send("GET", path+query, "")).Items {
				names = append(names, one.ID+one.Name)
			}
			return names
		}
		if got := found("?label=team%3Dpay"); strings.Join(got, " ") != "one two" {
			t.Errorf("%s with team=pay: %v", path, got)
		}
		if got := found("?label=tier%3Dgold&limit=1"); strings.Join(got, " ") != "one" {
			t.Errorf("%s with tier=gold: %v", path, got)
		}
		if got := found("?label=tier%3D"); len(got) != 0 {
			t.Errorf("%s with an empty tier: %v", path, got)
		}
		if p := s.send("GET", path+"?label=team", "").problem(t); p.Status != 400 || p.Field != "label" {
			t.Errorf("%s with half a label: %+v", path, p)
		}
		if p := s.send("POST", path, `{"`+key+`":"four","labels":{"Team":"x"}}`).problem(t); p.Status != 400 || p.Field != "labels" || p.Limit != "40" {
			t.Errorf("%s with a bad label: %+v", path, p)
		}
		if path == "/v1/tenants" {
			continue
		}
		one := read[labelledThing](t, s.send("PATCH", path+"/one", `{"labels":{"stage":"test"}}`))
		if !maps.Equal(one.Labels, map[string]string{"stage": "test"}) {
			t.Errorf("%s: a change of labels gives %v", path, one.Labels)
		}
		if same := read[labelledThing](t, s.send("PATCH", path+"/one", `{"note":"n"}`)); !maps.Equal(same.Labels, one.Labels) {
			t.Errorf("%s: a change of the note gives labels %v", path, same.Labels)
		}
		if none := read[labelledThing](t, s.send("PATCH", path+"/one", `{"labels":{}}`)); none.Labels != nil {
			t.Errorf("%s: no labels are %v", path, none.Labels)
		}
		if p := s.send("PATCH", path+"/one", `{"labels":{"a":"x\ny"}}`).problem(t); p.Status != 400 || p.Limit != "80" {
			t.Errorf("%s: a bad label: %+v", path, p)
		}
		rows := read[wire.Page[wire.AuditRow]](t, s.send("GET", "/v1/audit?limit=500", "")).Items
		if !strings.Contains(rows[0].Before, `"labels":{"stage":"test"}`) && !strings.Contains(rows[1].Before, `"labels":{"stage":"test"}`) && !strings.Contains(rows[2].Before, `"labels":{"stage":"test"}`) {
			t.Errorf("%s: the audit does not show what labels there were: %+v", path, rows[:3])
		}
	}
}
