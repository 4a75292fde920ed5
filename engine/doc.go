// Package engine keeps one guest's life on one node: an [Environment], from prepared
// to gone, with its resource limits and its world (package wasi).
//
//	           Start              Freeze
//	Prepared ────────► Running ──────────► Freezing ──► Frozen
//	                      ▲  │                 │          │
//	                      │  └─ guest ends ──► Gone ◄─────┤ Close
//	                      └──────────── Thaw ─────────────┘
//
// A guest arrives in one of three ways: [New] makes a fresh one; [Restore] reads a
// snapshot file; [Receive] makes an empty one whose memory is filled while the guest
// still runs elsewhere, and that [Incoming.Complete] turns into a frozen environment.
//
// What a guest may do (folders, streams, limits) is in its [Spec] and never in a
// snapshot: it comes from whoever starts or thaws it.
package engine
