// Each way to open a path, and what must not be opened.
#include "wasi.h"

#define OPEN(dir, follow, path, oflags, base, flags) path_open(dir, follow, PATH(path), oflags, base, 0, flags, &fd)

int main(void) {
	u32 fd = CLOSED, n, ro;
	char b[16];
	struct vec v = {b, sizeof b};
	struct filestat st;
	make(ROOT, "file", "text");
	path_create_directory(ROOT, PATH("dir"));
	path_symlink(PATH("file"), ROOT, PATH("link"));
	path_symlink(PATH("loop"), ROOT, PATH("loop"));
	path_symlink(PATH("none"), ROOT, PATH("dangling"));
	path_symlink(PATH("../.."), ROOT, PATH("dir/out"));
	path_symlink(PATH("../file"), ROOT, PATH("dir/in"));

	is("path_open", "to read", OPEN(ROOT, 0, "file", 0, READ, 0), OK);
	is("path_open", "cannot be written", fd_write(fd, &v, 1, &n), EBADF);
	is("path_open", "to write", OPEN(ROOT, 0, "file", 0, WRITE, 0), OK);
	is("path_open", "cannot be read", fd_read(fd, &v, 1, &n), EBADF);
	is("path_open", "nothing there", OPEN(ROOT, 0, "none", 0, READ, 0), ENOENT);
	is("path_open", "below a file", OPEN(ROOT, 0, "file/x", 0, READ, 0), ENOTDIR);
	is("path_open", "below nothing", OPEN(ROOT, 0, "none/x", CREAT, READ, 0), ENOENT);
	is("path_open", "create", OPEN(ROOT, 0, "new", CREAT | EXCL, READ | WRITE, 0), OK);
	is("path_open", "create again", OPEN(ROOT, 0, "new", CREAT | EXCL, READ | WRITE, 0), EEXIST);
	is("path_open", "create what is there", OPEN(ROOT, 0, "file", CREAT, READ, 0), OK);
	holds("path_open", "its content stays", ROOT, "file", "text");
	is("path_open", "truncate", OPEN(ROOT, 0, "file", TRUNC, READ | WRITE, 0), OK);
	holds("path_open", "is empty", ROOT, "file", "");

	is("path_open", "folder", OPEN(ROOT, 0, "dir", DIRECTORY, READ, 0), OK);
	is("path_open", "folder without the flag", OPEN(ROOT, 0, "dir", 0, READ, 0), OK);
	is("path_open", "folder, slash behind", OPEN(ROOT, 0, "dir/", DIRECTORY, READ, 0), OK);
	is("path_open", "folder to write", OPEN(ROOT, 0, "dir", 0, READ | WRITE, 0), EISDIR);
	is("path_open", "create a folder", OPEN(ROOT, 0, "d2", CREAT | DIRECTORY, READ, 0), EINVAL);
	is("path_open", "file as a folder", OPEN(ROOT, 0, "file", DIRECTORY, READ, 0), ENOTDIR);
	is("path_open", "file, slash behind", OPEN(ROOT, 0, "file/", 0, READ, 0), ENOTDIR);
	is("path_open", "the folder itself", OPEN(ROOT, 0, ".", DIRECTORY, READ, 0), OK);
	is("path_open", "dots inside", OPEN(ROOT, 0, "dir/.././dir/../file", 0, READ, 0), OK);
	is("path_open", "doubled slashes", OPEN(ROOT, 0, "dir//..//file", 0, READ, 0), OK);

	is("path_open", "link, followed", OPEN(ROOT, 1, "link", 0, READ, 0), OK);
	is("path_open", "link, not followed", OPEN(ROOT, 0, "link", 0, READ, 0), ELOOP);
	is("path_open", "link to itself", OPEN(ROOT, 1, "loop", 0, READ, 0), ELOOP);
	is("path_open", "link to nothing", OPEN(ROOT, 1, "dangling", 0, READ, 0), ENOENT);
	is("path_open", "link on the way", OPEN(ROOT, 1, "dir/in", 0, READ, 0), OK);
	is("path_open", "create where a link is", OPEN(ROOT, 0, "link", CREAT | EXCL, READ, 0), EEXIST);
	is("path_open", "link out of the folder", OPEN(ROOT, 1, "dir/out", 0, READ, 0), ENOTCAPABLE);
	is("path_open", "through a link out of the folder", OPEN(ROOT, 1, "dir/out/x", 0, READ, 0), ENOTCAPABLE);
	is("path_open", "out of the folder", OPEN(ROOT, 1, "..", DIRECTORY, READ, 0), ENOTCAPABLE);
	is("path_open", "out and in", OPEN(ROOT, 1, "../file", 0, READ, 0), ENOTCAPABLE);
	is("path_open", "absolute", OPEN(ROOT, 1, "/file", 0, READ, 0), ENOTCAPABLE);
	is("path_open", "no name", OPEN(ROOT, 1, "", 0, READ, 0), ENOENT);
	is("path_open", "NUL in a name", OPEN(ROOT, 1, "fi\0le", 0, READ, 0), EINVAL);
	is("path_open", "not open", OPEN(CLOSED, 1, "file", 0, READ, 0), EBADF);
	is("path_open", "in a file", OPEN(fd, 1, "file", 0, READ, 0), ENOTDIR);
	is("path_open", "unknown oflag", OPEN(ROOT, 1, "file", 64, READ, 0), EINVAL);
	is("path_open", "unknown flag", OPEN(ROOT, 1, "file", 0, READ, 64), EINVAL);
	is("path_open", "beyond memory", path_open(ROOT, 0, NOWHERE, 16, 0, READ, 0, 0, &fd), EFAULT);
	is("path_open", "result beyond memory", path_open(ROOT, 0, PATH("never"), CREAT, READ, 0, 0, (void *)-2), EFAULT);
	is("path_open", "a refused call makes nothing", path_filestat_get(ROOT, 0, PATH("never"), &st), ENOENT);

	is("path_open", "synchronous", OPEN(ROOT, 0, "file", 0, READ | WRITE, SYNC | DSYNC | RSYNC), OK);
	struct fdstat fs;
	fd_fdstat_get(fd, &fs);
	is("path_open", "is synchronous", fs.flags, SYNC | DSYNC | RSYNC);
	ro = opened(ROOT, "dir", DIRECTORY, 0);
	is("path_open", "climbs above its folder", path_open(ro, 0, PATH("../file"), 0, READ, 0, 0, &fd), ENOTCAPABLE);
	n = opened(ROOT, "unlinked", CREAT, 0);
	is("path_unlink_file", "while open", path_unlink_file(ROOT, PATH("unlinked")), OK);
	is("fd_write", "unlinked file", fd_write(n, &(struct vec){"still", 5}, 1, &ro), OK);
	is("fd_pread", "unlinked file", fd_pread(n, &v, 1, 0, &ro), OK);
	is("fd_pread", "what was written", ro == 5 && same(b, "still", 5), 1);
	is("fd_filestat_get", "unlinked file", fd_filestat_get(n, &st), OK);
	is("fd_filestat_get", "its size", st.size, 5);
	return 0;
}
