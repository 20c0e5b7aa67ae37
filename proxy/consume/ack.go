// SPDX-License-Identifier: Apache-2.0

package consume

import (
	"context"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Ack settles leases of one cluster, whichever proxy granted them. The answers are in the order of the leases.
func (s *Service) Ack(ctx context.Context, leases []mq.Lease) []error {
	if len(leases) == 0 {
		return nil
	}
	engine, err := s.engine(leases[0].Cluster)
	if err != nil {
		return repeat(err, len(leases))
	}
	errs := engine.Ack(ctx, leases)
	s.settled(leases, errs)
	return errs
}

// Change moves the end of a lease to d from now on the client's own wish; 0 frees the message at once. The old receipt is
// void, and the new lease is the client's own to keep: it is not renewed.
func (s *Service) Change(ctx context.Context, lease mq.Lease, d time.Duration) (mq.Lease, error) {
	engine, err := s.engine(lease.Cluster)
	if err != nil {
		return lease, err
	}
	answer := engine.Extend(ctx, []mq.Lease{lease}, d, mq.Replace)[0]
	s.settled([]mq.Lease{lease}, []error{answer.Err})
	return answer.Lease, answer.Err
}

// DeadLetter moves messages to their group's dead letters. Repeating it is safe.
func (s *Service) DeadLetter(ctx context.Context, leases []mq.Lease, why string) []error {
	if len(leases) == 0 {
		return nil
	}
	engine, err := s.engine(leases[0].Cluster)
	if err != nil {
		return repeat(err, len(leases))
	}
	errs := engine.DeadLetter(ctx, leases, why)
	s.settled(leases, errs)
	return errs
}

// settled ends the renewal of leases that are over. After any other answer renewal goes on: the client still holds the message and
// asks again, be it that the outcome is unknown or that the engine refused for now.
func (s *Service) settled(leases []mq.Lease, errs []error) {
	for i := range leases {
		if over(errs[i]) {
			s.renewals.drop(leases[i : i+1])
		}
	}
}

// over tells whether a lease is no longer its holder's after this answer.
func over(err error) bool {
	switch mq.KindOf(err) {
	case 0, mq.Settled, mq.Expired, mq.InvalidReceipt:
		return mq.Outcome(err) != mq.Unknown
	}
	return false
}

func repeat(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}
