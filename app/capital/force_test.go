// SPDX-License-Identifier: Apache-2.0

package capital

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/control/sqlstore"
)

func TestForcingTheFeedNeedsADatabaseAndAReason(t *testing.T) {
	data := t.TempDir()
	var wrong app.ConfigError
	if _, _, err := ForceFeed(t.Context(), app.ControlConfig{Data: data}, "restored"); !errors.As(err, &wrong) {
		t.Errorf("without a database: %v", err)
	}
	if _, err := os.Stat(filepath.Join(data, "control")); err == nil {
		t.Error("a database was made")
	}
	if err := os.Mkdir(filepath.Join(data, "control"), 0o700); err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.OpenSQLite(t.Context(), filepath.Join(data, "control"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() // a control plane may run meanwhile
	if _, _, err := ForceFeed(t.Context(), app.ControlConfig{Data: data}, " "); err == nil {
		t.Error("without a reason")
	}
	_, one, err := ForceFeed(t.Context(), app.ControlConfig{Data: data}, "restored from the backup of last night")
	if err != nil || one == "" {
		t.Fatalf("%q, %v", one, err)
	}
	if _, two, err := ForceFeed(t.Context(), app.ControlConfig{Data: data}, "and once more"); err != nil || two == one {
		t.Errorf("%q after %q, %v", two, one, err)
	}
}
