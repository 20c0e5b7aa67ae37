// SPDX-License-Identifier: Apache-2.0

package call

import (
	"net/http"
	"strings"
	"testing"
)

func TestACPUProfileThatIsUnderWayIsNamed(t *testing.T) {
	err := problemIn(&http.Response{Status: "500 Internal Server Error", StatusCode: 500}, []byte("Could not enable CPU profiling: cpu profiling already in use\n"))
	if f := Classify(err); f.Code != ExitConflict || !strings.Contains(f.Error(), "one at a time") || f.Next == "" {
		t.Errorf("%d: %v", f.Code, err)
	}
}
