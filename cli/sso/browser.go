// SPDX-License-Identifier: Apache-2.0

package sso

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
)

// Browse opens the desktop's browser at an address. Where there is no desktop it opens nothing: what would open there takes the terminal.
func Browse(address string) error {
	var open *exec.Cmd
	switch runtime.GOOS {
	case "darwin":
		open = exec.Command("open", address)
	case "windows":
		open = exec.Command("rundll32", "url.dll,FileProtocolHandler", address)
	default:
		if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
			return errors.New("no desktop")
		}
		open = exec.Command("xdg-open", address)
	}
	if err := open.Start(); err != nil {
		return err
	}
	return open.Process.Release() // it lives as long as the browser may
}
