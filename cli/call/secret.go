// SPDX-License-Identifier: Apache-2.0

package call

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"golang.org/x/term"
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

// AskSecret reads a secret at a terminal without showing it; nil where in is no terminal. The terminal hands over every key
// while it asks, so Ctrl-C ends the question and nothing waits behind it.
func AskSecret(in, talk *os.File) func(string) (string, error) {
	fd := int(in.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	return func(prompt string) (string, error) {
		before, err := term.MakeRaw(fd)
		if err != nil {
			return "", err
		}
		typed, err := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{in, talk}, "").ReadPassword(prompt)
		if err := errors.Join(err, term.Restore(fd, before)); err != nil {
			return "", fmt.Errorf("nothing was typed: %w", err)
		}
		return typed, nil
	}
}

// GivenToken is the token of the command line, of the environment, or of the first line of an input that nobody types; "" where none is given.
func (c *Call) GivenToken() (string, error) {
	if token := strings.TrimSpace(cmp.Or(c.Given.Token, c.Env.Getenv("CAUSEWAY_TOKEN"))); token != "" || c.Env.Secret != nil {
		return token, nil
	}
	token, err := c.FirstLine()
	return strings.TrimSpace(token), err
}

// TypedToken takes the token from somebody at the terminal.
func (c *Call) TypedToken() (string, error) {
	token, err := c.TypedSecret("Token: ")
	return strings.TrimSpace(token), err
}

// WarnOfPlainText tells that a token would go over the network for everybody to read.
func (c *Call) WarnOfPlainText() error {
	u, err := url.Parse(c.Server)
	if err != nil {
		return Usage("--server %q: a URL such as http://127.0.0.1:8090 is needed", c.Server)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Scheme == "https" || strings.EqualFold(u.Hostname(), "localhost") || err == nil && ip.IsLoopback() {
		return nil
	}
	fmt.Fprintf(c.Env.Err, "warning: the token goes to %s in plain text; https:// protects it\n", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")))
	return nil
}
