// SPDX-License-Identifier: Apache-2.0

package grpcfront_test

import (
	"fmt"
	"os"
	"testing"
)

// lean tells over which transport every world of this package is served.
var lean bool

// TestMain runs every test twice: over grpc-go's transport and over the lean one.
func TestMain(m *testing.M) {
	for _, lean = range []bool{false, true} {
		if code := m.Run(); code != 0 {
			fmt.Println("failed with lean =", lean)
			os.Exit(code)
		}
	}
}
