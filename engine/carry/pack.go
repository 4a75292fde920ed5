package carry

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Packed is a folder of a guest in a stream.
type Packed struct {
	Name   string // by which the guest knows it
	Dir    string // of the host
	Digest Sum    // of a folder that never changes, which the stream only names
}

// The stream of folders, of which a snapshot file holds one:
//
//	u16      number of folders
//	         for each:
//	u16        length of its name
//	[]         its name
//	[32]       digest of a folder that never changes; of one that is carried 0, and then
//	u32        length of its tree
//	[]         the tree, encoded
//	[]         its chunks, each once, in the order in which the tree first has them
//
// Numbers are little-endian. Nothing follows.

// Pack writes folders. None may be written to meanwhile.
func Pack(w io.Writer, list []Packed) error {
	b := binary.LittleEndian.AppendUint16(nil, uint16(len(list)))
	if _, err := w.Write(b); err != nil {
		return err
	}
	for _, p := range list {
		if err := p.pack(w); err != nil {
			return fmt.Errorf("folder %q: %w", p.Name, err)
		}
	}
	return nil
}

func (p *Packed) pack(w io.Writer) error {
	head := binary.LittleEndian.AppendUint16(nil, uint16(len(p.Name)))
	head = append(append(head, p.Name...), p.Digest[:]...)
	if p.Digest != (Sum{}) {
		_, err := w.Write(head)
		return err
	}
	f, err := Open(p.Dir)
	if err != nil {
		return err
	}
	defer f.Close()
	t, err := f.Scan(MaxChunks * ChunkSize)
	if err != nil {
		return err
	}
	b, err := t.Encode()
	if err != nil {
		return err
	}
	head = binary.LittleEndian.AppendUint32(head, uint32(len(b)))
	if _, err := w.Write(append(head, b...)); err != nil {
		return err
	}
	for _, sum := range wants(t) {
		chunk, ok := f.chunk(sum)
		if !ok {
			return ErrChanged
		}
		if _, err := w.Write(chunk); err != nil {
			return err
		}
	}
	return nil
}

// MissingFolder is returned for a stream with a folder that whoever reads it does not
// give: rights come from outside, not from what was saved.
type MissingFolder struct {
	Name   string
	Digest Sum // not zero for a folder by digest
}

func (e *MissingFolder) Error() string {
	if e.Digest != (Sum{}) {
		return fmt.Sprintf("the guest has the folder %q by its digest, %x, which is not given so", e.Name, e.Digest)
	}
	return fmt.Sprintf("the guest carries the folder %q, which is not given to be carried", e.Name)
}

// NotThere is returned for a folder that is given to be carried, or by its digest, to a
// guest that does not have it so.
type NotThere struct{ Name string }

func (e *NotThere) Error() string {
	return fmt.Sprintf("the snapshot does not hold the folder %q: the guest had it as a shared one, or not at all", e.Name)
}

// ErrStream is wrapped by errors about a stream that is not one of folders.
var ErrStream = errors.New("folders: malformed stream")

// Unpack reads a stream and builds its folders in the Dirs of list, of max bytes
// together. A Dir that is not empty must hold just what it is to hold, and is left as it
// is. The list must have the stream's folders, and no other. When Unpack fails, or what
// came is not to be used after all, undo empties what it has filled.
func Unpack(r io.Reader, list []Packed, max int64) (undo func(), err error) {
	u := &unpacker{r: bufio.NewReaderSize(r, ChunkSize), list: slices.Clone(list), left: max}
	if err := u.all(); err != nil {
		u.undo()
		return func() {}, err
	}
	return u.undo, nil
}

type unpacker struct {
	r     *bufio.Reader
	list  []Packed // that have not come yet
	left  int64
	built []string
	buf   [ChunkSize]byte
}

func (u *unpacker) all() error {
	n, err := u.u16()
	if err != nil {
		return err
	}
	if n > maxFolders {
		return fmt.Errorf("%w: %d folders", ErrStream, n)
	}
	for range n {
		if err := u.folder(); err != nil {
			return err
		}
	}
	if len(u.list) > 0 {
		return &NotThere{u.list[0].Name}
	}
	if _, err := u.r.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows: %w", ErrStream, err)
	}
	return nil
}

func (u *unpacker) bytes(b []byte) error {
	if _, err := io.ReadFull(u.r, b); err != nil {
		return fmt.Errorf("%w: %w", ErrStream, err)
	}
	return nil
}

func (u *unpacker) u16() (int, error) {
	var b [2]byte
	err := u.bytes(b[:])
	return int(binary.LittleEndian.Uint16(b[:])), err
}

func (u *unpacker) folder() error {
	n, err := u.u16()
	if err != nil {
		return err
	}
	if n > maxPath {
		return fmt.Errorf("%w: a name of %d bytes", ErrStream, n)
	}
	name := make([]byte, n)
	var digest Sum
	if err := errors.Join(u.bytes(name), u.bytes(digest[:])); err != nil {
		return err
	}
	i := slices.IndexFunc(u.list, func(p Packed) bool { return p.Name == string(name) && p.Digest == digest })
	if i < 0 {
		return &MissingFolder{string(name), digest}
	}
	to := u.list[i]
	u.list = slices.Delete(u.list, i, i+1)
	if digest != (Sum{}) {
		return nil
	}
	t, err := u.tree()
	if err == nil {
		err = u.build(t, to.Dir)
	}
	if err != nil {
		return fmt.Errorf("folder %q: %w", name, err)
	}
	return nil
}

func (u *unpacker) tree() (*Tree, error) {
	var size [4]byte
	if err := u.bytes(size[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n > MaxTree {
		return nil, fmt.Errorf("%w: a tree of %d bytes", ErrTooLarge, n)
	}
	var b bytes.Buffer // grows with what arrives
	if _, err := io.CopyN(&b, u.r, int64(n)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStream, err)
	}
	t, err := Decode(b.Bytes())
	if err != nil {
		return nil, err
	}
	if u.left -= t.Bytes(); u.left < 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrTooLarge, -u.left)
	}
	return t, nil
}

// build makes dir hold t, from the chunks that come next.
func (u *unpacker) build(t *Tree, dir string) error {
	if there, err := look(dir); err != nil || there != nil {
		if err == nil && !there.equal(t) {
			err = fmt.Errorf("%s is not empty, and not as it was: give an empty folder", dir)
		}
		if err != nil {
			return err
		}
		return u.chunks(t, func([]byte) error { return nil })
	}
	u.built = append(u.built, dir)
	root, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return err
	}
	defer root.Close()
	site, err := NewSite(root, filepath.Base(dir), "."+filepath.Base(dir)+".unnamed")
	if err != nil {
		return err
	}
	defer site.Close()
	if _, err := site.Expect(t, t.Bytes(), nil); err != nil {
		return err
	}
	if err := u.chunks(t, site.Put); err != nil {
		return err
	}
	return site.Lay()
}

// look returns what a folder holds, nil when that is nothing or there is none.
func look(dir string) (*Tree, error) {
	if err := os.Mkdir(dir, 0o777); err == nil {
		return nil, nil
	}
	f, err := Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := f.Scan(MaxChunks * ChunkSize)
	if err != nil || len(t.Entries) == 1 {
		return nil, err
	}
	return t, nil
}

// chunks reads the chunks of a tree.
func (u *unpacker) chunks(t *Tree, take func([]byte) error) error {
	var err error
	seen := map[Sum]bool{}
	t.files(func(e *Entry) {
		for i := range e.chunks() {
			sum := e.sum(i)
			if err != nil || seen[sum] {
				continue
			}
			seen[sum] = true
			b := u.buf[:e.length(i)]
			if err = u.bytes(b); err == nil && sha256.Sum256(b) != sum {
				err = fmt.Errorf("%w: a chunk of %q has another digest", ErrStream, e.Path)
			}
			if err == nil {
				err = take(b)
			}
		}
	})
	return err
}

func (u *unpacker) undo() {
	for _, dir := range u.built {
		list, _ := os.ReadDir(dir)
		for _, d := range list {
			_ = RemoveAll(filepath.Join(dir, d.Name()))
		}
	}
	u.built = nil
}

// equal reports whether two trees are of folders that hold the same: the numbers of files
// say only which names are of one file. The folder itself may have another mode and time.
func (t *Tree) equal(o *Tree) bool {
	if len(t.Entries) != len(o.Entries) {
		return false
	}
	ours, theirs := map[uint64]uint64{}, map[uint64]uint64{}
	for i := 1; i < len(t.Entries); i++ {
		a, b := t.Entries[i], o.Entries[i]
		if a.Kind == File && b.Kind == File {
			if first, ok := ours[a.File]; ok && first != b.File {
				return false
			}
			if first, ok := theirs[b.File]; ok && first != a.File {
				return false
			}
			ours[a.File], theirs[b.File] = b.File, a.File
			a.File = b.File
		}
		same := a.Path == b.Path && a.Kind == b.Kind && a.Mode == b.Mode && a.Time == b.Time && a.File == b.File &&
			a.Size == b.Size && a.Target == b.Target && bytes.Equal(a.Sums, b.Sums)
		if !same {
			return false
		}
	}
	return true
}
