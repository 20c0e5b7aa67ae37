// SPDX-License-Identifier: Apache-2.0

// Package database opens what a control plane of this process keeps everything in, and the keys that seal its secrets.
package database

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/control/claim"
	"github.com/causeway-mq/causeway/control/sqlstore"
	"github.com/causeway-mq/causeway/control/vault"
	"github.com/causeway-mq/causeway/internal/clock"
	"github.com/causeway-mq/causeway/internal/fsys"
	"github.com/causeway-mq/causeway/internal/lifecycle"
	"github.com/causeway-mq/causeway/mq"
)

// Config says where the control plane keeps tenants, applications, topics and groups.
type Config struct {
	Postgres Postgres `yaml:"postgres"`
	Keys     string   `yaml:"keys" doc:"file of the keys that seal secrets in the store, each the base64 of 32 random bytes: (umask 077; head -c 32 /dev/urandom | base64 > FILE); empty: what CAUSEWAY_SEAL_KEY holds, else control.keys beside the database in the data directory"`
}

// Postgres names a PostgreSQL database.
type Postgres struct {
	URL string `yaml:"url" secret:"true" doc:"postgres://USER@HOST/DATABASE of the control plane's store, PGPASSWORD and password files as psql reads them; empty: a database in the data directory"`
}

// Check looks at the values, as the start will, and tells bad of each problem under its key.
func (c Config) Check(bad func(key, format string, args ...any)) {
	if c.Postgres.URL != "" {
		if err := sqlstore.CheckPostgresURL(c.Postgres.URL); err != nil {
			bad("store.postgres.url", "%v", err)
		}
	}
	if c.Keys != "" {
		if _, err := vault.LoadFile(c.Keys); err != nil {
			bad("store.keys", "%v", err)
		}
	}
}

// ErrMisused is behind errors that say what is wrong with the configuration.
var ErrMisused = errors.New("the store's configuration")

// Options is what Open needs.
type Options struct {
	Config Config
	Dir    string // of the embedded database; it is made
	Keys   string // what CAUSEWAY_SEAL_KEY holds
	Clock  clock.Clock
	Shared bool             // other processes may use a PostgreSQL database beside this one
	Group  *lifecycle.Group // runs what holds a database for this process, and is ended when a PostgreSQL one is lost; nil: an embedded one is held for nobody
}

// vaultFile is the keys' file beside the embedded database.
const vaultFile = "control.keys"

// Open opens the store; what it keeps secret is sealed. A PostgreSQL database that is not shared is held for this process until release gives it back, which is for before the store is closed.
func Open(ctx context.Context, o Options) (s control.Store, release func(context.Context) error, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("data directory: %w", err)
	}
	base, err := o.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	if s, err = vault.Open(ctx, base, o.keys); err != nil {
		return nil, nil, err
	}
	if o.Config.Postgres.URL == "" || o.Shared {
		return s, func(context.Context) error { return nil }, nil
	}
	if release, err = o.alone(ctx, s); err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, release, nil
}

// lockFile says that a process has the embedded database for itself: a second plane over it would not learn what the first one changes. `causeway control
// force` writes beside a plane that runs, and does not look at it.
const lockFile = "lock"

// open opens what is below the vault. The directory of an embedded database is this process's until the group has stopped everything else.
func (o Options) open(ctx context.Context) (*sqlstore.Store, error) {
	if o.Config.Postgres.URL != "" {
		s, err := sqlstore.OpenPostgres(ctx, o.Config.Postgres.URL)
		if mq.KindOf(err) == mq.Unavailable {
			err = fmt.Errorf("store.postgres.url: %w; see that PostgreSQL runs there, has the database, and lets the user in (PGPASSWORD or a password file)", err)
		}
		return s, err
	}
	if o.Group != nil {
		lock, err := fsys.OS(o.Dir).Lock(lockFile)
		if err != nil {
			return nil, err
		}
		o.Group.OnStop("lock of the database", func(context.Context) error { return lock.Close() })
	}
	return sqlstore.OpenSQLite(ctx, o.Dir)
}

// keys finds the keys. One is made for a new database in the data directory only: whoever shares a database must share its keys, and a key that is gone
// cannot be made again.
func (o Options) keys(fresh bool) (keys []vault.Key, err error) {
	beside := filepath.Join(o.Dir, vaultFile)
	switch {
	case o.Config.Keys != "":
		keys, err = vault.LoadFile(o.Config.Keys)
	case o.Keys != "":
		if keys, err = vault.ParseKeys(o.Keys); err != nil {
			err = fmt.Errorf("CAUSEWAY_SEAL_KEY: %w", err)
		}
	case o.Config.Postgres.URL != "":
		err = errors.New("secrets in a PostgreSQL database are sealed: name a file of keys (store.keys, --store-keys) or set CAUSEWAY_SEAL_KEY, the same for every process that uses the " +
			"database. A key is the base64 of 32 random bytes: (umask 077; head -c 32 /dev/urandom | base64 > FILE)")
	case fresh:
		return vault.CreateFile(beside)
	default:
		if keys, err = vault.LoadFile(beside); errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("the secrets in the database are sealed, and the file of the keys, %s, is gone: put it back, or name it as store.keys", beside)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMisused, err)
	}
	return keys, nil
}

// The messages of `causeway up` lie in its data directory, so a database that it keeps its catalog in is its alone.
const (
	aloneFor   = 10 * time.Second       // after the death of a process another may follow
	aloneRest  = 500 * time.Millisecond // between two tries
	aloneClaim = "causeway up"
)

// alone waits until no other `causeway up` uses the database, and ends this one if it should lose it. release gives it back.
func (o Options) alone(ctx context.Context, s control.Store) (release func(context.Context) error, err error) {
	keeper := claim.New(s, rand.Text(), aloneFor, o.Clock)
	bound, cancel := context.WithTimeout(ctx, aloneFor+aloneFor/4)
	defer cancel()
	for {
		held, ok, err := keeper.Take(ctx, aloneClaim)
		if err != nil {
			return nil, err
		}
		if ok {
			return o.keep(keeper, held), nil
		}
		rest := o.Clock.NewTimer(aloneRest)
		select {
		case <-rest.C():
		case <-bound.Done():
			rest.Stop()
			return nil, errors.Join(ctx.Err(), fmt.Errorf("%w: another causeway up keeps its catalog in this database, and its messages elsewhere: name another database, or another schema as search_path", ErrMisused))
		}
	}
}

func (o Options) keep(keeper *claim.Keeper, held context.Context) func(context.Context) error {
	var over atomic.Bool
	o.Group.Go("claim", func(ctx context.Context) error { keeper.Run(ctx); return nil })
	o.Group.Go("store", func(ctx context.Context) error {
		select {
		case <-held.Done():
			if over.Load() {
				return nil
			}
			return errors.New("the database could not be held: another causeway up may have it")
		case <-ctx.Done():
			return nil
		}
	})
	return func(ctx context.Context) error {
		over.Store(true)
		return keeper.Drop(ctx, aloneClaim)
	}
}
