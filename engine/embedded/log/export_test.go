// SPDX-License-Identifier: Apache-2.0

package log

import (
	"encoding/binary"
	"hash/crc32"
)

// BumpFormat rewrites a header or identity copy as a later version of this program would write it.
func BumpFormat(b []byte) {
	binary.LittleEndian.PutUint32(b[8:], formatVersion+1)
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
}
