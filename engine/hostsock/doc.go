// Package hostsock gives guests the sockets of the host: a [Listener] on a TCP port, and a
// [Dialer] that reaches what its [Allow] allows.
//
//	l, err := hostsock.Listen("web=tcp:8080")
//	...
//	allow, err := hostsock.ParseAllow([]string{"db.example:5432"})
//	spec.Listeners, spec.Dialer = []wasi.Listener{l}, hostsock.NewDialer(allow)
//
// Nothing of a socket can be written down: a guest that is loaded again has its listener
// open again, and finds its old connections reset. Nodes, which keep connections through
// moves, use package proxy/session in its place.
//
// It refuses listeners that only a node has (ws:), and networks other than TCP.
package hostsock
