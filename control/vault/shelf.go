// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-mq/causeway/control/shelf"
	"github.com/causeway-mq/causeway/mq"
)

// Shelf is the store's shelf whose bodies are sealed: each opens under its own kind and key alone.
func (v *vault) Shelf() shelf.Table { return sealedShelf{v, v.Store.Shelf()} }

type sealedShelf struct {
	vault *vault
	table shelf.Table
}

func (s sealedShelf) sealed(i shelf.Item) shelf.Item {
	n := s.vault.newest
	i.Body = prefix + strconv.Itoa(n) + "." + seal(s.vault.data[n], []byte(i.Body), shelfPlace(i, n))
	return i
}

func shelfPlace(i shelf.Item, number int) []byte {
	return place("shelf", string(i.Kind), i.Key, i.Owner, strconv.Itoa(number))
}

// Keep seals the body on its way.
func (s sealedShelf) Keep(ctx context.Context, i shelf.Item) (bool, error) {
	return s.table.Keep(ctx, s.sealed(i))
}

// Change seals the body on its way.
func (s sealedShelf) Change(ctx context.Context, i shelf.Item) (bool, error) {
	return s.table.Change(ctx, s.sealed(i))
}

// Find opens the body. One that does not open is a Conflict.
func (s sealedShelf) Find(ctx context.Context, kind shelf.Kind, key string) (shelf.Item, bool, error) {
	i, there, err := s.table.Find(ctx, kind, key)
	if err != nil || !there {
		return i, there, err
	}
	number, sealed, _ := strings.Cut(strings.TrimPrefix(i.Body, prefix), ".")
	n, err := strconv.Atoi(number)
	data, known := s.vault.data[n]
	if err != nil || !known || !strings.HasPrefix(i.Body, prefix) {
		return shelf.Item{}, false, mq.Refuse(mq.Conflict, "a %s on the shelf is not sealed under a data key of this database", kind)
	}
	clear, err := unseal(data, sealed, shelfPlace(i, n))
	if err != nil {
		return shelf.Item{}, false, mq.Refuse(mq.Conflict, "a %s on the shelf does not open: it was changed, or belongs elsewhere", kind)
	}
	i.Body = string(clear)
	return i, true, nil
}

// Drop forgets one.
func (s sealedShelf) Drop(ctx context.Context, kind shelf.Kind, key string) error {
	return s.table.Drop(ctx, kind, key)
}

// Trim keeps the newest ones of an owner, and the one that he names.
func (s sealedShelf) Trim(ctx context.Context, of shelf.Owned, keep int) error {
	return s.table.Trim(ctx, of, keep)
}

// Sweep forgets what has ended.
func (s sealedShelf) Sweep(ctx context.Context, by time.Time) error { return s.table.Sweep(ctx, by) }
