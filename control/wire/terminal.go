// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/sha256"
	"encoding/base32"
	"time"
)

// TerminalPath is where a terminal that waits for a login takes the answer, on its loopback interface.
const TerminalPath = "/causeway/login"

// TerminalLogin ends the login of a terminal.
type TerminalLogin struct {
	Code     string `json:"code"`     // that the browser brought
	Verifier string `json:"verifier"` // whose SHA-256 the login began with
}

// TerminalSession is the session of a member at a terminal.
type TerminalSession struct {
	Token   string    `json:"token"` // to be shown as Authorization: Bearer TOKEN
	Expires time.Time `json:"expires"`
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	Tenant  string    `json:"tenant,omitempty"` // none: of the installation
}

// TerminalWord is a word that both the terminal and the browser show of one login, made of its challenge, so that a person sees whether they belong together.
func TerminalWord(challenge string) string {
	sum := sha256.Sum256([]byte("causeway terminal\n" + challenge))
	word := base32.StdEncoding.EncodeToString(sum[:5])
	return word[:4] + "-" + word[4:]
}
