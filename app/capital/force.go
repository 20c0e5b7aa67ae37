// SPDX-License-Identifier: Apache-2.0

package capital

import (
	"context"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/feed"
	"github.com/causeway-mq/causeway/control/identity"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/proxy/catalog"
)

// ForceFeed tells the control plane of a configuration, which may run or not, that its catalog is meant as it is: proxies take it, whatever they have. It
// gives the version and the new epoch.
func ForceFeed(ctx context.Context, c app.ControlConfig, why string) (version uint64, epoch string, err error) {
	var store *sqlstore.Store
	if url := c.Store.Postgres.URL; url != "" {
		store, err = sqlstore.OpenPostgres(ctx, url)
	} else {
		dir := filepath.Join(c.Data, "control")
		if _, err := os.Stat(filepath.Join(dir, sqlstore.FileName)); err != nil {
			return 0, "", app.ConfigError{Err: err} // nothing is made here
		}
		store, err = sqlstore.OpenSQLite(ctx, dir)
	}
	if err != nil {
		return 0, "", app.Misconfigured(err, c.Data)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	has, err := store.Load(ctx)
	if err != nil {
		return 0, "", err
	}
	name := "somebody"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	e, err := feed.Force(ctx, store, feed.Forced{
		By:  control.Actor{Kind: control.LocalActor, Name: name, Role: string(identity.Installation)},
		Why: why, When: time.Now(), Version: catalog.Version(has.Version),
	})
	return uint64(has.Version), e.ID, err
}
