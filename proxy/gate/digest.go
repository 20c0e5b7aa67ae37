// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"crypto/md5"  //nolint:gosec // a checksum that clients chose, no protection
	"crypto/sha1" //nolint:gosec // the same
	"encoding/hex"
	"hash/crc32"
	"strconv"
	"strings"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// digestHolds compares a body with its digest. No digest, or one of a kind that nobody knows, says nothing and holds.
func digestHolds(d *v2.Digest, body []byte) bool {
	if d == nil || d.GetChecksum() == "" {
		return true
	}
	switch d.GetType() {
	case v2.DigestType_CRC32:
		// Clients differ in padding, case and base, so the numbers are compared.
		sum := uint64(crc32.ChecksumIEEE(body))
		hexadecimal, err := strconv.ParseUint(d.GetChecksum(), 16, 64)
		if err == nil && hexadecimal == sum {
			return true
		}
		decimal, err := strconv.ParseUint(d.GetChecksum(), 10, 64)
		return err == nil && decimal == sum
	case v2.DigestType_MD5:
		sum := md5.Sum(body) //nolint:gosec // see the import
		return strings.EqualFold(d.GetChecksum(), hex.EncodeToString(sum[:]))
	case v2.DigestType_SHA1:
		sum := sha1.Sum(body) //nolint:gosec // see the import
		return strings.EqualFold(d.GetChecksum(), hex.EncodeToString(sum[:]))
	}
	return true
}

// digestOut is the digest that the caller checks. CRC32 is the cheapest of the three, yet clients write it in three ways: Java and
// Go as upper-case hex that is not padded, Python padded, Node in decimal, and each takes another form for damage. So those
// two get it, and everyone else gets MD5, which all write alike. No digest at all is no way out: Node fails on it.
func (c *Caller) digestOut(body []byte) *v2.Digest {
	switch c.Headers.Language {
	case "JAVA", "GO":
		return &v2.Digest{
			Type:     v2.DigestType_CRC32,
			Checksum: strings.ToUpper(strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 16)),
		}
	}
	sum := md5.Sum(body) //nolint:gosec // see the import
	return &v2.Digest{Type: v2.DigestType_MD5, Checksum: strings.ToUpper(hex.EncodeToString(sum[:]))}
}
