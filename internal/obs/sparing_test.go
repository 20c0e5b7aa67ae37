// SPDX-License-Identifier: Apache-2.0

package obs

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLinesOfOneKindAreOneASecondWithTheNumberOfThoseLeftOut(t *testing.T) {
	var out strings.Builder
	h := slog.Handler(NewSparing(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}), "refused", "verb"))
	now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	for i, c := range []struct {
		after         time.Duration
		message, verb string
		level         slog.Level
		want          string
	}{
		{0, "refused", "receive", slog.LevelWarn, "verb=receive tenant=pay\n"},
		{time.Millisecond, "refused", "receive", slog.LevelWarn, ""},
		{time.Millisecond, "refused", "send", slog.LevelWarn, "verb=send tenant=pay\n"},
		{time.Millisecond, "refused", "receive", slog.LevelDebug, "verb=receive tenant=pay\n"},
		{time.Millisecond, "something else", "receive", slog.LevelWarn, "verb=receive tenant=pay\n"},
		{995 * time.Millisecond, "refused", "receive", slog.LevelWarn, ""},
		{time.Millisecond, "refused", "receive", slog.LevelWarn, "verb=receive tenant=pay left_out=2\n"},
		{time.Second, "refused", "receive", slog.LevelWarn, "verb=receive tenant=pay\n"},
	} {
		now = now.Add(c.after)
		out.Reset()
		r := slog.NewRecord(now, c.level, c.message, 0)
		r.AddAttrs(slog.String("verb", c.verb), slog.String("tenant", "pay"))
		if err := h.WithAttrs(nil).Handle(context.Background(), r); err != nil || !strings.HasSuffix(out.String(), c.want) || c.want == "" && out.Len() > 0 {
			t.Errorf("%d: %q, %v", i, out.String(), err)
		}
	}
}
