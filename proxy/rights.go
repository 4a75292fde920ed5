package proxy

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"sojourn/engine"
	"sojourn/engine/wasi"
	"sojourn/proxy/api"
)

// grant turns what a deployer asks for into what a guest may do here, or says
// why not. It is asked anew on every node that a guest reaches.
func (n *Node) grant(s api.Spec) (engine.Spec, error) {
	if len(s.Args) > maxStrings || len(s.Env) > maxStrings || len(s.Dirs) > maxDirs {
		return engine.Spec{}, fail(api.CodeBadRequest, "a guest has at most %d arguments and environment variables, and %d folders", maxStrings, maxDirs)
	}
	res := engine.Spec{Args: s.Args, Env: s.Env, Limits: engine.Limits{
		MemoryPages:   s.Limits.MemoryPages,
		TableElements: s.Limits.TableElements,
		CallDepth:     max(0, s.Limits.CallDepth),
		RunTime:       time.Duration(max(0, s.Limits.RunTimeMillis)) * time.Millisecond,
	}}
	if most := uint32(min(n.cfg.MaxMemory/wasmPage, 1<<16)); res.Limits.MemoryPages == 0 || res.Limits.MemoryPages > most {
		res.Limits.MemoryPages = most
	}
	var refused []error
	for _, d := range s.Dirs {
		m, err := n.mount(d)
		if err != nil {
			refused = append(refused, err)
			continue
		}
		res.Mounts = append(res.Mounts, m)
	}
	if err := errors.Join(refused...); err != nil {
		return engine.Spec{}, failHint(api.CodeNotAllowed, "start the node with --allow-dir for it", "%v", err)
	}
	return res, nil
}

// mount checks one host:guest[:ro] against the folders that the node allows.
func (n *Node) mount(s string) (wasi.Mount, error) {
	ro := strings.HasSuffix(s, ":ro")
	host, guest, ok := cutLast(strings.TrimSuffix(s, ":ro"))
	if !ok || host == "" || guest == "" {
		return wasi.Mount{}, fmt.Errorf("folder %q: want host:guest or host:guest:ro", s)
	}
	real, err := filepath.Abs(host)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if err != nil {
		return wasi.Mount{}, fmt.Errorf("folder %q is not on node %s", host, n.cfg.Name)
	}
	for _, a := range n.cfg.AllowDirs {
		if rel, err := filepath.Rel(a, real); err == nil && filepath.IsLocal(rel) {
			return wasi.Mount{Host: real, Guest: guest, ReadOnly: ro}, nil
		}
	}
	return wasi.Mount{}, fmt.Errorf("folder %q is not allowed on node %s", host, n.cfg.Name)
}

// cutLast cuts at the last colon, for a host path may hold one.
func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
