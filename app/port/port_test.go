// SPDX-License-Identifier: Apache-2.0

package port

import (
	"net"
	"strings"
	"testing"
)

func TestAPersonIsToldThatADefaultAddressWasTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	otherwise := taken.Addr().String()
	l, err := Listen("http", "", otherwise)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	bound := l.Addr().String()
	if got := Moved("", otherwise, bound, "--http"); !strings.Contains(got, otherwise+" is in use by something else, so this one is at "+bound) || !strings.HasSuffix(got, "--http chooses an address\n") {
		t.Errorf("said %q", got)
	}
	if got := Moved("", otherwise, otherwise, "--http") + Moved(bound, otherwise, bound, "--http"); got != "" {
		t.Errorf("where nothing was taken: %q", got)
	}
}
