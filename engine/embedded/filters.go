// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"sync"

	"github.com/causeway-mq/causeway/mq"
	"github.com/causeway-mq/causeway/mq/filter"
)

// filters keeps compiled filters: consumers send the same text with every receive.
type filters struct {
	mu       sync.Mutex // guards compiled
	compiled map[mq.Filter]*filter.Filter
}

const maxFilters = 1024

func (f *filters) get(written mq.Filter) (*filter.Filter, error) {
	f.mu.Lock()
	c := f.compiled[written]
	f.mu.Unlock()
	if c != nil {
		return c, nil
	}
	c, err := filter.Compile(written)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.compiled == nil || len(f.compiled) >= maxFilters {
		f.compiled = map[mq.Filter]*filter.Filter{}
	}
	f.compiled[written] = c
	return c, nil
}
