// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/control/usage"
	"github.com/causeway-mq/causeway/mq"
)

func usageCases() []testCase {
	return []testCase{
		{"a day's use is the sum over all runs, each by its newest word", usageSums},
		{"use is read by tenant and day, and old days can be dropped", usageRanges},
	}
}

// used is a row of usage, of "tenant day run".
func used(t *testing.T, of string, n int64) usage.Row {
	var r usage.Row
	parts := strings.Fields(of)
	r.Tenant, r.Day, r.Run = must[mq.Tenant](t)(mq.ParseTenant(parts[0])), usage.Day(parts[1]), parts[2]
	r.In, r.Out = usage.Count{Messages: n, Bytes: 10 * n}, usage.Count{Messages: 2 * n, Bytes: 20 * n}
	return r
}

func keepUsage(t *testing.T, on Subject, some ...usage.Row) {
	t.Helper()
	if err := on.Store.KeepUsage(context.Background(), some); err != nil {
		t.Fatal(err)
	}
}

func usageSums(t *testing.T, on Subject) {
	keepUsage(t, on, used(t, "shop 2026-12-01 a", 5), used(t, "shop 2026-12-01 b", 7))
	keepUsage(t, on, used(t, "shop 2026-12-01 a", 9))
	keepUsage(t, on, used(t, "shop 2026-12-01 a", 6)) // it was overtaken
	got := must[[]usage.Total](t)(on.Again().Usage(context.Background(), used(t, "shop - -", 0).Tenant, "2026-12-01", "2026-12-01"))
	want := []usage.Total{{Day: "2026-12-01", In: usage.Count{Messages: 16, Bytes: 160}, Out: usage.Count{Messages: 32, Bytes: 320}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func usageRanges(t *testing.T, on Subject) {
	keepUsage(t, on, used(t, "shop 2026-11-30 a", 1), used(t, "shop 2026-12-02 a", 3), used(t, "shop 2026-12-01 a", 2), used(t, "bank 2026-12-01 a", 9))
	days := func(from, to usage.Day) (all []usage.Day) {
		for _, one := range must[[]usage.Total](t)(on.Store.Usage(context.Background(), used(t, "shop - -", 0).Tenant, from, to)) {
			all = append(all, one.Day)
		}
		return all
	}
	if got := days("2026-12-01", "2026-12-31"); !reflect.DeepEqual(got, []usage.Day{"2026-12-01", "2026-12-02"}) {
		t.Errorf("%v", got)
	}
	if err := on.Store.DropUsage(context.Background(), "2026-12-01"); err != nil {
		t.Fatal(err)
	}
	if got := days("2026-01-01", "2026-12-31"); !reflect.DeepEqual(got, []usage.Day{"2026-12-01", "2026-12-02"}) {
		t.Errorf("after the drop: %v", got)
	}
}
