#define CHECKS "sock_shutdown"
#include "check.h"

int main(void) {
	char b[8];
	int a = join();
	WANT(__wasi_sock_shutdown(a, 0) == __WASI_ERRNO_INVAL);
	WANT(__wasi_sock_shutdown(a, 4) == __WASI_ERRNO_INVAL);
	FAILS(shutdown(LISTENER, SHUT_RD), ENOTCONN);
	FAILS(shutdown(1, SHUT_RD), ENOTSOCK);
	FAILS(shutdown(99, SHUT_RD), EBADF);

	tell(a, "connect");
	int c = join();
	tell(a, "connect");
	int d = join();

	// The client says bye when it has seen the end.
	WANT(shutdown(a, SHUT_WR) == 0);
	hear(a, "bye");
	WANT(recv(a, b, 1, 0) == 0);

	WANT(shutdown(c, SHUT_RD) == 0);
	WANT(recv(c, b, 1, 0) == 0);
	tell(c, "say nothing");
	WANT(recv(c, b, 1, 0) == 0);

	WANT(shutdown(d, SHUT_RDWR) == 0);
	WANT(recv(d, b, 1, 0) == 0);
	FAILS(send(d, "x", 1, 0), EPIPE);
	WANT(close(d) == 0);
	FAILS(shutdown(d, SHUT_RD), EBADF);
}
