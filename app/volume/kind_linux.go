// SPDX-License-Identifier: Apache-2.0

package volume

import "golang.org/x/sys/unix"

// Doubtful names the kind of a volume that loses data with the power or the network, "" for any other one.
func Doubtful(path string) string {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return "" // whoever opens the directory tells
	}
	return kindOf(uint32(st.Type)) //nolint:gosec // magic numbers have 32 bits
}

func kindOf(magic uint32) string {
	switch magic {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return "memory"
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return "SMB"
	}
	return ""
}
