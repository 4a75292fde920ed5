// Folders "/" at 3 and "data" at 4.
#include "wasi.h"

int main(void) {
	struct { u32 tag, n; } pre = {9, 9};
	char name[8] = "xxxxxxx";
	is("fd_prestat_get", "first folder", fd_prestat_get(ROOT, &pre), OK);
	is("fd_prestat_get", "is a folder", pre.tag & 0xff, 0);
	is("fd_prestat_get", "its name's length", pre.n, 1);
	is("fd_prestat_get", "second folder", fd_prestat_get(DATA, &pre), OK);
	is("fd_prestat_get", "its name's length", pre.n, 4);
	is("fd_prestat_dir_name", "first folder", fd_prestat_dir_name(ROOT, name, 1), OK);
	is("fd_prestat_dir_name", "is /, without a NUL", same(name, "/xxx", 4), 1);
	is("fd_prestat_dir_name", "second folder", fd_prestat_dir_name(DATA, name, 4), OK);
	is("fd_prestat_dir_name", "is data, without a NUL", same(name, "dataxxx", 7), 1);
	is("fd_prestat_dir_name", "more room than needed", fd_prestat_dir_name(DATA, name, 7), OK);
	is("fd_prestat_dir_name", "too little room", fd_prestat_dir_name(DATA, name, 3), ENAMETOOLONG);
	is("fd_prestat_dir_name", "beyond memory", fd_prestat_dir_name(DATA, (void *)-2, 4), EFAULT);
	is("fd_prestat_get", "no third folder", fd_prestat_get(5, &pre), EBADF);
	is("fd_prestat_dir_name", "no third folder", fd_prestat_dir_name(5, name, 7), EBADF);
	is("fd_prestat_get", "standard input is none", fd_prestat_get(0, &pre), EBADF);
	is("fd_prestat_dir_name", "standard input is none", fd_prestat_dir_name(0, name, 7), EBADF);
	is("fd_prestat_get", "beyond memory", fd_prestat_get(ROOT, NOWHERE + 1), EFAULT);
	u32 sub;
	path_create_directory(ROOT, PATH("sub"));
	sub = opened(ROOT, "sub", DIRECTORY, 0);
	is("fd_prestat_get", "an opened folder is none", fd_prestat_get(sub, &pre), EBADF);
	is("fd_close", "a preopened folder", fd_close(DATA), OK);
	is("fd_prestat_get", "closed folder", fd_prestat_get(DATA, &pre), EBADF);
	is("fd_renumber", "onto a preopened folder", fd_renumber(sub, ROOT), OK);
	is("fd_prestat_get", "folder put in its place is none", fd_prestat_get(ROOT, &pre), EBADF);
	make(ROOT, "x", "in sub");
	holds("fd_renumber", "paths start there now", ROOT, "x", "in sub");
	return 0;
}
