// SPDX-License-Identifier: Apache-2.0

// Package fastproto reads and writes the messages of the hot calls (send, receive, acknowledge, change) without reflection.
//
// The simple story: Read fills the stubs' own structs from the wire, with one piece of memory for all strings of a message and few for
// its parts; Append writes answers field by field. The stock codec takes more than twice the time and one allocation for every string,
// and is the largest cost of a call that is not the transport's.
//
// What must hold:
//   - Read gives exactly what the stock codec gives, or false. It knows the fields of today's stubs. Whatever else it meets (an unknown
//     field, a part that comes twice and would have to be merged, bytes that are no UTF-8, a length beyond the end) is false, and the stock
//     codec decides: there is no second opinion on what is malformed. A fuzz test holds the two against each other.
//   - Append gives bytes that the stock codec reads as the same message, or false for what it does not know.
//   - Nothing that Read fills shares memory with the bytes it read: those are the transport's and are used again.
//
// Rejected: generated code (vtprotobuf) for the stubs of another module, which cannot get methods, for which the stubs would have to be
// generated anew under a second name; two copies of one proto package in a binary panic at start.
package fastproto
