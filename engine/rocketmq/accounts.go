// SPDX-License-Identifier: Apache-2.0

package rocketmq

import (
	"context"
	"slices"

	"github.com/causeway-mq/causeway/engine/rocketmq/admin"
	"github.com/causeway-mq/causeway/engine/rocketmq/guard"
	"github.com/causeway-mq/causeway/engine/rocketmq/remoting"
	"github.com/causeway-mq/causeway/mq"
)

// door asks a replica by its address.
func (e *Engine) door() guard.Door {
	return func(ctx context.Context, address string, q remoting.Request) (*remoting.Frame, error) {
		f, err := e.client.Call(ctx, address, q)
		if err != nil {
			return nil, err
		}
		if err := f.Err(); err != nil {
			f.Release()
			return nil, err
		}
		return f, nil
	}
}

// Accounts lists the users that the brokers know, with their rules, from the first primary that answers: every broker keeps all of them. The
// engine's own user must be a super user for that.
func (e *Engine) Accounts(ctx context.Context) ([]mq.Account, error) {
	primaries, err := e.primaries(ctx)
	if err != nil {
		return nil, err
	}
	var failed error = mq.Refuse(mq.Unavailable, "no primary is registered")
	for _, broker := range slices.Sorted(primaries.Brokers()) {
		all, err := e.door().List(ctx, primaries.Addresses[broker])
		if err == nil {
			return all, nil
		}
		failed = admin.NoUsers(broker, err)
	}
	return nil, failed
}

// AccountsAt lists the users of every replica, by its address. With an error come those of the replicas that answered.
func (e *Engine) AccountsAt(ctx context.Context) (map[string][]mq.Account, error) {
	all, err := e.routes.Replicas(ctx, e.opts.BrokersName)
	if err != nil {
		return nil, err
	}
	return e.door().ListAt(ctx, all)
}

// PutAccount makes a user with exactly these rules on every replica of every broker name: they are not copied between them.
func (e *Engine) PutAccount(ctx context.Context, a mq.Account) error {
	return e.atReplicas(ctx, func(address string) error { return e.door().Put(ctx, address, a) })
}

// DropAccount removes a user with his rules from every replica. One that is not there is no error.
func (e *Engine) DropAccount(ctx context.Context, name string) error {
	return e.atReplicas(ctx, func(address string) error { return e.door().Drop(ctx, address, name) })
}

// SwitchAccount enables or disables a user on every replica that has him, and leaves all else of him as it is. One that is not there is no error.
func (e *Engine) SwitchAccount(ctx context.Context, name string, on bool) error {
	return e.atReplicas(ctx, func(address string) error { return e.door().Switch(ctx, address, name, on) })
}

// PutRights gives a principal exactly these rights, on every replica.
func (e *Engine) PutRights(ctx context.Context, who mq.Principal, rights []mq.Right) error {
	return e.PutAccount(ctx, mq.Account{Name: who.Name, Secret: who.Secret, Rules: guard.RulesOf(rights)})
}

// atReplicas does something at every replica that the name servers know.
func (e *Engine) atReplicas(ctx context.Context, do func(address string) error) error {
	all, err := e.routes.Replicas(ctx, e.opts.BrokersName)
	if err != nil {
		return err
	}
	return guard.Each(all, do)
}
