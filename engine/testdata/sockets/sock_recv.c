#define CHECKS "sock_recv"
#include "check.h"

static __wasi_errno_t receive(int fd, void *p, size_t n, int flags, size_t *got, __wasi_roflags_t *ro) {
	__wasi_iovec_t v[2] = {{p, n / 2}, {(uint8_t *)p + n / 2, n - n / 2}};
	*ro = 77;
	return __wasi_sock_recv(fd, v, 2, flags, got, ro);
}

int main(void) {
	int a = join();
	char b[64] = "";
	size_t n;
	__wasi_roflags_t ro;
	enum { PEEK = __WASI_RIFLAGS_RECV_PEEK, ALL = __WASI_RIFLAGS_RECV_WAITALL };

	block(a, 0);
	FAILS(recv(a, b, 1, 0), EAGAIN);
	FAILS(read(a, b, 1), EAGAIN);
	FAILS(recv(a, b, 1, MSG_PEEK), EAGAIN);
	block(a, 1);

	tell(a, "say 0123456789");
	WANT(receive(a, b, 10, PEEK | ALL, &n, &ro) == 0 && n == 10 && ro == 0);
	WANT(memcmp(b, "0123456789", 10) == 0);
	memset(b, 0, sizeof b);
	WANT(receive(a, b, 4, PEEK, &n, &ro) == 0 && n == 4 && ro == 0 && memcmp(b, "0123", 4) == 0);
	WANT(receive(a, b, 3, 0, &n, &ro) == 0 && n == 3 && ro == 0 && memcmp(b, "012", 3) == 0);
	WANT(read(a, b, 2) == 2 && memcmp(b, "34", 2) == 0);

	// All of it, though it comes in two pieces.
	tell(a, "say abc");
	tell(a, "say defgh");
	WANT(receive(a, b, 13, ALL, &n, &ro) == 0 && n == 13 && ro == 0);
	WANT(memcmp(b, "56789abcdefgh", 13) == 0);

	WANT(receive(a, b, 1, 4, &n, &ro) == __WASI_ERRNO_INVAL);
	WANT(receive(LISTENER, b, 1, 0, &n, &ro) == __WASI_ERRNO_NOTCONN);
	WANT(receive(1, b, 1, 0, &n, &ro) == __WASI_ERRNO_NOTSOCK);
	WANT(receive(99, b, 1, 0, &n, &ro) == __WASI_ERRNO_BADF);
	WANT(receive(a, (void *)~3u, 64, 0, &n, &ro) == __WASI_ERRNO_FAULT);

	// The end: what came before it, and then nothing, for good.
	tell(a, "say last");
	tell(a, "end");
	WANT(receive(a, b, 64, ALL, &n, &ro) == 0 && n == 4 && memcmp(b, "last", 4) == 0);
	WANT(recv(a, b, 64, 0) == 0);
	WANT(recv(a, b, 64, MSG_PEEK) == 0);
	WANT(read(a, b, 64) == 0);

	tell(a, "connect");
	int c = join();
	tell(c, "break");
	FAILS(recv(c, b, 1, 0), ECONNRESET);
	FAILS(read(c, b, 1), ECONNRESET);
}
