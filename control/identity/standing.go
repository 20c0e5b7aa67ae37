// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"

	"github.com/causeway-mq/causeway/control"
	"github.com/causeway-mq/causeway/mq"
)

// What a stream is open for goes on after the request that opened it was let in, so it is asked again and again whether its caller would be let in now, as who he was. To ask is
// no use of a credential: a page that lies open keeps nobody's session alive, and a token's last use stays when it was.

// TokenStands is nil while a token is good for what its caller was let in as; Unauthorized afterwards.
func (d *Directory) TokenStands(text string, c Caller) error {
	t, ok := d.find(text)
	if !ok || !t.Live(d.now()) || t.Role != c.Role || t.Tenant != c.Tenant || !d.open(t.Tenant) {
		return mq.Refuse(mq.Unauthorized, "the token is not valid any more")
	}
	return nil
}

// SessionStands is nil while a session is good for what its member was let in as; Unauthorized afterwards. Another plane's end of a session is seen within sessionFresh.
func (d *Directory) SessionStands(ctx context.Context, id string, c Caller) error {
	if err := d.sessions.genuine(ctx, id); err != nil {
		return err
	}
	one, err := d.sessions.peek(ctx, id, d.now())
	if err != nil {
		return err
	}
	m, ok := d.seated(one)
	if who := callerFor(m, control.Actor{}); !ok || who.Role != c.Role || who.Tenant != c.Tenant || who.Actor.Name != c.Actor.Name {
		return errSessionOver()
	}
	return nil
}
