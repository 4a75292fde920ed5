package orchestrator

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"sojourn/proxy/api"
)

const mib = 1 << 20

func node(name string, change ...func(*NodeStatus)) NodeStatus {
	n := NodeStatus{State: NodeReady, Node: api.Node{
		Name: name, URL: "http://" + name, Protocol: 1, Engines: []string{"compiler", "interpreter"},
		CPUs: 4, TotalMemory: 1024 * mib, FreeMemory: 1024 * mib, MaxGuests: 4,
	}}
	for _, f := range change {
		f(&n)
	}
	return n
}

func withGuests(states ...string) func(*NodeStatus) {
	return func(n *NodeStatus) {
		for _, s := range states {
			n.Guests = append(n.Guests, api.Guest{State: s})
		}
	}
}

func TestPlace(t *testing.T) {
	run := api.StateRunning
	free := func(b uint64) func(*NodeStatus) { return func(n *NodeStatus) { n.FreeMemory = b } }
	onWasmer := func(n *NodeStatus) { n.Engine = api.EngineWasmer }
	tests := []struct {
		name   string
		need   Need
		nodes  []NodeStatus
		target string
		reason string // of node b, in part
	}{
		{name: "no nodes at all"},
		{name: "the source is no target", nodes: []NodeStatus{node("a")}},
		{name: "least memory used", target: "c", reason: "50 % of 1.0 GiB",
			nodes: []NodeStatus{node("a"), node("b", free(522*mib)), node("c", free(600*mib))}},
		{name: "fewest guests a CPU", target: "c", reason: "2 running guests on 4 CPUs",
			nodes: []NodeStatus{node("b", withGuests(run)), node("c")}},
		{name: "more CPUs carry more guests", target: "b",
			nodes: []NodeStatus{node("b", withGuests(run), func(n *NodeStatus) { n.CPUs = 16 }), node("c")}},
		{name: "a tie goes by name", target: "b", nodes: []NodeStatus{node("c"), node("b")}},
		{name: "exited guests weigh nothing", target: "b",
			nodes: []NodeStatus{node("b", withGuests(api.StateExited, api.StateMoved)), node("c")}},
		{name: "exactly enough memory", target: "b", nodes: []NodeStatus{node("b", free(10*mib))}},
		{name: "a byte too little", reason: "10.0 MiB of memory free, 10.0 MiB needed",
			nodes: []NodeStatus{node("b", free(10*mib-1))}},
		{name: "memory on its way is taken", reason: "2.0 MiB of memory free",
			nodes: []NodeStatus{node("b", free(12*mib), func(n *NodeStatus) { n.IncomingBytes = 10 * mib })}},
		{name: "more on its way than free", reason: "0 B of memory free",
			nodes: []NodeStatus{node("b", free(1*mib), func(n *NodeStatus) { n.IncomingBytes = 10 * mib })}},
		{name: "full of guests", reason: "has 4 guests of at most 4",
			nodes: []NodeStatus{node("b", withGuests(run, run, run, api.StateFrozen))}},
		{name: "full with those on their way", reason: "has 4 guests of at most 4",
			nodes: []NodeStatus{node("b", withGuests(run), func(n *NodeStatus) { n.IncomingGuests = 3 })}},
		{name: "no limit of guests", target: "b",
			nodes: []NodeStatus{node("b", withGuests(run, run, run, run, run), func(n *NodeStatus) { n.MaxGuests = 0 })}},
		{name: "lost", reason: "lost", nodes: []NodeStatus{node("b", func(n *NodeStatus) { n.State = NodeLost })}},
		{name: "cordoned", target: "c", reason: "cordoned",
			nodes: []NodeStatus{node("b", func(n *NodeStatus) { n.State, n.Cordoned = NodeCordoned, true }), node("c", free(20*mib))}},
		{name: "protocol one apart", target: "b", nodes: []NodeStatus{node("b", func(n *NodeStatus) { n.Protocol = 2 })}},
		{name: "protocol two apart", reason: "speaks migration protocol 3, the source 1",
			nodes: []NodeStatus{node("b", func(n *NodeStatus) { n.Protocol = 3 })}},
		{name: "engine not there", need: Need{Engine: "compiler"}, reason: "does not run the compiler engine",
			nodes: []NodeStatus{node("b", func(n *NodeStatus) { n.Engines = []string{"interpreter"} })}},
		{name: "no node for the guest", reason: "runs only guests that make checkpoints by themselves", nodes: []NodeStatus{node("b", onWasmer)}},
		{name: "a node for the guest", need: Need{ByItself: true}, target: "b", reason: "does again", nodes: []NodeStatus{node("b", onWasmer)}},
		{name: "rather a precise one", need: Need{ByItself: true}, target: "c", nodes: []NodeStatus{node("b", onWasmer), node("c", withGuests(run, run, run))}},
		{name: "asked for by name", need: Need{To: "c"}, target: "c", reason: "another node was asked for",
			nodes: []NodeStatus{node("b"), node("c", free(20*mib))}},
		{name: "asked for by URL", need: Need{To: "http://c"}, target: "c", nodes: []NodeStatus{node("b"), node("c")}},
		{name: "asked for and unfit", need: Need{To: "b"}, reason: "lost",
			nodes: []NodeStatus{node("b", func(n *NodeStatus) { n.State = NodeLost }), node("c")}},
		{name: "tried before", need: Need{Refused: map[string]string{"b": "no such folder"}}, target: "c",
			reason: "tried: no such folder", nodes: []NodeStatus{node("b"), node("c")}},
		{name: "unknown totals", target: "b",
			nodes: []NodeStatus{node("b", func(n *NodeStatus) { n.CPUs, n.TotalMemory = 0, 0 })}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.need.Guest, tt.need.Source, tt.need.Memory, tt.need.Protocol = "g", "a", 10*mib, 1
			d := Place(tt.need, tt.nodes)
			if d.Target != tt.target {
				t.Errorf("target %q, want %q: %+v", d.Target, tt.target, d)
			}
			if len(d.Candidates) != len(tt.nodes) {
				t.Errorf("%d candidates of %d nodes", len(d.Candidates), len(tt.nodes))
			}
			for _, c := range d.Candidates {
				if len(c.Reasons) == 0 {
					t.Errorf("no reason for %s", c.Node)
				}
				if got := strings.Join(c.Reasons, "; "); c.Node == "b" && !strings.Contains(got, tt.reason) {
					t.Errorf("b: %q, want %q in it", got, tt.reason)
				}
			}
		})
	}
}

func TestPlaceGivesEveryReason(t *testing.T) {
	bad := node("b", func(n *NodeStatus) {
		n.Engine = api.EngineWasmer
		n.State, n.Cordoned, n.Protocol, n.Engines, n.FreeMemory, n.MaxGuests = NodeLost, true, 9, nil, 0, 1
	}, withGuests(api.StateRunning))
	d := Place(Need{Guest: "g", Source: "b", Memory: 1, Engine: "compiler", To: "z", Refused: map[string]string{"b": "no"}}, []NodeStatus{bad})
	if got := len(d.Candidates[0].Reasons); got != len(filters) {
		t.Errorf("%d reasons of %d: %q", got, len(filters), d.Candidates[0].Reasons)
	}
}

func TestPlaceDoesNotDependOnOrder(t *testing.T) {
	nodes := []NodeStatus{node("a"), node("b"), node("c", withGuests(api.StateRunning)), node("d", func(n *NodeStatus) { n.State = NodeLost })}
	need := Need{Guest: "g", Source: "a", Memory: mib, Protocol: 1}
	want := Place(need, nodes)
	for range 50 {
		rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		if got := Place(need, nodes); !reflect.DeepEqual(got, want) {
			t.Fatalf("order changes the decision:\n%+v\n%+v", got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536 * mib: "1.5 GiB", 1<<64 - 1: "16.0 EiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}
