// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"maps"
	"strings"
	"testing"
	"time"
)

func TestSettingsThatMatterAreRemarkedOn(t *testing.T) {
	good := map[string]string{
		"timerWheelEnable": "true", "recallMessageEnable": "true", "enablePropertyFilter": "true", "autoCreateTopicEnable": "false", "timerMaxDelaySec": "259200",
		"flushDiskType": "SYNC_FLUSH", "brokerRole": "SYNC_MASTER", "inSyncReplicas": "2", "minInSyncReplicas": "2", "allAckInSyncStateSet": "false",
	}
	if got := Examine(good); len(got) != 0 {
		t.Errorf("nothing is wrong: %v", got)
	}
	for setting, c := range map[string]struct {
		change map[string]string
		bad    bool
	}{
		"timerWheelEnable":      {map[string]string{"timerWheelEnable": "false"}, true},
		"recallMessageEnable":   {map[string]string{"recallMessageEnable": "false"}, false},
		"enablePropertyFilter":  {map[string]string{"enablePropertyFilter": "false"}, false},
		"autoCreateTopicEnable": {map[string]string{"autoCreateTopicEnable": "true"}, false},
		"timerMaxDelaySec":      {map[string]string{"timerMaxDelaySec": "3600"}, false},
		"flushDiskType":         {map[string]string{"flushDiskType": "ASYNC_FLUSH"}, false},
		"brokerRole":            {map[string]string{"brokerRole": "ASYNC_MASTER"}, false},
		"inSyncReplicas":        {map[string]string{"inSyncReplicas": "1"}, false},
		"minInSyncReplicas":     {map[string]string{"allAckInSyncStateSet": "true", "minInSyncReplicas": "1"}, false},
	} {
		changed := maps.Clone(good)
		maps.Copy(changed, c.change)
		got := Examine(changed)
		if len(got) != 1 || got[0].Setting != setting || got[0].Bad != c.bad || got[0].Detail == "" || got[0].Fix == "" {
			t.Errorf("%v: %+v", c.change, got)
		}
	}
}

func TestAClockThatIsOffIsRemarkedOn(t *testing.T) {
	for ahead, want := range map[time.Duration]struct {
		says string
		bad  bool
	}{
		0: {}, time.Second: {}, -time.Second: {}, 3 * time.Second: {"3s ahead", false}, -3 * time.Second: {"3s behind", false}, -2 * time.Hour: {"2h0m0s behind", true},
	} {
		got := ExamineClock(ahead)
		if want.says == "" && len(got) > 0 || want.says != "" && (len(got) != 1 || !strings.Contains(got[0].Detail, want.says) || got[0].Bad != want.bad || got[0].Fix == "") {
			t.Errorf("%v: %+v", ahead, got)
		}
	}
}
