package proxy

import (
	"fmt"
	"strconv"
	"strings"

	"sojourn/engine"
	"sojourn/proxy/api"
	"sojourn/proxy/client"
	"sojourn/proxy/session"
)

// door is a way into a guest: a listener of its, or its standard streams.
type door struct {
	name string
	kind session.Kind
	port int    // of a TCP door; 0 for any
	path string // of a WebSocket door
}

const maxDoors = 16 // listeners of one guest

// parseDoor reads NAME=tcp:PORT or NAME=ws:/PATH.
func parseDoor(s string) (door, error) {
	name, what, _ := strings.Cut(s, "=")
	if name == "" || len(name) > 32 || name == client.Stdio || name == anchorDoor || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return door{}, fmt.Errorf("listener %q: its name has 1 to 32 of a-z, 0-9, - and _, and is not %s or %s", s, client.Stdio, anchorDoor)
	}
	kind, rest, _ := strings.Cut(what, ":")
	switch {
	case kind == "tcp":
		port, err := strconv.ParseUint(rest, 10, 16)
		if err != nil {
			return door{}, fmt.Errorf("listener %q: want a port after tcp:, or 0 for any", s)
		}
		return door{name: name, kind: session.TCP, port: int(port)}, nil
	case kind == "ws" && strings.HasPrefix(rest, "/") && len(rest) <= 1024 && !strings.ContainsAny(rest, " \r\n\t?#"):
		return door{name: name, kind: session.WebSocket, path: rest}, nil
	}
	return door{}, fmt.Errorf("listener %q: want NAME=tcp:PORT or NAME=ws:/PATH", s)
}

// parseDoors reads the listeners that a deployer asks for.
func parseDoors(list []string) ([]door, error) {
	if len(list) > maxDoors {
		return nil, fmt.Errorf("%d listeners: a guest has at most %d", len(list), maxDoors)
	}
	var doors []door
	seen := map[string]bool{}
	for _, s := range list {
		d, err := parseDoor(s)
		if err != nil {
			return nil, err
		}
		if seen[d.name] {
			return nil, fmt.Errorf("listener %q is there twice", d.name)
		}
		seen[d.name] = true
		doors = append(doors, d)
	}
	return doors, nil
}

// open makes the hubs of a guest. Its specification was granted, or is empty.
func (g *guest) open() {
	g.hubs = map[string]*session.Hub{}
	if g.spec.Session != "" {
		g.hubs[client.Stdio] = session.NewHub(session.Config{Name: client.Stdio, Kind: session.Stdio, Many: g.spec.Session == api.Many, Epoch: g.epoch})
	}
	if len(g.spec.Dial) > 0 {
		g.hubs[anchorDoor] = session.NewHub(session.Config{Name: anchorDoor, Kind: session.TCP, Linger: anchorLinger, Epoch: g.epoch})
	}
	g.doors, _ = parseDoors(g.spec.Listen)
	for _, d := range g.doors {
		g.hubs[d.name] = session.NewHub(session.Config{Name: d.name, Kind: d.kind, Path: d.path, Epoch: g.epoch})
	}
}

// streams gives a granted specification the guest's streams and listeners.
func (n *Node) streams(g *guest, s engine.Spec) engine.Spec {
	s.Stdout, s.Stderr = g.out, g.out
	if h := g.hubs[client.Stdio]; h != nil {
		s.Stdin, s.Stdout = h.Stdin(), h.Stdout()
	}
	for _, d := range g.doors {
		s.Listeners = append(s.Listeners, g.hubs[d.name])
	}
	s.Dialer = n.outwardOf(g)
	return s
}

func (g *guest) everyHub(do func(*session.Hub)) {
	for _, h := range g.hubs {
		do(h)
	}
}

// listening tells of the guest's listeners; where their ports are, the node knows.
func (g *guest) listening() []api.Listening {
	var list []api.Listening
	for _, d := range g.doors {
		l := api.Listening{Name: d.name, Kind: "tcp"}
		if d.kind == session.WebSocket {
			l.Kind, l.Path = "ws", d.path
		}
		list = append(list, l)
	}
	return list
}
