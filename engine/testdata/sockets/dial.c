// Outward connections, by the socket calls of WasmEdge in their first form.
#define CHECKS "sock_connect"
#include "check.h"

struct address { const void *data; uint32_t size; };
struct sockaddr_data { uint8_t family; uint32_t size; uint8_t *data; };
struct addrinfo_data {
	uint16_t flags; uint8_t family, type, protocol;
	uint32_t addrlen; struct sockaddr_data *addr; char *name; uint32_t namelen; struct addrinfo_data *next;
};

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(name)))
IMPORT("sock_open") int sock_open(int family, int type, int *fd);
IMPORT("sock_connect") int sock_connect(int fd, const struct address *to, int port);
IMPORT("sock_bind") int sock_bind(int fd, const struct address *at, int port);
IMPORT("sock_listen") int sock_listen(int fd, int backlog);
IMPORT("sock_accept") int sock_accept_v1(int fd, int *out);
IMPORT("sock_getpeeraddr") int sock_getpeeraddr(int fd, struct address *at, int *type, int *port);
IMPORT("sock_getpeeraddr") int sock_getpeeraddr_v2(int fd, struct address *at, int *port);
IMPORT("sock_getlocaladdr") int sock_getlocaladdr(int fd, struct address *at, int *type, int *port);
IMPORT("sock_getsockopt") int sock_getsockopt(int fd, int level, int name, int *value, uint32_t *size);
IMPORT("sock_setsockopt") int sock_setsockopt(int fd, int level, int name, const int *value, uint32_t size);
IMPORT("sock_getaddrinfo") int sock_getaddrinfo(const char *host, uint32_t n, const char *service, uint32_t m,
	const struct addrinfo_data *hints, struct addrinfo_data **list, uint32_t max, uint32_t *count);

static const uint8_t ip[4] = {10, 0, 0, 7};
static const struct address to = {ip, 4};

static int option(int fd, int name) {
	int value = -1;
	uint32_t size = sizeof value;
	WANT(sock_getsockopt(fd, 0, name, &value, &size) == 0 && size == 4);
	return value;
}

int main(void) {
	enum { INET4 = 1, STREAM = 2, REFUSING = 1, FORBIDDEN = 2, TYPE = 1, ERROR = 2 };
	int fd, type, port, one = 1;
	WANT(sock_open(INET4, 1, &fd) == __WASI_ERRNO_PROTONOSUPPORT);
	WANT(sock_open(INET4, STREAM, &fd) == 0 && fd == 3);
	WANT(option(fd, TYPE) == STREAM && option(fd, ERROR) == 0);
	WANT(sock_setsockopt(fd, 0, 0, &one, 4) == 0);
	WANT(sock_bind(fd, &to, 80) == __WASI_ERRNO_NOTSUP && sock_listen(fd, 1) == __WASI_ERRNO_NOTSUP);
	int out;
	WANT(sock_accept_v1(fd, &out) == __WASI_ERRNO_INVAL && sock_accept_v1(1, &out) == __WASI_ERRNO_NOTSOCK);

	WANT(sock_connect(fd, &to, 5432) == 0);
	WANT(sock_connect(fd, &to, 5432) == __WASI_ERRNO_ISCONN);
	tell(fd, "say hello");
	hear(fd, "hello");
	uint8_t data[128];
	struct address at = {data, 16};
	WANT(sock_getpeeraddr(fd, &at, &type, &port) == 0 && type == 4 && port == 5432 && memcmp(data, ip, 4) == 0);
	WANT(sock_getlocaladdr(fd, &at, &type, &port) == 0 && type == 4);
	at.size = 128;
	WANT(sock_getpeeraddr_v2(fd, &at, &port) == 0 && port == 5432 && data[0] == INET4 && memcmp(data + 2, ip, 4) == 0);

	int other;
	WANT(sock_open(INET4, STREAM, &other) == 0 && sock_connect(other, &to, FORBIDDEN) == __WASI_ERRNO_ACCES);
	block(other, 0);
	int errno_ = sock_connect(other, &to, REFUSING);
	WANT(errno_ == __WASI_ERRNO_INPROGRESS || errno_ == __WASI_ERRNO_CONNREFUSED);
	WANT(ready(other, POLLOUT, -1) == POLLOUT);
	WANT(option(other, ERROR) == __WASI_ERRNO_CONNREFUSED);
	WANT(close(other) == 0);

	uint8_t sa[26];
	struct sockaddr_data addr = {.size = sizeof sa, .data = sa};
	struct addrinfo_data info = {.addr = &addr}, hints = {.family = INET4, .type = STREAM}, *list = &info;
	uint32_t n;
	WANT(sock_getaddrinfo("10.0.0.7", 9, "http", 5, &hints, &list, 1, &n) == 0 && n == 1);
	WANT(addr.family == INET4 && sa[0] == 0 && sa[1] == 80 && memcmp(sa + 2, ip, 4) == 0);
	tell(fd, "end");
	char b;
	WANT(recv(fd, &b, 1, 0) == 0);
}
