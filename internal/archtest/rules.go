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
		{"proxy/catalog/wire", []string{"mq", "proxy/catalog"}},
		{"proxy/catalog/fed", []string{"mq", "proxy/catalog", "proxy/catalog/wire"}},
		{"proxy/session", []string{"mq"}},
		{"proxy/tally", []string{"mq"}},
		{"proxy/roll", []string{"mq", "proxy/session"}},
		{"proxy/trail", []string{"mq"}},
		{"proxy/errand", []string{"mq", "proxy/session", "proxy/trail"}},
		{"proxy/herald", []string{"mq", "proxy/catalog/wire", "proxy/errand", "proxy/roll", "proxy/session", "proxy/tally", "proxy/trail"}},
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
		{"control", []string{"mq", "control/usage"}},
		{"control/sqlstore", []string{"mq", "control", "control/estate", "control/label", "control/shelf", "control/stage", "control/vault", "control/usage"}},
		{"control/post", []string{"mq", "control", "control/redrive", "control/refusal", "control/site"}},
		{"control/scan", []string{"mq", "control"}},
		{"control/series", []string{"mq", "control", "control/grant", "proxy/tally"}},
		{"control/roster", []string{"mq", "proxy/roll", "proxy/session"}},
		{"control/trace", []string{"mq", "mq/filter", "control", "proxy/trail"}},
		{"control/usage", []string{"mq", "proxy/tally"}},
		{"control/wire", nil},
		{"control/identity/oidc", []string{"mq", "control", "control/identity", "control/shelf"}},
		{"control/identity", []string{"mq", "control", "control/shelf"}},
		{"control/job", []string{"mq", "control", "control/redrive", "control/refusal", "control/site"}},
		{"control/request", []string{"mq", "control", "control/identity", "control/refusal", "control/site"}},
		{"control/steward", []string{"mq", "control", "control/audit", "control/estate", "control/identity", "control/label", "control/refusal"}},
		{"control/lending", []string{"mq", "control", "control/grant", "control/identity", "control/refusal", "control/request"}},
		{"control/raise", []string{"mq", "control", "control/estate", "control/refusal", "control/request"}},
		{"control/reception", []string{"mq", "control", "control/identity", "control/lending", "control/raise", "control/request"}},
		{"control/takeover", []string{"mq", "control", "control/adopt", "control/audit", "control/refusal", "control/site"}},
		{"control/api", []string{"mq", "control", "control/identity/oidc", "control/adopt", "control/checkup", "control/estate", "control/grant", "control/identity", "control/job", "control/label", "control/lending", "control/post", "control/raise", "control/reception", "control/request", "control/roster", "control/scan", "control/series", "control/shelf", "control/steward", "control/takeover", "control/trace", "control/usage", "control/wire", "proxy/errand", "proxy/session", "proxy/tally"}},
		{"cli", []string{"mq", "mq/filter", "app", "app/capital", "app/configfile", "app/moving", "app/rmqproxy", "control/estate", "control/label", "control/wire"}},
		{"control/feed", []string{"mq", "control", "control/grant", "proxy/catalog", "proxy/catalog/wire", "proxy/errand", "proxy/roll", "proxy/session", "proxy/tally", "proxy/trail"}},
		{"app", []string{"*"}},
		{"cmd", []string{"app", "cli"}},
		{"internal", nil},
		{"internal/testkit", []string{"*"}},
		{"test", []string{"*"}},
		{"bench", []string{"*"}},
		{"sdk", []string{"*"}},
		{"tools", []string{"*"}},
		{"deploy", []string{"*"}},
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

// sameLeaf holds test, bench, sdk, tools, deploy apart from each other. What starts a RocketMQ cluster, and what the modes of one mean, stands among
// the tools and serves tests, measurements and deployments alike; tests start what deployments generate.
func sameLeaf(from, to string) bool {
	if to == "tools/rocketmq/cluster" && (within(from, "bench") || within(from, "test") || within(from, "deploy")) {
		return false
	}
	if within(to, "deploy") && within(from, "test") {
		return false
	}
	for _, leaf := range []string{"test", "bench", "sdk", "tools", "deploy"} {
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
