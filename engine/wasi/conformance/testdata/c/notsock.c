// What the socket calls say to descriptors that are no sockets.
#include "wasi.h"

int main(void) {
	u32 file = opened(ROOT, "file", CREAT, 0), n, fd;
	u16 flags;
	char buf[4];
	struct vec v = {buf, sizeof buf};
	is("sock_accept", "not open", sock_accept(CLOSED, 0, &fd), EBADF);
	is("sock_accept", "a file", sock_accept(file, 0, &fd), ENOTSOCK);
	is("sock_accept", "a folder", sock_accept(ROOT, 0, &fd), ENOTSOCK);
	is("sock_recv", "not open", sock_recv(CLOSED, &v, 1, 0, &n, &flags), EBADF);
	is("sock_recv", "a file", sock_recv(file, &v, 1, 0, &n, &flags), ENOTSOCK);
	is("sock_recv", "a folder", sock_recv(ROOT, &v, 1, 0, &n, &flags), ENOTSOCK);
	is("sock_send", "not open", sock_send(CLOSED, &v, 1, 0, &n), EBADF);
	is("sock_send", "a file", sock_send(file, &v, 1, 0, &n), ENOTSOCK);
	is("sock_send", "a folder", sock_send(ROOT, &v, 1, 0, &n), ENOTSOCK);
	is("sock_shutdown", "not open", sock_shutdown(CLOSED, 3), EBADF);
	is("sock_shutdown", "a file", sock_shutdown(file, 3), ENOTSOCK);
	is("sock_shutdown", "a folder", sock_shutdown(ROOT, 3), ENOTSOCK);
	return 0;
}
