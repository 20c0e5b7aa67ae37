// SPDX-License-Identifier: Apache-2.0

package capital

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/internal/obs"
	"github.com/causeway-mq/causeway/test/crowd"
)

func TestADataDirectoryIsOneControlPlanesAlone(t *testing.T) {
	c := good(t)
	plane := rule(t, c)
	crowd.Eventually(t, "the control plane is ready", func() bool { return strings.Contains(ask(t, plane.url+"/readyz"), `"ready"`) })
	second := c
	second.HTTP = freeAddress(t)
	err := Run(t.Context(), Options{Config: second, Out: new(bytes.Buffer), Log: obs.NewLogger(testWriter{t}, slog.LevelError)})
	var config app.ConfigError
	if !errors.As(err, &config) || !strings.Contains(err.Error(), "already running on this data (process ") || !strings.Contains(err.Error(), c.Data) {
		t.Errorf("a second one on the same data: %v", err)
	}
	if _, _, err := ForceFeed(t.Context(), c, "a test"); err != nil {
		t.Errorf("forcing the feed beside a plane that runs: %v", err)
	}
	plane.end()
	again := rule(t, second)
	crowd.Eventually(t, "the next one goes on", func() bool { return strings.Contains(ask(t, again.url+"/readyz"), `"ready"`) })
}
