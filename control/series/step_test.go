// SPDX-License-Identifier: Apache-2.0

package series_test

import (
	"testing"
	"time"

	"github.com/causeway-mq/causeway/control/series"
)

func TestStepsAreATenantsOwn(t *testing.T) {
	s := newScene(t)
	begun := s.clock.Now()
	for n := range 3 {
		s.p.Stored(shop, orders, 10*(n+1), 100)
		s.p.Stored(bank, refund, 1000, 1000)
		s.p.Delivered(read, 20, 200)
		s.tell()
	}
	s.s.Lag(series.Pair{Group: ofBills, Topic: ofOrders}, 7, -1)
	s.clock.Advance(25 * time.Second) // the last step is one that nobody told of
	all := s.s.Steps(shop, time.Time{}, 30)
	if len(all) != 4 || !all[0].Time.Equal(begun) || all[3].Known {
		t.Fatalf("%+v", all)
	}
	one := all[2]
	if !one.Known || one.In.Messages != 3 || one.Out.Messages != 0 || len(one.Reads) != 0 || len(one.Topics) != 1 || one.Topics[0].Name != orders || one.Topics[0].In.Messages != 3 || one.Topics[0].Out.Messages != 2 {
		t.Errorf("the owner's: %+v", one)
	}
	reader := s.s.Steps(bank, all[1].Time, 30)
	if len(reader) != 2 || reader[0].Out.Messages != 2 || len(reader[0].Reads) != 1 || reader[0].Reads[0].Pair.Topic != ofOrders || len(reader[0].Topics) != 1 || reader[0].Topics[0].Name != refund {
		t.Errorf("the borrower's: %+v", reader)
	}
	if few := s.s.Steps(shop, time.Time{}, 2); len(few) != 2 || !few[1].Time.Equal(all[3].Time) {
		t.Errorf("the newest two: %+v", few)
	}
	if none := s.s.Steps(shop, all[3].Time, 30); len(none) != 0 {
		t.Errorf("behind the last one: %+v", none)
	}
	if lags := s.s.Lags(bank); len(lags) != 1 || *lags[0].Messages != 7 || lags[0].Age != nil {
		t.Errorf("lag: %+v", lags)
	}
	if lags := s.s.Lags(shop); len(lags) != 0 {
		t.Errorf("the owner sees how far the borrower is: %+v", lags)
	}
	s.clock.Advance(2 * time.Minute)
	if lags := s.s.Lags(bank); lags[0].Messages != nil || lags[0].Seen.IsZero() {
		t.Errorf("a lag that nobody saw for two minutes: %+v", lags)
	}
}
