package orchestrator

import (
	"cmp"
	"fmt"
	"slices"

	"sojourn/proxy/api"
)

// Need is what a guest asks of the node that it shall move to.
type Need struct {
	Guest    string
	Source   string            // the node it is on
	Memory   uint64            // bytes
	Protocol int               // the source's migration protocol
	Engine   string            // compiler, interpreter or wasmer; empty is any
	ByItself bool              // it can move by a checkpoint of its own, with no session or folders
	To       string            // only this node, by name or URL; empty is any
	Refused  map[string]string // nodes that were tried, and what they said
}

// Decision is where a guest shall go, and what was thought of each node.
type Decision struct {
	Guest      string      `json:"guest"`
	Source     string      `json:"source"`
	Target     string      `json:"target,omitempty"` // empty when no node fits
	Candidates []Candidate `json:"candidates"`       // best first, then those that do not fit, by name
}

// Candidate is one node's part in a decision.
type Candidate struct {
	Node    string   `json:"node"`
	Fits    bool     `json:"fits"`
	Load    float64  `json:"load"`    // after the move, lower is better: share of memory used + running guests a CPU
	Reasons []string `json:"reasons"` // why it does not fit, or what its load is made of
}

// Place picks the least loaded of the nodes that fit. It only looks at its
// arguments: the same need among the same nodes gives the same decision.
func Place(need Need, nodes []NodeStatus) Decision {
	d := Decision{Guest: need.Guest, Source: need.Source, Candidates: make([]Candidate, 0, len(nodes))}
	for i := range nodes {
		d.Candidates = append(d.Candidates, consider(need, &nodes[i]))
	}
	slices.SortFunc(d.Candidates, func(a, b Candidate) int {
		if a.Fits != b.Fits {
			if a.Fits {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Load, b.Load), cmp.Compare(a.Node, b.Node))
	})
	if len(d.Candidates) > 0 && d.Candidates[0].Fits {
		d.Target = d.Candidates[0].Node
	}
	return d
}

func consider(need Need, n *NodeStatus) Candidate {
	c := Candidate{Node: n.Name}
	for _, f := range filters {
		if why := f(need, n); why != "" {
			c.Reasons = append(c.Reasons, why)
		}
	}
	if c.Fits = len(c.Reasons) == 0; c.Fits {
		c.Load, c.Reasons = load(need, n)
	}
	return c
}

// filters each return why a node cannot be the target, or nothing.
var filters = []func(Need, *NodeStatus) string{
	func(need Need, n *NodeStatus) string {
		if need.To != "" && !n.is(need.To) {
			return "another node was asked for"
		}
		return ""
	},
	func(need Need, n *NodeStatus) string {
		if n.Name == need.Source {
			return "the guest is there"
		}
		return ""
	},
	func(_ Need, n *NodeStatus) string {
		if n.State == NodeLost {
			return "lost: not heard of lately"
		}
		return ""
	},
	func(_ Need, n *NodeStatus) string {
		if n.Cordoned {
			return "cordoned by a drain"
		}
		return ""
	},
	func(need Need, n *NodeStatus) string {
		if diff := n.Protocol - need.Protocol; diff < -1 || diff > 1 {
			return fmt.Sprintf("speaks migration protocol %d, the source %d", n.Protocol, need.Protocol)
		}
		return ""
	},
	func(need Need, n *NodeStatus) string {
		if need.Engine != "" && !slices.Contains(n.Engines, need.Engine) {
			return fmt.Sprintf("does not run the %s engine, only %v", need.Engine, n.Engines)
		}
		return ""
	},
	func(need Need, n *NodeStatus) string {
		if n.Engine == api.EngineWasmer && !need.ByItself {
			return "runs only guests that make checkpoints by themselves and have no session or folders"
		}
		return ""
	},
	func(need Need, n *NodeStatus) string {
		if free := n.free(); free < need.Memory {
			return fmt.Sprintf("%s of memory free, %s needed", size(free), size(need.Memory))
		}
		return ""
	},
	func(_ Need, n *NodeStatus) string {
		if have := n.running() + n.IncomingGuests; n.MaxGuests > 0 && have >= n.MaxGuests {
			return fmt.Sprintf("has %d guests of at most %d", have, n.MaxGuests)
		}
		return ""
	},
	func(need Need, n *NodeStatus) string {
		if why, ok := need.Refused[n.Name]; ok {
			return "tried: " + why
		}
		return ""
	},
}

// load is what the node would carry with the guest on it.
func load(need Need, n *NodeStatus) (float64, []string) {
	free := n.free() - need.Memory
	used := 0.0
	if n.TotalMemory > 0 {
		used = 1 - float64(min(free, n.TotalMemory))/float64(n.TotalMemory)
	}
	guests, cpus := n.running()+n.IncomingGuests+1, max(n.CPUs, 1)
	sum, reasons := used+float64(guests)/float64(cpus), []string{
		fmt.Sprintf("%.0f %% of %s of memory used after the move", used*100, size(n.TotalMemory)),
		fmt.Sprintf("%d running guests on %d CPUs after the move", guests, cpus),
	}
	if n.Engine == api.EngineWasmer {
		sum, reasons = sum+1, append(reasons, "counted 1 more: the guest does again what it did since its checkpoint")
	}
	return sum, reasons
}

func (n *NodeStatus) is(nameOrURL string) bool { return n.Name == nameOrURL || n.URL == nameOrURL }

func (n *NodeStatus) free() uint64 { return n.FreeMemory - min(n.FreeMemory, n.IncomingBytes) }

func (n *NodeStatus) running() int {
	sum := 0
	for i := range n.Guests {
		if live(n.Guests[i].State) {
			sum++
		}
	}
	return sum
}

// live says whether a guest in this state is on the node that reports it.
func live(state string) bool {
	switch state {
	case api.StatePrepared, api.StateRunning, api.StateFreezing, api.StateFrozen:
		return true
	}
	return false
}

// size is a number of bytes for people.
func size(n uint64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/1024, 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	return fmt.Sprintf("%.1f %ciB", f, units[i])
}
