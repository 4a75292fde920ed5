package carry

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"path"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// Sum is the SHA-256 of a chunk, or of a tree.
type Sum = [sha256.Size]byte

// Kind is what an entry is.
type Kind uint8

// The kinds of entries.
const (
	Dir Kind = 1 + iota
	File
	Link // symbolic
)

// Entry is one name in a folder.
type Entry struct {
	_      struct{} `cbor:",toarray"`
	Path   string   // with slashes; "." is the folder itself
	Kind   Kind
	Mode   uint32 // permission bits; 0 of a link
	Time   int64  // of the last change, nanoseconds since 1970; 0 of a link
	File   uint64 // of a file: which it is; several names of one file have the same
	Size   int64  // of a file
	Sums   []byte // of a file: the digests of its chunks, one after the other
	Target string // of a link
}

// Tree is what a folder holds: "." first, then each directory's entries behind it, by name.
type Tree struct{ Entries []Entry }

// ErrTree is wrapped by errors about a tree that cannot be.
var ErrTree = errors.New("folder: malformed tree")

// ErrTooLarge is wrapped by errors about folders beyond a limit.
var ErrTooLarge = errors.New("folder is too large to be carried")

var (
	encoding = must(cbor.CoreDetEncOptions().EncMode())
	decoding = must(cbor.DecOptions{
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   4,
		MaxArrayElements:  MaxEntries,
		MaxMapPairs:       16,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8DecodeInvalid,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Encode returns the one encoding of a tree.
func (t *Tree) Encode() ([]byte, error) {
	b, err := encoding.Marshal(t.Entries)
	if err == nil && len(b) > MaxTree {
		err = fmt.Errorf("%w: its list of names and digests takes %d bytes, at most %d are allowed", ErrTooLarge, len(b), MaxTree)
	}
	return b, err
}

// Decode reads a tree from bytes that nobody vouches for.
func Decode(b []byte) (*Tree, error) {
	if len(b) > MaxTree {
		return nil, fmt.Errorf("%w: %d bytes of it", ErrTooLarge, len(b))
	}
	var t Tree
	if err := decoding.Unmarshal(b, &t.Entries); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTree, err)
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	if again, err := t.Encode(); err != nil || !bytes.Equal(again, b) {
		return nil, fmt.Errorf("%w: not in its one encoding", ErrTree)
	}
	return &t, nil
}

// Digest is the digest of the tree's encoding.
func (t *Tree) Digest() (Sum, error) {
	b, err := t.Encode()
	return sha256.Sum256(b), err
}

// Bytes is the size of all files together.
func (t *Tree) Bytes() int64 {
	var n int64
	t.files(func(e *Entry) { n += e.Size })
	return n
}

// Top returns the entries directly in the folder.
func (t *Tree) Top() []Entry {
	var list []Entry
	for _, e := range t.Entries[1:] {
		if !strings.Contains(e.Path, "/") {
			list = append(list, e)
		}
	}
	return list
}

// files calls fn with each file once, however many names it has.
func (t *Tree) files(fn func(*Entry)) {
	seen := make(map[uint64]bool)
	for i := range t.Entries {
		if e := &t.Entries[i]; e.Kind == File && !seen[e.File] {
			seen[e.File] = true
			fn(e)
		}
	}
}

// chunks is how many chunks a file has.
func (e *Entry) chunks() int { return len(e.Sums) / len(Sum{}) }

// sum returns the digest of a chunk.
func (e *Entry) sum(i int) Sum { return Sum(e.Sums[i*len(Sum{}):]) }

// length returns how many bytes a chunk has.
func (e *Entry) length(i int) int { return int(min(e.Size-int64(i)*ChunkSize, ChunkSize)) }

// Fixed returns the tree as of a folder that never changes: one that depends only on
// names, contents, links and what may be executed.
func (t *Tree) Fixed() *Tree {
	f := &Tree{Entries: make([]Entry, len(t.Entries))}
	for i, e := range t.Entries {
		switch {
		case e.Kind == Dir || e.Kind == File && e.Mode&0o111 != 0:
			e.Mode, e.Time = 0o555, 0
		case e.Kind == File:
			e.Mode, e.Time = 0o444, 0
		}
		if e.Kind == File {
			e.File = uint64(i)
		}
		f.Entries[i] = e
	}
	return f
}

// check refuses trees that no folder can have, and those beyond the limits.
func (t *Tree) check() error {
	if len(t.Entries) == 0 || t.Entries[0].Path != "." || t.Entries[0].Kind != Dir {
		return fmt.Errorf("%w: it does not begin with the folder itself", ErrTree)
	}
	if len(t.Entries) > MaxEntries {
		return fmt.Errorf("%w: more than %d names", ErrTooLarge, MaxEntries)
	}
	dirs := map[string]bool{}
	files := map[uint64]*Entry{}
	chunks := 0
	for i := range t.Entries {
		e := &t.Entries[i]
		if err := e.check(); err != nil {
			return err
		}
		if i > 0 {
			if comparePaths(t.Entries[i-1].Path, e.Path) >= 0 {
				return fmt.Errorf("%w: %q is out of order", ErrTree, e.Path)
			}
			if !dirs[path.Dir(e.Path)] {
				return fmt.Errorf("%w: %q is not in a directory", ErrTree, e.Path)
			}
		}
		switch e.Kind {
		case Dir:
			dirs[e.Path] = true
		case File:
			if f := files[e.File]; f == nil {
				files[e.File] = e
			} else if f.Size != e.Size || f.Mode != e.Mode || f.Time != e.Time || !bytes.Equal(f.Sums, e.Sums) {
				return fmt.Errorf("%w: %q and %q are one file and differ", ErrTree, f.Path, e.Path)
			}
			chunks += e.chunks()
		}
	}
	if chunks > MaxChunks {
		return fmt.Errorf("%w: its files have %d chunks, at most %d are allowed", ErrTooLarge, chunks, MaxChunks)
	}
	return nil
}

func (e *Entry) check() error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	var ok bool
	switch e.Kind {
	case Dir:
		ok = e.File == 0 && e.Size == 0 && len(e.Sums) == 0 && e.Target == ""
	case File:
		ok = e.Size >= 0 && e.Size <= math.MaxInt64-ChunkSize && e.Target == "" &&
			len(e.Sums)%len(Sum{}) == 0 && int64(e.chunks()) == (e.Size+ChunkSize-1)/ChunkSize
	case Link:
		ok = e.File == 0 && e.Size == 0 && len(e.Sums) == 0 && e.Mode == 0 && e.Time == 0
		if err := checkTarget(e.Path, e.Target); err != nil {
			return err
		}
	}
	if !ok || e.Mode&^0o777 != 0 {
		return fmt.Errorf("%w: %q has fields that do not fit its kind", ErrTree, e.Path)
	}
	return nil
}

func checkPath(p string) error {
	if p == "." {
		return nil
	}
	if len(p) > maxPath || strings.Count(p, "/") >= maxDepth || strings.ContainsRune(p, 0) {
		return fmt.Errorf("%w: a path of %d bytes and %d parts", ErrTree, len(p), 1+strings.Count(p, "/"))
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." || part == ".." || len(part) > maxName {
			return fmt.Errorf("%w: path %q", ErrTree, p)
		}
	}
	return nil
}

// checkTarget refuses a link at p that leads out of the folder, by the text of its target.
func checkTarget(p, target string) error {
	if target == "" || len(target) > maxPath || strings.ContainsRune(target, 0) {
		return fmt.Errorf("%w: link %q has a target of %d bytes", ErrTree, p, len(target))
	}
	depth := strings.Count(p, "/")
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			break
		}
	}
	if target[0] == '/' || depth < 0 {
		return fmt.Errorf("symbolic link %q leads out of the folder, to %q: such a folder cannot be carried", p, target)
	}
	return nil
}

// comparePaths orders paths as a walk does: a directory, what is below it, its siblings.
func comparePaths(a, b string) int {
	if a == "." || b == "." {
		return cmp.Compare(boolInt(a != "."), boolInt(b != "."))
	}
	return strings.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
