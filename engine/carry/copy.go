package carry

import "errors"

// ErrChanged is returned for a folder that changes while it is copied.
var ErrChanged = errors.New("the folder changes while it is copied: stop whatever writes to it")

// copyTries is how often a folder is looked at before it is given up as changing.
const copyTries = 4

// Copy builds what from holds, up to max bytes.
func (s *Site) Copy(from *Folder, max int64, store *Store) error {
	for range copyTries {
		t, err := from.Scan(max)
		if err != nil {
			return err
		}
		if err := s.Fill(from, t, max, store); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return ErrChanged
}

// Fill builds t from the chunks that from had at its last Scan.
func (s *Site) Fill(from *Folder, t *Tree, max int64, store *Store) error {
	want, err := s.Expect(t, max, store)
	if err != nil {
		return err
	}
	for _, sum := range want {
		b, ok := from.chunk(sum)
		if !ok {
			return ErrChanged
		}
		if err := s.Put(b); err != nil {
			return err
		}
	}
	return s.Lay()
}
