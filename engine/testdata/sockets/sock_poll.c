#define CHECKS "poll_oneoff"
#include "check.h"

int main(void) {
	char b[8];
	int a = join();
	WANT(ready(LISTENER, POLLIN | POLLOUT, 5) == 0);
	WANT(ready(a, POLLIN, 5) == 0);
	WANT(ready(a, POLLIN | POLLOUT, -1) == POLLOUT);

	tell(a, "connect");
	WANT(ready(LISTENER, POLLIN | POLLOUT, -1) == POLLIN);
	int c = join();
	WANT(ready(LISTENER, POLLIN, 0) == 0);

	// Of two, the one that something comes to; again and again until it is read.
	tell(c, "say 12");
	struct pollfd p[3] = {{.fd = LISTENER, .events = POLLIN}, {.fd = a, .events = POLLIN}, {.fd = c, .events = POLLIN}};
	for (int i = 0; i < 2; i++) {
		WANT(poll(p, 3, -1) == 1);
		WANT(p[0].revents == 0 && p[1].revents == 0 && p[2].revents == POLLIN);
	}
	WANT(recv(c, b, 1, 0) == 1);
	WANT(ready(c, POLLIN, -1) == POLLIN);
	WANT(recv(c, b, 8, 0) == 1);
	WANT(ready(c, POLLIN, 0) == 0);

	// Before the end there is what was not read.
	tell(c, "say 3");
	tell(c, "end");
	WANT(ready(c, POLLIN, -1) == POLLIN);
	WANT(recv(c, b, 8, 0) == 1);
	WANT(ready(c, POLLIN, -1) == (POLLIN | POLLHUP));
	WANT(ready(c, POLLOUT, -1) == POLLOUT);
	WANT(recv(c, b, 8, 0) == 0);

	tell(a, "break");
	WANT(ready(a, POLLIN, -1) & POLLHUP);
	WANT(ready(99, POLLIN, -1) == POLLNVAL);
}
