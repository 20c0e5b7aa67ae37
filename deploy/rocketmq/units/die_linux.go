// SPDX-License-Identifier: Apache-2.0

package units

import (
	"os/exec"
	"syscall"
)

// dieWithUs makes the kernel kill the process when we are gone, however we went.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
