// SPDX-License-Identifier: Apache-2.0

package pgtest

import "syscall"

// owned makes a process end with ours, however ours ends, and run as nobody where we are root.
func owned() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if isRoot() {
		attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return attr
}
