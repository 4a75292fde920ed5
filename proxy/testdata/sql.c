// A client of PostgreSQL's protocol at 127.0.0.1:PORT, as user USER. Each line of its input is
// a query; it prints the first column of each row, or the error, and then the state of the
// connection: I outside a transaction, T within one, E within one that failed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

struct address { const void *data; uint32_t size; };
#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
IMPORT("sock_open") int sock_open(int family, int type, int *fd);
IMPORT("sock_connect") int sock_connect(int fd, const struct address *to, int port);

static int fd;

static void put(const void *b, size_t n) {
	for (const char *p = b; n > 0;) {
		ssize_t k = send(fd, p, n, 0);
		if (k < 0) {
			perror("send");
			exit(1);
		}
		p += k;
		n -= k;
	}
}

static void get(void *b, size_t n) {
	for (char *p = b; n > 0;) {
		ssize_t k = recv(fd, p, n, 0);
		if (k <= 0) {
			perror("recv");
			exit(1);
		}
		p += k;
		n -= k;
	}
}

static void put32(uint32_t v) {
	v = htonl(v);
	put(&v, 4);
}

// Messages up to ReadyForQuery, which ends an answer.
static void answer(void) {
	static char b[1 << 16];
	for (;;) {
		char kind;
		uint32_t n, width;
		get(&kind, 1);
		get(&n, 4);
		n = ntohl(n) - 4;
		if (n >= sizeof b)
			exit(2);
		get(b, n);
		b[n] = 0;
		switch (kind) {
		case 'D': // of a row: u16 columns, then the first with its length
			memcpy(&width, b + 2, 4);
			printf("%.*s\n", (int)ntohl(width), b + 6);
			break;
		case 'E':
			printf("error\n");
			break;
		case 'Z':
			printf("state %c\n", b[0]);
			return;
		}
	}
}

int main(int argc, char **argv) {
	static const uint8_t ip[4] = {127, 0, 0, 1};
	static const struct address to = {ip, 4};
	static char line[4096];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3 || sock_open(1, 2, &fd) || sock_connect(fd, &to, atoi(argv[1])))
		return 1;
	uint32_t user = strlen(argv[2]) + 1;
	put32(4 + 4 + 5 + user + 9 + 9 + 1);
	put32(196608);
	put("user", 5);
	put(argv[2], user);
	put("database\0postgres\0", 19); // and the end of the list
	answer();
	while (fgets(line, sizeof line, stdin)) {
		uint32_t n = strcspn(line, "\n");
		line[n] = 0;
		put("Q", 1);
		put32(4 + n + 1);
		put(line, n + 1);
		answer();
	}
	return 0;
}
