package carry

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// WriteTar writes a folder that nobody writes to as a tar archive.
func WriteTar(w io.Writer, dir string) error {
	f, err := Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	t, err := f.Scan(MaxChunks * ChunkSize)
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	first := map[uint64]string{}
	for i := range t.Entries {
		e := &t.Entries[i]
		if err := f.tar(out, e, first); err != nil {
			return fmt.Errorf("%q: %w", e.Path, err)
		}
	}
	return out.Close()
}

func (f *Folder) tar(out *tar.Writer, e *Entry, first map[uint64]string) error {
	h := &tar.Header{Name: e.Path, Mode: int64(e.Mode), ModTime: time.Unix(0, e.Time), Format: tar.FormatPAX}
	switch e.Kind {
	case Dir:
		h.Typeflag, h.Name = tar.TypeDir, e.Path+"/"
	case Link:
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, e.Target, 0o777
	case File:
		h.Typeflag, h.Size = tar.TypeReg, e.Size
		if name, ok := first[e.File]; ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, name, 0
		}
		first[e.File] = e.Path
	}
	if err := out.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	file, err := f.root.OpenFile(e.Path, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return err
	}
	_, err = io.CopyN(out, file, e.Size)
	return errors.Join(err, file.Close())
}
