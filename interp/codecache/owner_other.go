//go:build !unix

package codecache

import "io/fs"

// foreign reports whether somebody else can put files into a folder: not known here,
// where a folder of the user's is the user's by inheritance.
func foreign(fs.FileInfo) bool { return false }
