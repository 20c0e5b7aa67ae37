// SPDX-License-Identifier: Apache-2.0

package stored

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// Place is what a broker's own message id says: the broker that stored the message, and where in its log.
type Place struct {
	Host     netip.AddrPort
	Physical int64
}

// ParsePlace reads a broker's message id: 32 hex digits, or 56 with an IPv6 address.
func ParsePlace(id string) (Place, error) {
	if len(id) != 32 && len(id) != 56 {
		return Place{}, fmt.Errorf("%w: a broker's message id has 32 or 56 digits, not %d", ErrCorrupt, len(id))
	}
	raw, err := hex.DecodeString(id)
	if err != nil {
		return Place{}, fmt.Errorf("%w: a broker's message id: %w", ErrCorrupt, err)
	}
	c := cursor{data: raw}
	return Place{Host: c.host(len(raw) == 28), Physical: c.i64()}, nil
}

// String is the broker's message id.
func (p Place) String() string {
	b := appendHost(make([]byte, 0, 28), p.Host)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Physical))
	return strings.ToUpper(hex.EncodeToString(b))
}
