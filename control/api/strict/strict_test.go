// SPDX-License-Identifier: Apache-2.0

package strict

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/causeway-mq/causeway/control/wire"
)

// What is let through means the same to the checker as to encoding/json: written and read once more, it is the same value.
func FuzzDecode(f *testing.F) {
	f.Add(`{"name":"x","retry":{"steps":["1s","5s"]},"fifo":true}`)
	f.Add(`{"name":"x","retry":null,"maxAttempts":3}`)
	f.Add(`{"a":[[[[]]]]}`)
	f.Fuzz(func(t *testing.T, in string) {
		var g wire.NewGroup
		if Read([]byte(in), &g) != nil {
			return
		}
		raw, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		var again wire.NewGroup
		if err := Read(raw, &again); err != nil || !reflect.DeepEqual(again, g) {
			t.Errorf("%s became %s: %v", in, raw, err)
		}
	})
}
