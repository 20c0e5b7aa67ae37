// SPDX-License-Identifier: Apache-2.0

package app

import "runtime/debug"

// Version is the version of this build: the module's own when it was built as a dependency, "dev" otherwise, with the revision
// where the build knows it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "dev"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return v + " (" + s.Value[:12] + ")"
		}
	}
	return v
}
