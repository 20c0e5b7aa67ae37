// SPDX-License-Identifier: Apache-2.0

package app

import "net"

// What processes that are wired in a room of their own share with those of this one.

// CloseListener closes what a server may have closed already.
func CloseListener(l net.Listener) error { return closeListener(l) }

// Misconfigured says of a data directory that is another's, in use, or of a newer version, what it is: the wrong one was chosen.
func Misconfigured(err error, data string) error { return misconfigured(err, data) }

// StopBound is how long a stop may take.
const StopBound = stopBound
