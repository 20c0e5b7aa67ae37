// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"testing"

	"github.com/causeway-mq/causeway/engine/enginetest"
)

func TestTheReferenceEngineKeepsEveryPromise(t *testing.T) {
	enginetest.Run(t, referenceTarget(""))
}
