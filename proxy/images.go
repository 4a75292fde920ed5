package proxy

import (
	"encoding/json"
	"os"

	"sojourn/proxy/handover"
)

// writeImage keeps a guest on disk, beside what it takes to run it.
func (n *Node) writeImage(migration string, p plan, write func(*os.File) error) error {
	path := n.imagePath(migration)
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := handover.WriteFile(path+".plan", b); err != nil {
		return err
	}
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(path+".part", path)
	}
	if err != nil {
		_ = os.Remove(path + ".part")
	}
	return err
}

func (n *Node) dropImage(path string) {
	if path != "" {
		_ = os.Remove(path)
		_ = os.Remove(path + ".plan")
	}
}
