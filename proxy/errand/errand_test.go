// SPDX-License-Identifier: Apache-2.0

package errand_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/proxy/errand"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/proxy/trail"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestErrandsArriveAsTheyWereLaidOut(t *testing.T) {
	shop, id := must(mq.ParseTenant("shop")), must(mq.ParseClientID("host@1/2 ü"))
	out := errand.Errands{
		Questions: []trail.Question{{Number: "1", Tenant: shop, Topic: must(mq.ParsePhysical("shop%orders")), Message: must(mq.ParseMessageID("m-1"))}},
		Partings: []errand.Parting{
			{Number: "2", Whom: session.Whom{ID: session.ID{Tenant: shop, App: "till", Client: id}}},
			{Number: "3", Whom: session.Whom{ID: session.ID{Tenant: shop, Client: id}, AnyApp: true}},
		},
	}
	in := must(errand.Decode(bytes.NewReader(must(json.Marshal(out)))))
	if in.Len() != 3 || in.Questions[0] != out.Questions[0] || in.Partings[0] != out.Partings[0] || in.Partings[1] != out.Partings[1] {
		t.Errorf("%+v", in)
	}
	// Of a newer control plane what is not known is left out, and the rest is seen to.
	if in := must(errand.Decode(strings.NewReader(`{"questions":[],"dances":[{"number":"4"}],"partings":[{"number":"5","tenant":"shop","client":"c","politely":true}]}`))); in.Len() != 1 {
		t.Errorf("%+v", in)
	}
	for _, text := range []string{`[`, `{"partings":[{"tenant":"A B","client":"c"}]}`, `{"partings":[{"tenant":"shop","client":""}]}`, `{"partings":[{"tenant":"shop","client":"c","app":"` + strings.Repeat("x", 301) + `"}]}`, `{"partings":[7]}`} {
		if _, err := errand.Decode(strings.NewReader(text)); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func TestWhatCameOfAPartingIsHeldAgainstBounds(t *testing.T) {
	said := errand.Parted{Number: "1", Zone: "az1", Streams: 2, Known: true}
	if got := must(errand.DecodeParted(bytes.NewReader(must(json.Marshal(said))))); got != said {
		t.Errorf("%+v", got)
	}
	for _, text := range []string{`[`, `{"streams":1}`, `{"number":"1","streams":-1}`, `{"number":"` + strings.Repeat("x", 301) + `"}`} {
		if _, err := errand.DecodeParted(strings.NewReader(text)); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}
