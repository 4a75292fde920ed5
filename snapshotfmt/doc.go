// Package snapshotfmt is the snapshot file, version 1: everything of a frozen guest
// written down in a way that names no engine, processor, address or Go type.
// FORMAT.md, beside this file, gives it to the byte.
//
//	+--------+----------+-------+--------+---------+--------+---------+-------+-------+-----+
//	| header | manifest | guest | frames | globals | tables | dropped | world | pages | end |
//	+--------+----------+-------+--------+---------+--------+---------+-------+-------+-----+
//	                                                                           0 or more
//
// Each part has the same frame: its kind, its length, its contents and the SHA-256 of
// all three. The end part holds the digest of the whole. The six parts from guest to
// world are a [State], and travel alone in a migration's last message
// ([AppendState]); a pages part is a batch of pages, and is also what pre-copy sends
// ([AppendPages]).
//
// A file is written by an [Encoder] and read by a [Decoder], both streaming: neither
// holds more than one part. What comes in is not trusted: no size is believed before
// bytes have arrived for it, every limit is named in limits.go, each value has one
// encoding only, and truncation, bytes after the end, unknown flags, and pages that
// repeat or go back are refused with an [*Error] that says in which part, and where.
//
// What the package does not check is what it cannot know: whether frames fit the
// module. That is for whoever thaws.
package snapshotfmt
