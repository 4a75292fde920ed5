package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"sojourn/interp/codecache"
)

// cacheFlag says where compiled code is kept for the next start.
type cacheFlag struct{ dir string }

func (c *cacheFlag) add(f *pflag.FlagSet) {
	f.StringVar(&c.dir, "cache", "", "keep compiled code in `DIR`, or 'off'; default: your own cache folder")
}

// open returns the store, nil for none. Where the user has no folder that can be used,
// modules are compiled each time, unless a folder was asked for.
func (c *cacheFlag) open() (*codecache.Store, error) {
	switch c.dir {
	case "off":
		return nil, nil
	case "":
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, nil
		}
		store, err := codecache.Open(filepath.Join(dir, "sojourn", "code"), 0)
		if err != nil {
			return nil, nil
		}
		return store, nil
	}
	store, err := codecache.Open(c.dir, 0)
	if err != nil {
		return nil, hint(err, "give another folder with --cache DIR, or --cache off")
	}
	return store, nil
}
