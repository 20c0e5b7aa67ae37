// SPDX-License-Identifier: Apache-2.0

// Package grpcfront carries the calls of package gate over gRPC.
//
// It is the only importer of grpc, so that another HTTP/2 server may stand beside it. Everything that concerns bytes,
// connections and streams is here: TLS and plaintext on one port, the PROXY protocol, limits, drain. Nothing here knows what
// a call means.
//
// A connection is a stranger until one of its calls names a caller. Strangers get little time, few bytes and few places.
// Frames are counted as they pass, below grpc and above TLS, which is where a flood of resets or continuations can be told
// from work; the connection is then ended with a GOAWAY that says why.
package grpcfront
