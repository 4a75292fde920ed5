package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sojourn/engine"
	"sojourn/interp"
	"sojourn/proxy/api"
	"sojourn/proxy/handover"
)

func (n *Node) modulePath(digest string) (string, error) {
	b, err := hex.DecodeString(digest)
	if err != nil || len(b) != sha256.Size {
		return "", failHint(api.CodeBadRequest, "give the SHA-256 of its bytes in hexadecimal", "module %q has no digest for a name", digest)
	}
	return filepath.Join(n.cfg.Dir, "modules", hex.EncodeToString(b)+".wasm"), nil
}

// putModule keeps a module under its digest.
func (n *Node) putModule(digest string, r io.Reader) error {
	path, err := n.modulePath(digest)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(r, n.cfg.MaxModule+1))
	if err != nil {
		return fail(api.CodeBadRequest, "module %.12s: %v", digest, err)
	}
	if int64(len(b)) > n.cfg.MaxModule {
		return fail(api.CodeTooLarge, "module %.12s is over the node's limit of %d bytes", digest, n.cfg.MaxModule)
	}
	if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != filepath.Base(path[:len(path)-len(".wasm")]) {
		return fail(api.CodeBadModule, "module %.12s: its bytes have the digest %x", digest, got)
	}
	return handover.WriteFile(path, b)
}

func (n *Node) hasModule(digest string) bool {
	path, err := n.modulePath(digest)
	if err == nil {
		_, err = os.Stat(path)
	}
	return err == nil
}

// readModule reads a module that the node has.
func (n *Node) readModule(digest string) ([]byte, error) {
	path, err := n.modulePath(digest)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, failHint(api.CodeModuleUnknown, "send it with PUT /v1/modules/{digest}", "module %.12s is not here", digest)
	}
	return b, err
}

// module prepares a module that the node has, with its libraries.
func (n *Node) module(ctx context.Context, libraries []api.Library, digest, kind string) (*engine.Module, error) {
	if len(libraries) > maxLibraries {
		return nil, fail(api.CodeBadRequest, "a guest has at most %d libraries, not %d", maxLibraries, len(libraries))
	}
	list := make([]interp.Module, 0, len(libraries)+1)
	for _, l := range append(slices.Clone(libraries), api.Library{Module: digest}) {
		b, err := n.readModule(strings.ToLower(l.Module))
		if err != nil {
			return nil, err
		}
		list = append(list, interp.Module{Name: l.Name, Bytes: b})
	}
	k, err := interp.ParseKind(kind)
	if err != nil {
		return nil, fail(api.CodeBadRequest, "%v", err)
	}
	m, err := n.mods.AddLinked(ctx, list, k)
	if err != nil {
		return nil, fail(api.CodeBadModule, "%v", err)
	}
	return m, nil
}

// engineFor picks how to run a guest here: as asked, unless the node was set
// up for one engine and the guest came from elsewhere.
func (n *Node) engineFor(asked string, arrived bool) string {
	if asked == "" || arrived && n.cfg.Engine != interp.Auto.String() {
		return n.cfg.Engine
	}
	if k, err := interp.ParseKind(asked); arrived && (err != nil || k == interp.Compiler && !interp.HasCompiler()) {
		return n.cfg.Engine
	}
	return asked
}

func (n *Node) imagePath(migration string) string {
	return filepath.Join(n.cfg.Dir, "images", migration+".snapshot")
}

func hexDigest(d [32]byte) string { return fmt.Sprintf("%x", d) }
