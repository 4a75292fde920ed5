// Links, renames, and what is at a path.
#include "wasi.h"

static void stats(void) {
	struct filestat st, root;
	u32 sub = opened(ROOT, "dir", DIRECTORY, 0);
	is("path_filestat_get", "file", path_filestat_get(ROOT, 0, PATH("file"), &st), OK);
	is("path_filestat_get", "is a file", st.type, REGULAR);
	is("path_filestat_get", "size", st.size, 4);
	is("path_filestat_get", "folder", path_filestat_get(ROOT, 0, PATH("dir"), &st), OK);
	is("path_filestat_get", "is a folder", st.type, DIR);
	is("path_filestat_get", "link, followed", path_filestat_get(ROOT, 1, PATH("link"), &st), OK);
	is("path_filestat_get", "is a file", st.type, REGULAR);
	is("path_filestat_get", "link, not followed", path_filestat_get(ROOT, 0, PATH("link"), &st), OK);
	is("path_filestat_get", "is a link", st.type, SYMLINK);
	is("path_filestat_get", "size is its text's", st.size, 4);
	fd_filestat_get(ROOT, &root);
	is("path_filestat_get", ".. below the folder", path_filestat_get(sub, 0, PATH(".."), &st), OK);
	is("path_filestat_get", "is the folder", st.ino, root.ino);
	is("path_filestat_get", ". of the folder", path_filestat_get(ROOT, 0, PATH("."), &st), OK);
	is("path_filestat_get", "is the folder", st.ino, root.ino);
	is("path_filestat_get", ".. of the folder", path_filestat_get(ROOT, 0, PATH(".."), &st), ENOTCAPABLE);
	is("path_filestat_get", "nothing", path_filestat_get(ROOT, 0, PATH("none"), &st), ENOENT);
	is("path_filestat_get", "below a file", path_filestat_get(ROOT, 0, PATH("file/x"), &st), ENOTDIR);
	is("path_filestat_get", "file, slash behind", path_filestat_get(ROOT, 0, PATH("file/"), &st), ENOTDIR);
	is("path_filestat_get", "not open", path_filestat_get(CLOSED, 0, PATH("file"), &st), EBADF);
	is("path_filestat_get", "beyond memory", path_filestat_get(ROOT, 0, PATH("file"), NOWHERE), EFAULT);

	const u64 t1 = 1000000000123456789ull, t2 = 1100000000000000000ull;
	is("path_filestat_set_times", "file", path_filestat_set_times(ROOT, 0, PATH("file"), t1, t2, ATIM | MTIM), OK);
	path_filestat_get(ROOT, 0, PATH("file"), &st);
	is("path_filestat_set_times", "access", st.atim, t1);
	is("path_filestat_set_times", "change", st.mtim, t2);
	is("path_filestat_set_times", "through a link", path_filestat_set_times(ROOT, 1, PATH("link"), 0, t1, MTIM), OK);
	path_filestat_get(ROOT, 0, PATH("file"), &st);
	is("path_filestat_set_times", "change of the file", st.mtim, t1);
	is("path_filestat_set_times", "access stays", st.atim, t1);
	is("path_filestat_set_times", "link itself", path_filestat_set_times(ROOT, 0, PATH("link"), 0, t2, MTIM), OK);
	path_filestat_get(ROOT, 0, PATH("link"), &st);
	is("path_filestat_set_times", "change of the link", st.mtim, t2);
	path_filestat_get(ROOT, 0, PATH("file"), &st);
	is("path_filestat_set_times", "not of the file", st.mtim, t1);
	is("path_filestat_set_times", "folder", path_filestat_set_times(ROOT, 0, PATH("dir"), 0, t2, MTIM), OK);
	is("path_filestat_set_times", "given and now", path_filestat_set_times(ROOT, 0, PATH("file"), 0, 0, MTIM | MTIM_NOW), EINVAL);
	is("path_filestat_set_times", "nothing there", path_filestat_set_times(ROOT, 0, PATH("none"), 0, 0, MTIM), ENOENT);
	is("path_filestat_set_times", "not open", path_filestat_set_times(CLOSED, 0, PATH("file"), 0, 0, MTIM), EBADF);
	is("path_filestat_set_times", "out of the folder", path_filestat_set_times(sub, 0, PATH("../file"), 0, 0, MTIM), ENOTCAPABLE);
}

static void links(void) {
	char b[8] = "xxxxxxx";
	u32 n;
	struct filestat st;
	is("path_symlink", "succeeds", path_symlink(PATH("any/text"), ROOT, PATH("soft")), OK);
	is("path_readlink", "succeeds", path_readlink(ROOT, PATH("link"), b, 7, &n), OK);
	is("path_readlink", "length", n, 4);
	is("path_readlink", "text, without a NUL", same(b, "filexxx", 7), 1);
	is("path_readlink", "cut off", path_readlink(ROOT, PATH("soft"), b, 4, &n), OK);
	is("path_readlink", "length", n, 4);
	is("path_readlink", "text", same(b, "any/xxx", 7), 1);
	is("path_readlink", "a file", path_readlink(ROOT, PATH("file"), b, 7, &n), EINVAL);
	is("path_readlink", "nothing", path_readlink(ROOT, PATH("none"), b, 7, &n), ENOENT);
	is("path_readlink", "not open", path_readlink(CLOSED, PATH("soft"), b, 7, &n), EBADF);
	is("path_readlink", "beyond memory", path_readlink(ROOT, PATH("soft"), NOWHERE, 16, &n), EFAULT);
	is("path_symlink", "where something is", path_symlink(PATH("x"), ROOT, PATH("file")), EEXIST);
	is("path_symlink", "no text", path_symlink(PATH(""), ROOT, PATH("l2")), ENOENT);
	is("path_symlink", "to an absolute path", path_symlink(PATH("/etc"), ROOT, PATH("l2")), ENOTCAPABLE);
	is("path_symlink", "slash behind", path_symlink(PATH("x"), ROOT, PATH("l2/")), ENOENT);
	is("path_symlink", "not open", path_symlink(PATH("x"), CLOSED, PATH("l2")), EBADF);
	is("path_symlink", "out of the folder", path_symlink(PATH("x"), ROOT, PATH("../l2")), ENOTCAPABLE);
	is("path_symlink", "beyond memory", path_symlink(NOWHERE, 16, ROOT, PATH("l2")), EFAULT);

	is("path_link", "succeeds", path_link(ROOT, 0, PATH("file"), ROOT, PATH("hard")), OK);
	path_filestat_get(ROOT, 0, PATH("hard"), &st);
	is("path_link", "two names", st.nlink, 2);
	holds("path_link", "one content", ROOT, "hard", "text");
	is("path_link", "where something is", path_link(ROOT, 0, PATH("file"), ROOT, PATH("link")), EEXIST);
	is("path_link", "nothing", path_link(ROOT, 0, PATH("none"), ROOT, PATH("h2")), ENOENT);
	is("path_link", "folder", path_link(ROOT, 0, PATH("dir"), ROOT, PATH("h2")), EPERM);
	is("path_link", "slash behind", path_link(ROOT, 0, PATH("file"), ROOT, PATH("h2/")), ENOENT);
	is("path_link", "out of the folder", path_link(ROOT, 0, PATH("../file"), ROOT, PATH("h2")), ENOTCAPABLE);
	is("path_link", "not open", path_link(CLOSED, 0, PATH("file"), ROOT, PATH("h2")), EBADF);
	is("path_link", "to one not open", path_link(ROOT, 0, PATH("file"), CLOSED, PATH("h2")), EBADF);
	is("path_link", "to another preopened folder", path_link(ROOT, 0, PATH("file"), DATA, PATH("h2")), EXDEV);
	is("path_link", "link itself", path_link(ROOT, 0, PATH("link"), ROOT, PATH("h3")), OK);
	path_filestat_get(ROOT, 0, PATH("h3"), &st);
	is("path_link", "is a link", st.type, SYMLINK);
	is("path_unlink_file", "one of two names", path_unlink_file(ROOT, PATH("file")), OK);
	holds("path_unlink_file", "the other stays", ROOT, "hard", "text");
}

static void renames(void) {
	struct filestat st;
	u32 fd = opened(ROOT, "hard", 0, 0), n;
	is("path_rename", "file", path_rename(ROOT, PATH("hard"), ROOT, PATH("dir/moved")), OK);
	is("path_rename", "old name is gone", path_filestat_get(ROOT, 0, PATH("hard"), &st), ENOENT);
	is("fd_write", "open file that was renamed", fd_write(fd, &(struct vec){"TEXT", 4}, 1, &n), OK);
	holds("path_rename", "new name has it", ROOT, "dir/moved", "TEXT");
	make(ROOT, "old", "old");
	is("path_rename", "onto a file", path_rename(ROOT, PATH("dir/moved"), ROOT, PATH("old")), OK);
	holds("path_rename", "replaces it", ROOT, "old", "TEXT");
	is("path_rename", "onto itself", path_rename(ROOT, PATH("old"), ROOT, PATH("old")), OK);
	path_create_directory(ROOT, PATH("empty"));
	path_create_directory(ROOT, PATH("full"));
	make(ROOT, "full/x", "x");
	is("path_rename", "folder onto an empty one", path_rename(ROOT, PATH("dir"), ROOT, PATH("empty")), OK);
	is("path_rename", "folder onto a full one", path_rename(ROOT, PATH("empty"), ROOT, PATH("full")), ENOTEMPTY);
	is("path_rename", "folder onto a file", path_rename(ROOT, PATH("empty"), ROOT, PATH("old")), ENOTDIR);
	is("path_rename", "file onto a folder", path_rename(ROOT, PATH("old"), ROOT, PATH("empty")), EISDIR);
	is("path_rename", "folder into itself", path_rename(ROOT, PATH("empty"), ROOT, PATH("empty/x")), EINVAL);
	is("path_rename", "nothing", path_rename(ROOT, PATH("none"), ROOT, PATH("x")), ENOENT);
	is("path_rename", "file, slash behind", path_rename(ROOT, PATH("old/"), ROOT, PATH("x")), ENOTDIR);
	is("path_rename", "out of the folder", path_rename(ROOT, PATH("old"), ROOT, PATH("../x")), ENOTCAPABLE);
	is("path_rename", "the folder itself", path_rename(ROOT, PATH("."), ROOT, PATH("x")), EBUSY);
	is("path_rename", "to another preopened folder", path_rename(ROOT, PATH("old"), DATA, PATH("x")), EXDEV);
	is("path_rename", "not open", path_rename(CLOSED, PATH("old"), ROOT, PATH("x")), EBADF);
	is("path_rename", "to one not open", path_rename(ROOT, PATH("old"), CLOSED, PATH("x")), EBADF);
	is("path_rename", "beyond memory", path_rename(ROOT, NOWHERE, 16, ROOT, PATH("x")), EFAULT);
	is("path_rename", "link, not what it leads to", path_rename(ROOT, PATH("link"), ROOT, PATH("l3")), OK);
	path_filestat_get(ROOT, 0, PATH("l3"), &st);
	is("path_rename", "is a link", st.type, SYMLINK);
	is("path_unlink_file", "link, not what it leads to", path_unlink_file(ROOT, PATH("l3")), OK);
}

int main(void) {
	make(ROOT, "file", "text");
	path_create_directory(ROOT, PATH("dir"));
	path_symlink(PATH("file"), ROOT, PATH("link"));
	stats();
	links();
	renames();
	return 0;
}
