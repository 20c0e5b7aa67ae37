// SPDX-License-Identifier: Apache-2.0

package log_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/causeway-mq/causeway/engine/embedded/log"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
)

func body(i int) []byte {
	return bytes.Repeat([]byte(fmt.Sprintf("<%d>", i)), 1+i%40)
}

func TestRecordsOutliveReopeningAcrossSegments(t *testing.T) {
	dir := t.TempDir()
	opts := log.Options{FS: fsys.OS(dir), Clock: clock.System(), SegmentSize: 16 << 10}
	var positions []log.Position
	for round := range 5 {
		l, report, err := log.Open(opts)
		if err != nil {
			t.Fatal(err)
		}
		if report.Fresh != (round == 0) || len(report.Damage) > 0 || report.Torn != nil {
			t.Fatalf("round %d: %+v", round, report)
		}
		n := 0
		err = l.Scan(0, func(pos log.Position, payload []byte) error {
			if pos != positions[n] || !bytes.Equal(payload, body(n)) {
				return fmt.Errorf("record %d at %d is %q", n, pos, payload)
			}
			n++
			return nil
		})
		if err != nil || n != len(positions) {
			t.Fatalf("round %d: %d of %d records, %v", round, n, len(positions), err)
		}
		for range 300 {
			pos, err := l.Append(body(len(positions)))
			if err != nil {
				t.Fatal(err)
			}
			positions = append(positions, pos)
		}
		if err := l.Wait(context.Background(), positions[len(positions)-1]); err != nil {
			t.Fatal(err)
		}
		for i, pos := range positions {
			got, err := l.Read(pos, nil)
			if err != nil || !bytes.Equal(got, body(i)) {
				t.Fatalf("record %d: %q, %v", i, got, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
