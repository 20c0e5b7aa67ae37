// SPDX-License-Identifier: Apache-2.0

package soft

import (
	"sync"

	"github.com/causeway-mq/causeway/mq"
)

// Remade is which topics were made again at which addresses. The zero value is ready.
type Remade struct{ all sync.Map } // remadeAt -> true

type remadeAt struct {
	topic   mq.Physical
	address string
}

// First notes a topic at an address, and tells whether it was not noted before.
func (r *Remade) First(topic mq.Physical, address string) bool {
	_, again := r.all.LoadOrStore(remadeAt{topic, address}, true)
	return !again
}

// Forget lets it be the first again: nothing came of it.
func (r *Remade) Forget(topic mq.Physical, address string) { r.all.Delete(remadeAt{topic, address}) }
