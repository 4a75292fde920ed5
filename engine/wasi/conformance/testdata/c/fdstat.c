// What a descriptor is, its flags, and its rights, which only shrink.
#include "wasi.h"

int main(void) {
	struct fdstat st;
	u32 fd, n, sub;
	char buf[8];
	struct vec v = {buf, sizeof buf};

	is("fd_fdstat_get", "standard output", fd_fdstat_get(1, &st), OK);
	is("fd_fdstat_get", "is no file and no folder", st.type == REGULAR || st.type == DIR, 0);
	is("fd_fdstat_get", "can be written", st.base & WRITE, WRITE);
	is("fd_fdstat_get", "cannot seek", st.base & (SEEK | TELL), 0);
	is("fd_fdstat_get", "folder", fd_fdstat_get(ROOT, &st), OK);
	is("fd_fdstat_get", "is a folder", st.type, DIR);
	is("fd_fdstat_get", "hands on reading and writing", st.inheriting & (READ | WRITE), READ | WRITE);
	is("fd_fdstat_get", "not open", fd_fdstat_get(CLOSED, &st), EBADF);
	is("fd_fdstat_get", "beyond memory", fd_fdstat_get(ROOT, NOWHERE), EFAULT);

	fd = opened(ROOT, "file", CREAT, APPEND);
	fd_fdstat_get(fd, &st);
	is("fd_fdstat_get", "is a file", st.type, REGULAR);
	is("fd_fdstat_get", "flags it was opened with", st.flags, APPEND);
	is("fd_fdstat_set_flags", "non-blocking instead", fd_fdstat_set_flags(fd, NONBLOCK), OK);
	fd_fdstat_get(fd, &st);
	is("fd_fdstat_set_flags", "are the flags now", st.flags, NONBLOCK);
	is("fd_fdstat_set_flags", "none", fd_fdstat_set_flags(fd, 0), OK);
	is("fd_fdstat_set_flags", "synchronous cannot be turned on", fd_fdstat_set_flags(fd, SYNC), ENOTSUP);
	is("fd_fdstat_set_flags", "unknown", fd_fdstat_set_flags(fd, 64), EINVAL);
	is("fd_fdstat_set_flags", "not open", fd_fdstat_set_flags(CLOSED, 0), EBADF);
	fd_fdstat_get(fd, &st);
	is("fd_fdstat_set_flags", "a refused call changes nothing", st.flags, 0);

	is("fd_fdstat_set_rights", "more than it has", fd_fdstat_set_rights(fd, ALL, 0), ENOTCAPABLE);
	is("fd_fdstat_set_rights", "fewer", fd_fdstat_set_rights(fd, READ | TELL | RIGHT(3), 0), OK);
	fd_fdstat_get(fd, &st);
	is("fd_fdstat_set_rights", "are the rights now", st.base, READ | TELL | RIGHT(3));
	is("fd_fdstat_set_rights", "none to hand on", st.inheriting, 0);
	is("fd_fdstat_set_rights", "writing is gone", fd_write(fd, &v, 1, &n), EBADF);
	is("fd_fdstat_set_rights", "reading is left", fd_read(fd, &v, 1, &n), OK);
	is("fd_fdstat_set_rights", "syncing is gone", fd_sync(fd), ENOTCAPABLE);
	is("fd_fdstat_set_rights", "back", fd_fdstat_set_rights(fd, READ | WRITE, 0), ENOTCAPABLE);
	is("fd_fdstat_set_rights", "not open", fd_fdstat_set_rights(CLOSED, 0, 0), EBADF);

	path_create_directory(ROOT, PATH("sub"));
	sub = opened(ROOT, "sub", DIRECTORY, 0);
	is("fd_fdstat_set_rights", "folder that hands on reading", fd_fdstat_set_rights(sub, RIGHT(10) | RIGHT(13), READ), OK);
	is("path_open", "rights are those handed on", path_open(sub, 0, PATH("new"), CREAT, ALL, ALL, 0, &fd), OK);
	fd_fdstat_get(fd, &st);
	is("path_open", "and no others", st.base, READ);
	is("fd_fdstat_set_rights", "no right to make folders", path_create_directory(sub, PATH("dir")), ENOTCAPABLE);
	is("fd_fdstat_set_rights", "no right to list", fd_readdir(sub, buf, sizeof buf, 0, &n), EBADF);
	is("fd_fdstat_set_rights", "of a stream", fd_fdstat_set_rights(0, 0, 0), OK);
	is("fd_fdstat_set_rights", "its input is gone", fd_read(0, &v, 1, &n), EBADF);
	return 0;
}
