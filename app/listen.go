// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listen binds an address. Where none was chosen it is otherwise, and when that is taken a free port of the same host, so
// that a second `up` on a laptop works; an address that somebody chose is an error when it is taken.
func listen(what, chosen, otherwise string) (net.Listener, error) {
	addr := chosen
	if addr == "" {
		addr = otherwise
	}
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l, nil
	}
	if chosen == "" && errors.Is(err, syscall.EADDRINUSE) {
		host, _, splitErr := net.SplitHostPort(addr)
		if splitErr == nil {
			if l, err := net.Listen("tcp", net.JoinHostPort(host, "0")); err == nil {
				return l, nil
			}
		}
	}
	return nil, fmt.Errorf("%s: %s cannot be bound: %w. Stop what uses it or choose another address", what, addr, err)
}
