// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strings"
	"testing"
)

func TestFetchingSaysHowFarItIs(t *testing.T) {
	var talk strings.Builder
	said := &told{talk: &talk}
	for i := range 2*tellEvery + 1 {
		fmt.Fprintf(said, "[INFO] Downloading from central: https://h/%d\n[INFO] Downloaded from central: https://h/%d\n", i, i)
	}
	if said.files != 2*tellEvery+1 || talk.String() != "  50 files\n  100 files\n" || !strings.Contains(said.all.String(), "https://h/100") {
		t.Errorf("%d files, told:\n%s", said.files, talk.String())
	}
}
