// SPDX-License-Identifier: Apache-2.0

// Package port binds the ports of a server, and tells a person which ones it got.
package port

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listen binds an address. Where none was chosen it is otherwise, and when that is taken a free port of the same host, so
// that a second `up` on a laptop works; an address that somebody chose is an error when it is taken.
func Listen(what, chosen, otherwise string) (net.Listener, error) {
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

// Moved tells a person that a default address was taken, so that nobody looks for this server where another one answers; "" where it was not.
func Moved(chosen, otherwise, bound, flag string) string {
	_, was, _ := net.SplitHostPort(otherwise) // both are addresses of listeners
	_, is, _ := net.SplitHostPort(bound)
	if chosen != "" || was == is {
		return ""
	}
	return fmt.Sprintf("  note      %s is in use by something else, so this one is at %s; %s chooses an address\n", otherwise, bound, flag)
}
