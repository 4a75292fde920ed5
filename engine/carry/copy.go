package carry

import (
	"errors"
	"fmt"
)

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
		want, err := s.Expect(t, max, store)
		if err != nil {
			return err
		}
		for _, sum := range want {
			b, ok := from.chunk(sum)
			if !ok {
				break
			}
			if err := s.Put(b); err != nil {
				return err
			}
		}
		if s.Whole() {
			return s.Lay()
		}
	}
	return fmt.Errorf("%w", ErrChanged)
}
