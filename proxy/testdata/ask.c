// Sends each line of its input to 127.0.0.1:PORT over one connection, by the socket calls of
// WasmEdge, and prints the line that is the answer.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct address { const void *data; uint32_t size; };
#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
IMPORT("sock_open") int sock_open(int family, int type, int *fd);
IMPORT("sock_connect") int sock_connect(int fd, const struct address *to, int port);

static int fail(const char *what, int why) {
	printf("%s: %d\n", what, why);
	return 1;
}

int main(int argc, char **argv) {
	static const uint8_t ip[4] = {127, 0, 0, 1};
	static const struct address to = {ip, 4};
	static char line[1024];
	int fd;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (sock_open(1, 2, &fd))
		return fail("open", 0);
	int why = sock_connect(fd, &to, argc > 1 ? atoi(argv[1]) : 0);
	if (why)
		return fail("connect", why);
	while (fgets(line, sizeof line, stdin)) {
		if (send(fd, line, strlen(line), 0) < 0)
			return fail("send", errno);
		for (size_t n = 0;;) {
			ssize_t got = recv(fd, line + n, 1, 0);
			if (got <= 0)
				return fail("recv", got ? errno : 0);
			if (line[n++] == '\n') {
				line[n] = 0;
				break;
			}
		}
		fputs(line, stdout);
	}
	return 0;
}
