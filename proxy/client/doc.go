// Package client is a client's end of sojourn.v1: a session with a guest that outlives
// the socket, the node that was asked, the client's address, and the guest's moves.
//
//	s, err := client.Dial(ctx, client.Options{
//		URLs:  []string{"https://node-a:7070", "https://node-b:7070"},
//		Guest: "0f3a...", Listener: "chat", Token: token,
//	})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	err = s.Send(ctx, client.Message{Kind: client.Text, Data: []byte("hello")})
//	msg, err := s.Receive(ctx)
//
// A listener of bytes is a network connection:
//
//	conn, err := client.DialConn(ctx, client.Options{URLs: urls, Guest: id, Listener: "db"})
//
// Messages arrive once and in order, in both directions, with their kind and borders
// (in raw mode bytes: there borders mean nothing). When the link breaks, or the guest
// moves, the session looks for the guest at the nodes that it was told of and those it
// knew, and goes on where both ends meet; Events tells of that, and nobody has to act
// on it. Send waits when a window of 1 MiB is not acknowledged, and what Receive has
// not been asked for is not acknowledged: so both sides are held up, and nothing is
// thrown away.
//
// What is not promised: a guest that comes back from a checkpoint after a crash may
// repeat itself, which the session reports as [Rewound]; and a session that cannot go
// on without loss is reset, with a [*ResetError], and not guessed at.
package client
