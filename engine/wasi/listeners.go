package wasi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Where a guest finds its listeners: how many there are, from descriptor 3 on, and
// their names in that order.
const (
	envListeners     = "LISTEN_FDS"
	envListenerNames = "LISTEN_FDNAMES"
)

// withListeners returns env with the two variables, unless it has them or there is no
// listener.
func withListeners(env []string, list []Listener) []string {
	if len(list) == 0 {
		return env
	}
	names := make([]string, len(list))
	for i, l := range list {
		names[i] = l.Name()
	}
	env = slices.Clone(env)
	for _, v := range [][2]string{{envListeners, strconv.Itoa(len(list))}, {envListenerNames, strings.Join(names, ":")}} {
		has := func(s string) bool { return strings.HasPrefix(s, v[0]+"=") }
		if !slices.ContainsFunc(env, has) {
			env = append(env, v[0]+"="+v[1])
		}
	}
	return env
}

// checkListeners refuses names that cannot be told apart.
func checkListeners(list []Listener) error {
	seen := map[string]bool{}
	for _, l := range list {
		name := l.Name()
		switch {
		case name == "" || len(name) > maxListenerName || strings.ContainsFunc(name, isSeparator):
			return fmt.Errorf("wasi: a listener cannot be called %q: 1 to %d bytes without colons, spaces and control characters", name, maxListenerName)
		case seen[name]:
			return fmt.Errorf("wasi: two listeners are called %q", name)
		}
		seen[name] = true
	}
	return nil
}

func isSeparator(r rune) bool { return r == ':' || r <= ' ' || r == 0x7f }

// Unused returns the names of the listeners that the guest has never waited on, here.
func (w *World) Unused() []string {
	var list []string
	for _, l := range w.listeners {
		if !w.used[l.Name()] {
			list = append(list, l.Name())
		}
	}
	return list
}

func (w *World) listenerNamed(name string) Listener {
	for _, l := range w.listeners {
		if l.Name() == name {
			return l
		}
	}
	return nil
}

// MissingListener is returned for a saved world that has a listener which whoever loads
// it does not give.
type MissingListener struct{ Name string }

func (e *MissingListener) Error() string {
	return fmt.Sprintf("wasi: the guest needs the listener %q, which is not given", e.Name)
}

// savedListener is a listener without its open connections.
type savedListener struct {
	Name  string `cbor:"1,keyasint"`
	State []byte `cbor:"2,keyasint,omitempty"`
}

func (w *World) saveListeners() []savedListener {
	var list []savedListener
	for _, l := range w.listeners {
		list = append(list, savedListener{Name: l.Name(), State: l.Save()})
	}
	return list
}

// loadListeners gives each listener its state. One that is new to the guest, which has
// no descriptor of it, has none.
func (w *World) loadListeners(list []savedListener) error {
	states := map[string][]byte{}
	for _, e := range list {
		if _, twice := states[e.Name]; twice {
			return fmt.Errorf("wasi: saved world: two listeners are called %q", e.Name)
		}
		if w.listenerNamed(e.Name) == nil {
			return &MissingListener{e.Name}
		}
		states[e.Name] = e.State
	}
	for _, l := range w.listeners {
		if err := l.Load(states[l.Name()]); err != nil {
			return fmt.Errorf("wasi: listener %q: %w", l.Name(), err)
		}
	}
	return nil
}

// refuse tells the listeners that have no descriptor, which the guest has closed.
func (w *World) refuse() {
	open := map[string]bool{}
	for _, d := range w.table.list {
		if d != nil && d.kind == kindListener {
			open[d.stream.(listening).Name()] = true
		}
	}
	for _, l := range w.listeners {
		if r, ok := l.(Refuser); ok && !open[l.Name()] {
			r.Refuse()
		}
	}
}
