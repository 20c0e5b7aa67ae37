// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Proxies sign their requests to brokers as a user, and so does the control plane, whose user is an administrator there. The two must not be the same: whoever takes a proxy
// would have its rights, and the user could not be ended for the proxy alone. Neither sees the other's configuration, so a proxy says with its questions marks of its users, from which a control plane recognizes its own
// and nobody reads a name. Secrets have no part in it.

// UsersHeader lists the marks of a proxy's users at the brokers, one for each cluster whose requests it signs.
const UsersHeader = "Causeway-Broker-Users"

// Bounds of what is said.
const (
	maxMarks = 256
	markSize = 16 // bytes of a hash
)

// Mark is a user of a cluster as both ends know it who have the token of proxies: a hash under that token.
func Mark(token, cluster, user string) string {
	h := hmac.New(sha256.New, []byte(token))
	h.Write([]byte("user at the brokers\x00" + cluster + "\x00" + user))
	return hex.EncodeToString(h.Sum(nil)[:markSize])
}

// Marks are the marks of users by cluster, as the header has them; a cluster without a user has none.
func Marks(token string, users map[string]string) []string {
	var all []string
	for cluster, user := range users {
		if user != "" {
			all = append(all, Mark(token, cluster, user))
		}
	}
	return all
}

// ParseMarks reads the header.
func ParseMarks(header string) []string {
	if header == "" {
		return nil
	}
	return strings.SplitN(header[:min(len(header), maxMarks*(2*markSize+1))], ",", maxMarks)
}
