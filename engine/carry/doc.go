// Package carry moves folders by digest: what the other side has is not sent, and of a
// file that changed only the changed pieces are.
//
// A [Tree] says what a folder holds: names, modes, times, symbolic links, and of each
// file the digests of its chunks of [ChunkSize] bytes. The side that has the folder
// looks at it with a [Folder], the side that is to have it builds it as a [Site]:
//
//	Folder                                   Site
//	  Scan           -- tree -->               Expect: which chunks are neither in the
//	                                           Site nor in the Store
//	  Batch          <-- Want --
//	                 -- chunks -->             Take: each verified by its digest
//	                                           Lay: names, modes and times as in the tree
//
// This is done again and again while a guest writes to the folder, and once more when it
// stands: a chunk that changed between Scan and Batch is left out and comes the next
// time. A file is known by a number of the sender's, not by its name, so a renamed file
// is not sent again.
//
// A [Store] keeps folders that are not in use any more, and folders that never change,
// as places where chunks may be found; it is bounded, and the oldest go first.
//
// The package refuses whatever is no regular file, directory or symbolic link that stays
// inside, trees with paths that lead out or that are not below a directory of the tree,
// chunks that nobody wants, and everything beyond the limits in limits.go. Nothing that
// a tree says makes it write outside the Site's folder, which is open as an [os.Root].
package carry
