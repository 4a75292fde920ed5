//go:build !linux

package proxy

import "os"

// storage names the storage that a folder is on. Here it is taken to be this machine's
// own: nodes of one machine may share a folder, and nodes of two may not.
func storage(dir string) (string, error) {
	if _, err := os.Stat(dir); err != nil {
		return "", err
	}
	host, err := os.Hostname()
	return "machine " + host + ", " + dir, err
}
