#define CHECKS "sock_send"
#include "check.h"

enum { MUCH = 60000 };

int main(void) {
	int a = join();
	static char out[MUCH], in[MUCH];
	for (int i = 0; i < MUCH; i++)
		out[i] = i * 7 + i / 256;

	char line[32];
	snprintf(line, sizeof line, "echo %d", MUCH);
	tell(a, line);
	put(a, out, MUCH);
	size_t n = 0;
	while (n < MUCH) {
		ssize_t more = recv(a, in + n, MUCH - n, 0);
		MUST(more > 0);
		n += more;
	}
	WANT(memcmp(in, out, MUCH) == 0);

	__wasi_ciovec_t v[3] = {{(const uint8_t *)"echo 2\nx", 8}, {0, 0}, {(const uint8_t *)"y", 1}};
	WANT(__wasi_sock_send(a, v, 3, 0, &n) == 0 && n == 9);
	hear(a, "xy");
	WANT(write(a, "say z\n", 6) == 6);
	hear(a, "z");

	WANT(__wasi_sock_send(a, v, 1, 1, &n) == __WASI_ERRNO_INVAL);
	WANT(__wasi_sock_send(LISTENER, v, 1, 0, &n) == __WASI_ERRNO_NOTCONN);
	WANT(__wasi_sock_send(1, v, 1, 0, &n) == __WASI_ERRNO_NOTSOCK);
	WANT(__wasi_sock_send(99, v, 1, 0, &n) == __WASI_ERRNO_BADF);
	WANT(__wasi_sock_send(a, v, 1, 0, (size_t *)~3u) == __WASI_ERRNO_FAULT);

	tell(a, "connect");
	int c = join();
	tell(c, "break");
	WANT(ready(c, POLLIN, -1) & POLLHUP);
	FAILS(send(c, "x", 1, 0), ECONNRESET);
	WANT(shutdown(a, SHUT_WR) == 0);
	FAILS(send(a, "x", 1, 0), EPIPE);
	FAILS(write(a, "x", 1), EPIPE);
}
