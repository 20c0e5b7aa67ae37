// SPDX-License-Identifier: Apache-2.0

//go:build unix

package procpace

import (
	"syscall"
	"time"
)

// spent is the process's user and system time so far.
func spent() (time.Duration, bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
