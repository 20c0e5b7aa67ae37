// SPDX-License-Identifier: Apache-2.0

package obs

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLevelChangesWhileRunning(t *testing.T) {
	var out bytes.Buffer
	l := NewLogger(&out, slog.LevelInfo)
	child := l.With("room", "gate")
	child.Debug("unseen")
	if out.Len() != 0 {
		t.Fatalf("debug was written at info: %s", &out)
	}
	l.SetLevel(slog.LevelDebug)
	child.Debug("seen")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("not a terminal, so JSON is expected: %v in %q", err, &out)
	}
	if line["msg"] != "seen" || line["room"] != "gate" {
		t.Fatalf("got %v", line)
	}
}

func TestDurationsAreWrittenAsPeopleReadThem(t *testing.T) {
	var out bytes.Buffer
	NewLogger(&out, slog.LevelInfo).With("every", time.Second).Info("leaving", "for", 35*time.Second)
	if !strings.Contains(out.String(), `"for":"35s"`) || !strings.Contains(out.String(), `"every":"1s"`) {
		t.Errorf("%s", &out)
	}
}

// named keeps its text to itself, as the platform's names do.
type named struct{ text string }

func (n named) String() string { return n.text }

func TestNamesAreWrittenAsTheirText(t *testing.T) {
	var out bytes.Buffer
	l := NewLogger(&out, slog.LevelInfo)
	l.With("cluster", named{"east"}).Info("m", "topic", named{"orders"}, "nobody", (*named)(nil), "error", errors.New("why"), "level-of", slog.LevelWarn)
	for _, want := range []string{`"cluster":"east"`, `"topic":"orders"`, `"nobody":"<nil>"`, `"error":"why"`, `"level":"INFO"`, `"level-of":"WARN"`, `"time":"2`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, &out)
		}
	}
}

func TestParseLevelNamesTheChoices(t *testing.T) {
	if l, err := ParseLevel("WARN"); err != nil || l != slog.LevelWarn {
		t.Fatalf("got %v, %v", l, err)
	}
	if _, err := ParseLevel("loud"); err == nil || err.Error() != `log level "loud": debug, info, warn or error` {
		t.Fatalf("got %v", err)
	}
}
