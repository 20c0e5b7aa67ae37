// SPDX-License-Identifier: Apache-2.0

// Package h2 is the server's side of HTTP/2 (RFC 9113) for one connection, as gRPC needs it: streams that a client opens, their header fields, their bytes both
// ways, and trailers. It knows neither methods nor messages; a Handler does. It exists because a general server spends more on a small call than the call does:
// here a stream lives in its call's own object, needs no timer and no goroutine, and answers of many calls leave in one write.
//
// Invariants:
//
//   - One goroutine reads: Serve. It tells the Handler what comes and never waits for a client's reading but where so much waits to be written that
//     the client must be one that makes us answer without end.
//   - Whoever appends to an empty outgoing buffer writes it out, and what others append meanwhile. Frames are appended whole and in order under mu, so a
//     stream's frames leave in the order of its calls, and nothing of a stream follows its END_STREAM or its reset.
//   - Windows are the client's to give: no byte of DATA is appended beyond the stream's and the connection's. What a client may send ahead is ours: a frame
//     beyond it ends the connection.
//   - Each Call that was begun hears Cancel exactly once at most, and never after its answer's END_STREAM was appended.
//   - Field compression has state: a block is decoded in full even where its stream is refused.
package h2
