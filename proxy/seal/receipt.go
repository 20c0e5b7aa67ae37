// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Receipt is what a consumer gets with a message to settle it.
type Receipt struct {
	Tenant    mq.Tenant
	Topic     mq.Physical
	Group     mq.Physical
	Cluster   mq.Cluster
	Token     string       // the engine's, opaque; up to 8 KiB
	Until     time.Time    // when the lease ends, to the millisecond; zero if unknown
	Message   mq.MessageID // zero if not needed
	Renewable bool         // taken with auto-renew: whoever renews moves the end, this text stays
	Attempt   int          // deliveries of the message so far, this one included
}

// Owned checks that the receipt was given to this tenant for this topic under
// this group: the caller's own, as the catalog resolved what the request
// names. Another's receipt answers like a forged one.
func (r Receipt) Owned(tenant mq.Tenant, topic, group mq.Physical) error {
	if r.Tenant != tenant || r.Topic != topic || r.Group != group {
		return forReceipt.invalid()
	}
	return nil
}

// Over tells whether the lease that the receipt names is over for certain at
// a time. The end of a renewable one lies with the engine alone.
func (r Receipt) Over(now time.Time) bool {
	return !r.Renewable && !r.Until.IsZero() && !now.Before(r.Until)
}

const renewableFlag = 1

// SealReceipt makes the text of a receipt.
func (k *Keyring) SealReceipt(r Receipt) string {
	return k.seal(forReceipt, r.append)
}

func (r Receipt) append(b []byte) []byte {
	flags := byte(0)
	if r.Renewable {
		flags |= renewableFlag
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(max(r.Attempt, 0)))
	b = appendTime(b, r.Until)
	b = appendText(b, r.Tenant.String())
	b = appendText(b, r.Topic.String())
	b = appendText(b, r.Group.String())
	b = appendText(b, r.Cluster.String())
	b = appendText(b, r.Token)
	return appendID(b, r.Message.String())
}

// OpenReceipt reads the text of a receipt; mq.InvalidReceipt says that it is
// none of ours. It says nothing about who may use it: see Receipt.Owned.
func (k *Keyring) OpenReceipt(text string) (Receipt, error) {
	var out Receipt
	err := k.open(forReceipt, text, out.read)
	if err != nil {
		return Receipt{}, err
	}
	return out, nil
}

func (r *Receipt) read(from *reader) {
	r.Renewable = from.number()&renewableFlag != 0
	r.Attempt = int(min(from.number(), math.MaxInt32))
	r.Until = from.time()
	r.Tenant = parsed(from, from.text(), mq.ParseTenant)
	r.Topic = parsed(from, from.text(), mq.ParsePhysical)
	r.Group = parsed(from, from.text(), mq.ParsePhysical)
	r.Cluster = parsed(from, from.text(), mq.ParseCluster)
	r.Token = from.text()
	r.Message = parsed(from, from.id(), mq.ParseMessageID)
}
