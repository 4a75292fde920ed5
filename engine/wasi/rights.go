package wasi

// Rights say what a guest may do with a descriptor (type rights of preview 1).
type Rights uint64

// The rights, in the order of preview 1.
const (
	RightFdDatasync Rights = 1 << iota
	RightFdRead
	RightFdSeek
	RightFdFdstatSetFlags
	RightFdSync
	RightFdTell
	RightFdWrite
	RightFdAdvise
	RightFdAllocate
	RightPathCreateDirectory
	RightPathCreateFile
	RightPathLinkSource
	RightPathLinkTarget
	RightPathOpen
	RightFdReaddir
	RightPathReadlink
	RightPathRenameSource
	RightPathRenameTarget
	RightPathFilestatGet
	RightPathFilestatSetSize
	RightPathFilestatSetTimes
	RightFdFilestatGet
	RightFdFilestatSetSize
	RightFdFilestatSetTimes
	RightPathSymlink
	RightPathRemoveDirectory
	RightPathUnlinkFile
	RightPollFdReadwrite
	RightSockShutdown
	RightSockAccept

	allRights = RightSockAccept<<1 - 1
)

// What each kind of descriptor can have at most.
const (
	fileRights = RightFdDatasync | RightFdRead | RightFdSeek | RightFdFdstatSetFlags |
		RightFdSync | RightFdTell | RightFdWrite | RightFdAdvise | RightFdAllocate |
		RightFdFilestatGet | RightFdFilestatSetSize | RightFdFilestatSetTimes |
		RightPollFdReadwrite

	// RightPathFilestatSetSize is no directory's, and path_open does not ask for it:
	// Go and wasi-libc leave it out of directories through which they truncate.
	dirRights = RightFdFdstatSetFlags | RightFdSync | RightFdDatasync | RightFdAdvise |
		RightPathCreateDirectory | RightPathCreateFile | RightPathLinkSource |
		RightPathLinkTarget | RightPathOpen | RightFdReaddir | RightPathReadlink |
		RightPathRenameSource | RightPathRenameTarget | RightPathFilestatGet |
		RightPathFilestatSetTimes | RightFdFilestatGet | RightFdFilestatSetTimes |
		RightPathSymlink | RightPathRemoveDirectory | RightPathUnlinkFile |
		RightPollFdReadwrite

	streamRights = RightFdRead | RightFdWrite | RightFdFdstatSetFlags |
		RightFdFilestatGet | RightPollFdReadwrite

	listenRights = RightSockAccept | RightFdFdstatSetFlags | RightFdFilestatGet |
		RightPollFdReadwrite

	connRights = streamRights | RightSockShutdown

	// writeRights are those for which a file must be open for writing on the host.
	// RightFdFilestatSetSize is not one: Go's syscall package asks for it always.
	writeRights = RightFdWrite | RightFdAllocate
)
