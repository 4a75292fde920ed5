// What the programs here share. They print a line for each check, and end with 1 at the first
// that fails. Their clients do what they are told, one command a line: say TEXT, echo N,
// connect, end, break.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

enum { LISTENER = 3 };

// MUST ends the program when something is not so.
#define MUST(cond) \
	do { \
		if (!(cond)) { \
			printf("%s: line %d, %s: got errno %d\n", CHECKS, __LINE__, #cond, errno); \
			exit(1); \
		} \
	} while (0)

// WANT is a check: MUST that says what holds. CHECKS is the call that it is of.
#define WANT(cond) \
	do { \
		MUST(cond); \
		printf("%s: %s\n", CHECKS, #cond); \
	} while (0)

// FAILS is a check that a call fails with an errno.
#define FAILS(call, want) \
	do { \
		errno = 0; \
		if ((call) >= 0 || errno != (want)) { \
			printf("%s: line %d, %s is %s: got errno %d\n", CHECKS, __LINE__, #call, #want, errno); \
			exit(1); \
		} \
		printf("%s: %s is %s\n", CHECKS, #call, #want); \
	} while (0)

static inline int join(void) {
	struct sockaddr_storage from;
	socklen_t size = sizeof from;
	return accept(LISTENER, (struct sockaddr *)&from, &size);
}

static inline void put(int fd, const char *text, size_t n) {
	while (n > 0) {
		ssize_t done = send(fd, text, n, 0);
		MUST(done > 0);
		text += done;
		n -= done;
	}
}

static inline void tell(int fd, const char *text) {
	put(fd, text, strlen(text));
	put(fd, "\n", 1);
}

// hear wants exactly this text, in however many pieces.
static inline void hear(int fd, const char *want) {
	char got[256];
	size_t n = 0;
	while (n < strlen(want)) {
		ssize_t more = recv(fd, got + n, strlen(want) - n, 0);
		MUST(more > 0);
		n += more;
	}
	MUST(memcmp(got, want, n) == 0);
}

static inline void block(int fd, int yes) {
	int flags = fcntl(fd, F_GETFL);
	MUST(flags >= 0);
	MUST(fcntl(fd, F_SETFL, yes ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0);
}

static inline int ready(int fd, int events, int timeout) {
	struct pollfd p = {.fd = fd, .events = events};
	MUST(poll(&p, 1, timeout) >= 0);
	return p.revents;
}
