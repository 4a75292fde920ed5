// A server of lines: each client sends numbers, one a line, and is told the sum of all
// that anybody has sent, and how many. The listening socket is descriptor 3.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENER = 3, CLIENTS = 64, LINE = 256 };

static struct client {
	char line[LINE];
	size_t used;
} clients[CLIENTS];

static struct pollfd fds[1 + CLIENTS] = {{.fd = LISTENER, .events = POLLIN}};
static long sum, count;

static void join(void) {
	struct sockaddr_storage from;
	socklen_t size = sizeof from;
	int fd = accept(LISTENER, (struct sockaddr *)&from, &size);
	if (fd < 0) {
		perror("accept");
		exit(1);
	}
	for (int i = 0; i < CLIENTS; i++)
		if (fds[i + 1].fd < 0) {
			fds[i + 1] = (struct pollfd){.fd = fd, .events = POLLIN};
			clients[i].used = 0;
			return;
		}
	close(fd); // no room
}

static int say(int fd, const char *text) {
	for (size_t n = strlen(text); n > 0;) {
		ssize_t done = send(fd, text, n, 0);
		if (done < 0)
			return -1;
		text += done;
		n -= done;
	}
	return 0;
}

static int answer(int fd, const char *line) {
	char text[64];
	if (strcmp(line, "quit") == 0)
		exit(0);
	sum += atol(line);
	snprintf(text, sizeof text, "%ld of %ld\n", sum, ++count);
	return say(fd, text);
}

// serve returns -1 when the client is gone.
static int serve(int fd, struct client *c) {
	ssize_t n = recv(fd, c->line + c->used, LINE - c->used, 0);
	if (n <= 0)
		return -1;
	c->used += n;
	for (char *end; (end = memchr(c->line, '\n', c->used)) != NULL;) {
		*end = '\0';
		if (answer(fd, c->line) < 0)
			return -1;
		c->used -= end + 1 - c->line;
		memmove(c->line, end + 1, c->used);
	}
	return c->used < LINE ? 0 : -1; // a line that is too long
}

int main(void) {
	for (int i = 0; i < CLIENTS; i++)
		fds[i + 1].fd = -1;
	for (;;) {
		struct pollfd ready[1 + CLIENTS];
		int slot[1 + CLIENTS], n = 0;
		for (int i = 0; i <= CLIENTS; i++)
			if (fds[i].fd >= 0) {
				ready[n] = fds[i];
				slot[n++] = i;
			}
		if (poll(ready, n, -1) < 0) {
			perror("poll");
			return 1;
		}
		for (int k = 0; k < n; k++) {
			int i = slot[k];
			if (ready[k].revents == 0)
				continue;
			if (i == 0)
				join();
			else if (serve(fds[i].fd, &clients[i - 1]) < 0) {
				close(fds[i].fd);
				fds[i].fd = -1;
			}
		}
	}
}
