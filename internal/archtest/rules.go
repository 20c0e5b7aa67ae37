// SPDX-License-Identifier: Apache-2.0

package archtest

import "strings"

// Room is one row of the import table: the folder and everything below it, and the rooms that it may import. Everyone but mq
// may import internal; every folder may import what lies below itself.
type Room struct {
	Folder string
	May    []string
}

// Rooms is the import table of ARCHITECTURE.md. The longest matching folder rules; "x/..." is x with all below it, "*" is
// everything but cmd and the leaves.
func Rooms() []Room {
	return []Room{
		{"mq", nil},
		{"mq/filter", []string{"mq"}},
		{"proxy/catalog", []string{"mq"}},
		{"proxy/session", []string{"mq"}},
		{"proxy/seal", []string{"mq"}},
		{"proxy/health", []string{"mq", "proxy/catalog"}},
		{"proxy/access", []string{"mq", "proxy/catalog"}},
		{"proxy/quota", []string{"mq", "proxy/catalog"}},
		{"proxy/route", []string{"mq", "proxy/catalog", "proxy/health"}},
		{"proxy/produce", []string{"mq", "proxy/route", "proxy/session", "proxy/catalog", "proxy/quota"}},
		{"proxy/consume", []string{"mq", "proxy/route", "proxy/session", "proxy/catalog", "proxy/quota"}},
		{"proxy/gate", []string{"mq", "mq/filter", "proxy/..."}},
		{"engine/embedded", []string{"mq", "mq/filter"}},
		{"engine/rocketmq", []string{"mq", "mq/filter"}},
		{"engine/wrap", []string{"mq", "proxy/produce", "proxy/consume", "proxy/route", "control"}},
		{"engine/enginetest", []string{"mq", "proxy/produce", "proxy/consume", "proxy/route", "control"}},
		{"control", []string{"mq"}},
		{"control/sqlstore", []string{"mq", "control"}},
		{"control/wire", nil},
		{"control/api", []string{"mq", "control", "control/wire"}},
		{"control/feed", []string{"mq", "control"}},
		{"cli", []string{"mq", "mq/filter", "app", "control/wire"}},
		{"app", []string{"*"}},
		{"cmd", []string{"app", "cli"}},
		{"internal", nil},
		{"internal/testkit", []string{"*"}},
		{"test", []string{"*"}},
		{"bench", []string{"*"}},
		{"sdk", []string{"*"}},
		{"tools", []string{"*"}},
	}
}

// roomOf finds the row that rules a folder.
func roomOf(folder string) (Room, bool) {
	var best Room
	for _, r := range Rooms() {
		if within(folder, r.Folder) && len(r.Folder) > len(best.Folder) {
			best = r
		}
	}
	return best, best.Folder != ""
}

func within(folder, room string) bool {
	return folder == room || strings.HasPrefix(folder, room+"/")
}

// mayImport tells whether code in folder from may import the module's folder to.
func mayImport(from, to string) bool {
	room, ok := roomOf(from)
	if !ok {
		return false
	}
	target, _ := roomOf(to)
	if target.Folder == room.Folder {
		return true
	}
	if within(to, "internal") && !within(room.Folder, "mq") {
		return true
	}
	for _, m := range room.May {
		subtree, all := strings.CutSuffix(m, "/...")
		switch {
		case m == "*":
			return !within(to, "cmd") && !sameLeaf(from, to)
		case m == to, all && within(to, subtree):
			return true
		}
	}
	return false
}

// sameLeaf holds test, bench, sdk, tools apart from each other.
func sameLeaf(from, to string) bool {
	for _, leaf := range []string{"test", "bench", "sdk", "tools"} {
		if within(to, leaf) && !within(from, leaf) {
			return true
		}
	}
	return false
}

// Sizes that stop a change; the aims are half of them.
const (
	maxFileLines     = 800
	maxFunctionLines = 100
	maxPackageLines  = 3000
	maxParameters    = 4 // context and receiver not counted
	maxPortMethods   = 6
)

func bannedPackages() map[string]bool {
	return map[string]bool{
		"util": true, "utils": true, "common": true, "helper": true, "helpers": true, "misc": true, "base": true,
		"shared": true, "manager": true, "impl": true,
	}
}
