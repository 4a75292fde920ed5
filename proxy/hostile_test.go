package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"sojourn/engine/carry"
	"sojourn/proxy/api"
	"sojourn/proxy/wire"
)

// A source that sends folders which are not the guest's, or chunks that nobody asked for,
// is told so. The node lives on, and nothing of it stays.
func TestHostileFolders(t *testing.T) {
	n, c := startNode(t, Config{Name: "target", MaxFiles: 1 << 20})
	if err := c.PutModule(t.Context(), module(t, "sleep")); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(module(t, "sleep"))
	piece := func(which, last byte, b []byte) []byte { return append([]byte{which, last}, b...) }
	top := carry.Entry{Path: ".", Kind: carry.Dir, Mode: 0o700}
	zero := carry.Entry{Path: "0", Kind: carry.Dir, Mode: 0o700}
	tree := func(list ...carry.Entry) []byte {
		b, err := (&carry.Tree{Entries: list}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	sum := sha256.Sum256([]byte("wanted"))
	file := carry.Entry{Path: "0/f", Kind: carry.File, Mode: 0o600, File: 1, Size: 6, Sums: sum[:]}
	huge := carry.Entry{Path: "0/f", Kind: carry.File, Mode: 0o600, File: 1, Size: 20 << 20, Sums: make([]byte, 32*(20<<20/carry.ChunkSize))}
	type frame struct {
		kind wire.Kind
		b    []byte
	}
	for name, frames := range map[string][]frame{
		"no tree":            {{wire.Tree, piece(0, 1, nil)}},
		"nothing":            {{wire.Tree, nil}},
		"unknown last":       {{wire.Tree, piece(0, 2, tree(top, zero))}},
		"garbage":            {{wire.Tree, piece(0, 1, []byte("garbage"))}},
		"no such folder":     {{wire.Tree, piece(9, 1, tree(top))}},
		"wrong digest":       {{wire.Tree, piece(1, 1, tree(top))}},
		"another name":       {{wire.Tree, piece(0, 1, tree(top, carry.Entry{Path: "owner.json", Kind: carry.Dir}))}},
		"folder is a link":   {{wire.Tree, piece(0, 1, tree(top, carry.Entry{Path: "0", Kind: carry.Link, Target: "0"}))}},
		"climbs":             {{wire.Tree, piece(0, 1, tree(top, zero, carry.Entry{Path: "0/../x", Kind: carry.Dir}))}},
		"too large":          {{wire.Tree, piece(0, 1, tree(top, zero, huge))}},
		"chunks of no tree":  {{wire.Chunks, []byte{1, 0, 0, 0, 0, 0, 0}}},
		"unwanted chunks":    {{wire.Tree, piece(0, 1, tree(top, zero, file))}, {wire.Chunks, []byte{2, 0, 3, 0, 0, 0, 0}}},
		"chunks too short":   {{wire.Tree, piece(0, 1, tree(top, zero, file))}, {wire.Chunks, []byte{1}}},
		"tree before chunks": {{wire.Tree, piece(0, 1, tree(top, zero, file))}, {wire.Tree, piece(0, 1, tree(top, zero))}},
	} {
		t.Run(name, func(t *testing.T) {
			ws, res, err := (&websocket.Dialer{Subprotocols: []string{channelProtocol}}).Dial("ws"+strings.TrimPrefix(n.URL(), "http")+"/v1/handover", http.Header{})
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			ch := wire.NewConn(ws)
			defer ch.Close()
			plan, err := json.Marshal(plan{Migration: newID(), Instance: newID(), Epoch: 1, Source: "http://127.0.0.1:1",
				Module: hex.EncodeToString(digest[:]), ModuleSize: 1, MemoryBytes: 1 << 16,
				Spec: api.Spec{Args: []string{"sleep"}, Dirs: []string{":/data:carried", "sha256-" + strings.Repeat("ab", 32) + ":/lib:digest"}}})
			if err != nil {
				t.Fatal(err)
			}
			all := append([]frame{{wire.Hello, wire.AppendHello(nil, 1, 1, wire.Capabilities)}, {wire.Plan, plan}, {wire.Stage, nil}}, frames...)
			for _, f := range all {
				if _, err := ch.Send(f.kind, f.b); err != nil {
					t.Fatal(err)
				}
			}
			for {
				k, _, b, err := ch.Receive()
				if err != nil || k == wire.Refused {
					t.Fatalf("kind %d, %q, %v", k, b, err)
				}
				if k == wire.Failed {
					t.Logf("%s", b)
					break
				}
			}
		})
	}
	noHomes(t, n)
	if _, err := c.Node(t.Context()); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(filepath.Join(n.cfg.Dir, "folders")); err != nil || len(list) > 0 {
		t.Errorf("%v is in the store, %v", list, err)
	}
}
