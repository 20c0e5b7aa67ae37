// SPDX-License-Identifier: Apache-2.0

package consume

import (
	"context"
	"slices"
	"time"

	"github.com/causeway-mq/causeway/mq"
)

// Ack settles leases, whichever proxy granted them. The answers are in the order of the leases.
func (s *Service) Ack(ctx context.Context, leases []mq.Lease) []error {
	errs := s.each(leases, func(engine Engine, some []mq.Lease) []error { return engine.Ack(ctx, some) })
	s.settled(leases, errs)
	return errs
}

// each lets the engine of each cluster answer for its leases: those of one topic are on two clusters while it moves.
func (s *Service) each(leases []mq.Lease, do func(Engine, []mq.Lease) []error) []error {
	if len(leases) == 0 {
		return nil
	}
	same := func(l mq.Lease) bool { return l.Cluster == leases[0].Cluster }
	if !slices.ContainsFunc(leases, func(l mq.Lease) bool { return !same(l) }) { // nearly always
		engine, err := s.engine(leases[0].Cluster)
		if err != nil {
			return repeat(err, len(leases))
		}
		return do(engine, leases)
	}
	errs := make([]error, len(leases))
	var others []mq.Lease
	var mine, theirs []int
	var some []mq.Lease
	for i, l := range leases {
		if same(l) {
			mine, some = append(mine, i), append(some, l)
		} else {
			theirs, others = append(theirs, i), append(others, l)
		}
	}
	for n, err := range s.each(some, do) {
		errs[mine[n]] = err
	}
	for n, err := range s.each(others, do) {
		errs[theirs[n]] = err
	}
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
	errs := s.each(leases, func(engine Engine, some []mq.Lease) []error { return engine.DeadLetter(ctx, some, why) })
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
