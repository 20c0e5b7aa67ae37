// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package pgtest

import "syscall"

// owned has no meaning here: there are no binaries for this system, see Binaries.
func owned() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
