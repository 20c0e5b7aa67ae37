// SPDX-License-Identifier: Apache-2.0

package call

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// maxSecret bounds a secret that is typed or piped in, in bytes.
const maxSecret = 16 << 10

// TypedSecret takes a secret from somebody at the terminal, who does not see it, or from the first line of the input.
func (c *Call) TypedSecret(prompt string) (secret string, err error) {
	if c.Env.Secret != nil {
		secret, err = c.Env.Secret(prompt)
	} else {
		secret, err = c.FirstLine()
	}
	if err != nil {
		return "", err
	}
	if secret = strings.TrimRight(secret, "\r\n"); strings.TrimSpace(secret) == "" || len(secret) > maxSecret {
		return "", Usage("a %s of 1 to %d bytes is needed, typed or as the first line of the input; %d bytes came", strings.ToLower(strings.TrimRight(prompt, ": ")), maxSecret, len(secret))
	}
	return secret, nil
}

// FirstLine is the first line of the input, "" where there is none.
func (c *Call) FirstLine() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(c.Env.In, maxSecret+1)).ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return line, err
}
