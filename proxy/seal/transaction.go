// SPDX-License-Identifier: Apache-2.0

package seal

import "github.com/causeway-mq/causeway/mq"

// Transaction is what a producer gets to settle a transaction.
type Transaction struct {
	Tenant mq.Tenant
	Topic  mq.Physical
	Half   mq.Half
}

// Owned checks that the transaction is this tenant's, on this topic. Another's
// answers like a forged one.
func (t Transaction) Owned(tenant mq.Tenant, topic mq.Physical) error {
	if t.Tenant != tenant || t.Topic != topic {
		return forTransaction.invalid()
	}
	return nil
}

// SealTransaction makes a transaction id.
func (k *Keyring) SealTransaction(t Transaction) string {
	return k.seal(forTransaction, place{t.Tenant, t.Topic, t.Half.Cluster, t.Half.Message, t.Half.Token}.append)
}

// OpenTransaction reads a transaction id; mq.InvalidTransaction says that it
// is none of ours.
func (k *Keyring) OpenTransaction(text string) (Transaction, error) {
	var p place
	if err := k.open(forTransaction, text, p.read); err != nil {
		return Transaction{}, err
	}
	return Transaction{p.tenant, p.topic, mq.Half{Cluster: p.cluster, Message: p.message, Token: p.token}}, nil
}

// Recall is what a producer gets to take back a message that waits for its
// time.
type Recall struct {
	Tenant    mq.Tenant
	Topic     mq.Physical
	Scheduled mq.Scheduled
}

// Owned checks that the message is this tenant's, for this topic. Another's
// answers like a forged one.
func (r Recall) Owned(tenant mq.Tenant, topic mq.Physical) error {
	if r.Tenant != tenant || r.Topic != topic {
		return forRecall.invalid()
	}
	return nil
}

// SealRecall makes a recall handle.
func (k *Keyring) SealRecall(r Recall) string {
	return k.seal(forRecall, place{r.Tenant, r.Topic, r.Scheduled.Cluster, r.Scheduled.Message, r.Scheduled.Token}.append)
}

// OpenRecall reads a recall handle; mq.InvalidReceipt says that it is none of
// ours.
func (k *Keyring) OpenRecall(text string) (Recall, error) {
	var p place
	if err := k.open(forRecall, text, p.read); err != nil {
		return Recall{}, err
	}
	return Recall{p.tenant, p.topic, mq.Scheduled{Cluster: p.cluster, Message: p.message, Token: p.token}}, nil
}

// place is the payload of both: where the engine keeps a message that is not
// visible yet.
type place struct {
	tenant  mq.Tenant
	topic   mq.Physical
	cluster mq.Cluster
	message mq.MessageID
	token   string
}

func (p place) append(b []byte) []byte {
	b = appendText(b, p.tenant.String())
	b = appendText(b, p.topic.String())
	b = appendText(b, p.cluster.String())
	b = appendText(b, p.token)
	return appendID(b, p.message.String())
}

func (p *place) read(from *reader) {
	p.tenant = parsed(from, from.text(), mq.ParseTenant)
	p.topic = parsed(from, from.text(), mq.ParsePhysical)
	p.cluster = parsed(from, from.text(), mq.ParseCluster)
	p.token = from.text()
	p.message = parsed(from, from.id(), mq.ParseMessageID)
}
