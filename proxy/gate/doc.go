// SPDX-License-Identifier: Apache-2.0

// Package gate is the front door: it turns calls of apache.rocketmq.v2 into verbs of the platform.
//
// One file holds one RPC. A handler is func(ctx, Caller, *v2.X) *v2.Y: it never fails, since a refusal travels in the
// response's status. Clients read a gRPC error as a dead proxy, so none is made here; the two streams get a small sink.
//
// What must hold:
//
//   - Nothing is required of a client but the call itself: no settings, no stream, no call before. Any other proxy may have
//     had those. Receipts, transaction ids and recall handles are sealed and say all that is needed.
//   - Names are looked up within the caller's tenant only, so another tenant's resource answers like one that does not
//     exist.
//   - A request is judged as a whole before anything happens: a refusal changes no state.
//   - An error's Kind becomes a status in one place, Door.status.
//
// Transport is not here: see grpcfront.
package gate
