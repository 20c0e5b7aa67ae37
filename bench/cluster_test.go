// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestTheContestRunsOnARealCluster plays every load of the contest for a moment, so that the bench works when it is needed. It measures
// nothing: Apache's proxies are left out, and the windows are too short to mean anything.
func TestTheContestRunsOnARealCluster(t *testing.T) {
	if os.Getenv("CAUSEWAY_CLUSTER") == "" {
		t.Skip("starts Java processes: set CAUSEWAY_CLUSTER=1")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	dir := t.TempDir()
	for name, pkg := range map[string]string{"causeway": "../cmd/causeway", "bench": "."} {
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, name), pkg).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	result := filepath.Join(dir, "cluster.json")
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "bench"), "-cluster", "-server", filepath.Join(dir, "causeway"), "-jars", "../.build",
		"-leave", "apache", "-rounds", "1", "-warm", "200ms", "-window", "1s", "-backlog", "20000", "-idle", "200", "-out", result)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	raw, err := os.ReadFile(result)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	const loads, contenders = 6, 3
	if len(r.Rows) != loads*contenders || len(r.Starts) != 2 || r.Idle == nil || r.IdleStock == nil {
		t.Fatalf("%d rows, %d starts, idle %v and %v", len(r.Rows), len(r.Starts), r.Idle, r.IdleStock)
	}
	for _, row := range r.Rows {
		if row.Rate <= 0 || row.ClientCPU <= 0 || row.BrokerCPU <= 0 || row.P99 < row.P50 {
			t.Errorf("%s, %s: %+v", row.Shape, row.Contender, row.figures)
		}
	}
}
