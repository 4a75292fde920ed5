#define CHECKS "sock_accept"
#include "check.h"

int main(void) {
	int a = join();
	WANT(a > LISTENER);
	hear((tell(a, "say one"), a), "one");

	block(LISTENER, 0);
	FAILS(join(), EAGAIN);
	tell(a, "connect");
	WANT(ready(LISTENER, POLLIN, -1) == POLLIN);
	WANT(ready(LISTENER, POLLIN, -1) == POLLIN);
	__wasi_fd_t b;
	WANT(__wasi_sock_accept(LISTENER, __WASI_FDFLAGS_NONBLOCK, &b) == 0);
	WANT((int)b == a + 1 && (fcntl(b, F_GETFL) & O_NONBLOCK));
	WANT((fcntl(a, F_GETFL) & O_NONBLOCK) == 0);

	block(LISTENER, 1);
	tell(a, "connect");
	int c = join();
	WANT(c == a + 2);
	tell(c, "say three");
	hear(c, "three");

	__wasi_fd_t d;
	WANT(__wasi_sock_accept(LISTENER, __WASI_FDFLAGS_APPEND, &d) == __WASI_ERRNO_INVAL);
	WANT(__wasi_sock_accept(a, 0, &d) == __WASI_ERRNO_INVAL);
	WANT(__wasi_sock_accept(1, 0, &d) == __WASI_ERRNO_NOTSOCK);
	WANT(__wasi_sock_accept(99, 0, &d) == __WASI_ERRNO_BADF);
	WANT(__wasi_sock_accept(LISTENER, 0, (__wasi_fd_t *)~3u) == __WASI_ERRNO_FAULT);

	// The lowest free number is taken.
	WANT(close(a) == 0);
	tell(c, "connect");
	WANT(join() == a);
}
