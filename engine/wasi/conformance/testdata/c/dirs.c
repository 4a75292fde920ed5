// Folders: making, listing and removing them.
#include "wasi.h"

static u8 buf[512];
static char names[256];
static u32 namesLen;
static u64 cookie; // of the last entry that was read whole

// entries appends the names of whole entries in buf[:n], and returns how many.
static u32 entries(u32 n) {
	u32 got = 0, at = 0;
	while (at + 24 <= n) {
		u64 next = 0;
		u32 size = 0, i;
		for (i = 0; i < 8; i++) next |= (u64)buf[at + i] << 8 * i;
		for (i = 0; i < 4; i++) size |= (u32)buf[at + 16 + i] << 8 * i;
		if (at + 24 + size > n) break;
		for (i = 0; i < size; i++) names[namesLen++] = buf[at + 24 + i];
		names[namesLen++] = ' ';
		cookie = next, at += 24 + size, got++;
	}
	return got;
}

INLINE void listed(const char *what, const char *want) {
	is("fd_readdir", what, namesLen == len(want) && same(names, want, namesLen), 1);
	namesLen = 0;
}

int main(void) {
	u32 n, fd, sub, e;
	struct filestat st;
	is("path_create_directory", "succeeds", path_create_directory(ROOT, PATH("d")), OK);
	is("path_create_directory", "again", path_create_directory(ROOT, PATH("d")), EEXIST);
	is("path_create_directory", "inside", path_create_directory(ROOT, PATH("d/sub")), OK);
	is("path_create_directory", "slash behind", path_create_directory(ROOT, PATH("d/slash/")), OK);
	is("path_create_directory", "below nothing", path_create_directory(ROOT, PATH("none/x")), ENOENT);
	make(ROOT, "d/one", "1");
	make(ROOT, "d/two", "22");
	is("path_create_directory", "below a file", path_create_directory(ROOT, PATH("d/one/x")), ENOTDIR);
	is("path_create_directory", "where a file is", path_create_directory(ROOT, PATH("d/one")), EEXIST);
	is("path_create_directory", "out of the folder", path_create_directory(ROOT, PATH("../x")), ENOTCAPABLE);
	is("path_create_directory", "absolute", path_create_directory(ROOT, PATH("/x")), ENOTCAPABLE);
	is("path_create_directory", "no name", path_create_directory(ROOT, PATH("")), ENOENT);
	is("path_create_directory", "NUL in a name", path_create_directory(ROOT, PATH("a\0b")), EINVAL);
	is("path_create_directory", "beyond memory", path_create_directory(ROOT, NOWHERE, 16), EFAULT);
	is("path_create_directory", "not open", path_create_directory(CLOSED, PATH("x")), EBADF);
	is("path_create_directory", "in a stream", path_create_directory(1, PATH("x")), ENOTDIR);

	fd = opened(ROOT, "d", DIRECTORY, 0);
	is("fd_readdir", "whole folder", fd_readdir(fd, buf, sizeof buf, 0, &n), OK);
	is("fd_readdir", "entries", entries(n), 6);
	is("fd_readdir", "room is left at the end", n < sizeof buf, 1);
	listed("names in order", ". .. one slash sub two ");
	is("fd_readdir", "types", buf[20] == DIR && buf[24 + 1 + 24 + 2 + 20] == REGULAR, 1);
	is("fd_filestat_get", "the folder", fd_filestat_get(fd, &st), OK);
	u64 ino = 0;
	for (u32 i = 0; i < 8; i++) ino |= (u64)buf[8 + i] << 8 * i;
	is("fd_readdir", "inode of .", ino, st.ino);
	is("fd_readdir", "behind the end", fd_readdir(fd, buf, sizeof buf, cookie, &n), OK);
	is("fd_readdir", "nothing", n, 0);

	cookie = 0;
	do { // each entry by itself, and the next one cut off
		e = fd_readdir(fd, buf, 30, cookie, &n);
		is("fd_readdir", "small buffer", e, OK);
	} while (n >= 24 && entries(n) && n == 30);
	listed("names one by one", ". .. one slash sub two ");

	fd_readdir(fd, buf, 80, 0, &n);
	is("fd_readdir", "a full buffer says that there is more", n, 80);
	entries(n);
	is("path_unlink_file", "one that was listed", path_unlink_file(ROOT, PATH("d/one")), OK);
	make(ROOT, "d/zz", "new");
	fd_readdir(fd, buf, sizeof buf, cookie, &n);
	entries(n);
	listed("goes on where it was", ". .. one slash sub two ");
	fd_readdir(fd, buf, sizeof buf, 0, &n);
	entries(n);
	listed("from the start anew", ". .. slash sub two zz ");
	is("fd_readdir", "no room", fd_readdir(fd, buf, 0, 0, &n), OK);
	is("fd_readdir", "nothing", n, 0);
	is("fd_readdir", "not open", fd_readdir(CLOSED, buf, sizeof buf, 0, &n), EBADF);
	is("fd_readdir", "stream", fd_readdir(0, buf, sizeof buf, 0, &n), ENOTDIR);
	is("fd_readdir", "beyond memory", fd_readdir(fd, NOWHERE, 16, 0, &n), EFAULT);
	is("fd_readdir", "size beyond memory", fd_readdir(fd, buf, 16, 0, (void *)-2), EFAULT);

	is("path_remove_directory", "not empty", path_remove_directory(ROOT, PATH("d")), ENOTEMPTY);
	is("path_remove_directory", "a file", path_remove_directory(ROOT, PATH("d/two")), ENOTDIR);
	is("path_remove_directory", "nothing", path_remove_directory(ROOT, PATH("none")), ENOENT);
	is("path_remove_directory", "slash behind", path_remove_directory(ROOT, PATH("d/slash/")), OK);
	is("path_remove_directory", "not open", path_remove_directory(CLOSED, PATH("x")), EBADF);
	is("path_remove_directory", "out of the folder", path_remove_directory(fd, PATH("../data")), ENOTCAPABLE);
	sub = opened(ROOT, "d/sub", DIRECTORY, 0);
	is("path_remove_directory", "empty", path_remove_directory(fd, PATH("sub")), OK);
	is("path_filestat_get", "is gone", path_filestat_get(fd, 0, PATH("sub"), &st), ENOENT);
	is("fd_close", "folder that was removed", fd_close(sub), OK);
	is("path_unlink_file", "succeeds", path_unlink_file(fd, PATH("two")), OK);
	is("path_unlink_file", "nothing", path_unlink_file(fd, PATH("two")), ENOENT);
	is("path_unlink_file", "a folder", path_unlink_file(ROOT, PATH("d")), EISDIR);
	is("path_unlink_file", "slash behind", path_unlink_file(fd, PATH("zz/")), ENOTDIR);
	is("path_unlink_file", "not open", path_unlink_file(CLOSED, PATH("zz")), EBADF);
	is("path_unlink_file", "out of the folder", path_unlink_file(fd, PATH("../x")), ENOTCAPABLE);
	is("path_unlink_file", "beyond memory", path_unlink_file(fd, NOWHERE, 16), EFAULT);
	return 0;
}
