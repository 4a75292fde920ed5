//go:build !linux

package carry

import (
	"hash/fnv"
	"io/fs"
	"path/filepath"
)

const openNonblock = 0

// identity is which file a name is of. Here the name is all that is known of it: a file
// is read at each scan, and one with two names is two.
type identity struct {
	dev, file uint64
	ctime     int64
}

func identify(path string, _ fs.FileInfo) identity {
	h := fnv.New64a()
	_, _ = h.Write([]byte(path))
	return identity{file: h.Sum64()}
}

func slashed(target string) string { return filepath.ToSlash(target) }
