#define CHECKS "fd_fdstat_get"
#include "check.h"

static void is_socket(int fd, __wasi_rights_t has, __wasi_rights_t inherits) {
	__wasi_fdstat_t s;
	WANT(__wasi_fd_fdstat_get(fd, &s) == 0);
	WANT(s.fs_filetype == __WASI_FILETYPE_SOCKET_STREAM && s.fs_flags == 0);
	WANT((s.fs_rights_base & has) == has && (s.fs_rights_inheriting & inherits) == inherits);
	struct stat st;
	WANT(fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_size == 0);
	FAILS(lseek(fd, 0, SEEK_CUR), ESPIPE);
	FAILS(fsync(fd), EINVAL);
	__wasi_size_t n;
	char b;
	__wasi_iovec_t v = {(uint8_t *)&b, 1};
	WANT(__wasi_fd_pread(fd, &v, 1, 0, &n) == __WASI_ERRNO_SPIPE);
	WANT(__wasi_fd_readdir(fd, (uint8_t *)&b, 1, 0, &n) == __WASI_ERRNO_NOTDIR);
}

int main(void) {
	const __wasi_rights_t both = __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_POLL_FD_READWRITE | __WASI_RIGHTS_SOCK_SHUTDOWN;
	is_socket(LISTENER, __WASI_RIGHTS_SOCK_ACCEPT | __WASI_RIGHTS_POLL_FD_READWRITE, both);
	WANT(strcmp(getenv("LISTEN_FDS"), "1") == 0 && strcmp(getenv("LISTEN_FDNAMES"), "net") == 0);
	__wasi_prestat_t pre;
	WANT(__wasi_fd_prestat_get(LISTENER, &pre) == 0 && pre.tag != __WASI_PREOPENTYPE_DIR);
	FILE *f = fopen("/seen", "w"); // the folder behind the listener was found
	WANT(f != NULL && fclose(f) == 0);

	int a = join();
	is_socket(a, both, 0);
	WANT(__wasi_fd_prestat_get(a, &pre) == __WASI_ERRNO_BADF);
	int type = 0;
	socklen_t size = sizeof type;
	WANT(getsockopt(a, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM);

	// A descriptor that moves is the same connection, and what was there is closed.
	tell(a, "connect");
	int c = join();
	WANT(__wasi_fd_renumber(c, a) == 0);
	FAILS(fcntl(c, F_GETFL), EBADF);
	tell(a, "say moved");
	hear(a, "moved");

	// Rights that are gone do not come back.
	__wasi_fdstat_t s;
	WANT(__wasi_fd_fdstat_get(a, &s) == 0);
	WANT(__wasi_fd_fdstat_set_rights(a, s.fs_rights_base & ~__WASI_RIGHTS_FD_WRITE, 0) == 0);
	FAILS(write(a, "x", 1), EBADF);
	WANT(__wasi_fd_fdstat_set_rights(a, s.fs_rights_base, 0) == __WASI_ERRNO_NOTCAPABLE);

	// A listener that is closed is gone, and its connections stay.
	WANT(close(LISTENER) == 0);
	FAILS(join(), EBADF);
}
