package proxy

import (
	"errors"
	"time"

	"sojourn/engine"
	"sojourn/proxy/api"
)

// grant turns what a deployer asks for into what a guest may do here, or says
// why not. It is asked anew on every node that a guest reaches: deployed says that it
// comes from elsewhere. Where folders are that go with it, newHome says.
func (n *Node) grant(s api.Spec, deployed bool) (engine.Spec, error) {
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
	if _, err := parseDoors(s.Listen); err != nil {
		return engine.Spec{}, fail(api.CodeBadRequest, "%v", err)
	}
	if err := n.mayDial(s, deployed); err != nil {
		return engine.Spec{}, err
	}
	var refused []error
	for _, d := range s.Dirs {
		m, err := n.folder(d, deployed)
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
