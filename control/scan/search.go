// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"bytes"
	"context"

	"github.com/causeway-mq/causeway/mq"
)

// Condition is what a message has to have; zero fields ask for nothing.
type Condition struct {
	Tag      string
	Property string // its name
	Value    string // of that property
	Body     string // a part of the body, byte for byte
}

// IsZero tells whether everything fits.
func (c Condition) IsZero() bool { return c == Condition{} }

// Fits tells whether a message has all of it.
func (c Condition) Fits(m *mq.Message) bool {
	if c.Tag != "" && m.Tag.String() != c.Tag {
		return false
	}
	if c.Property != "" {
		if v, ok := m.Property(c.Property); !ok || v != c.Value {
			return false
		}
	}
	return c.Body == "" || bytes.Contains(m.Body, []byte(c.Body))
}

// Search gives the messages that fit; once there are enough it ends with the page that it is at.
func Search(ctx context.Context, f Finder, w Walk, c Condition, enough int) ([]mq.Found, Progress, error) {
	var some []mq.Found
	p, err := Look(ctx, f, w, func(m mq.Found) bool {
		if c.Fits(&m.Message) {
			some = append(some, m)
		}
		return len(some) < enough
	})
	return some, p, err
}
