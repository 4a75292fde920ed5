// Size, times, space, and what is on the disk.
#include "wasi.h"

int main(void) {
	struct filestat st, other;
	u32 fd = opened(ROOT, "file", CREAT, 0), n, low;
	u64 now;
	fd_write(fd, &(struct vec){"0123456789", 10}, 1, &n);
	clock_time_get(0, 1, &now);

	is("fd_filestat_get", "file", fd_filestat_get(fd, &st), OK);
	is("fd_filestat_get", "is a file", st.type, REGULAR);
	is("fd_filestat_get", "size", st.size, 10);
	is("fd_filestat_get", "one name", st.nlink, 1);
	is("fd_filestat_get", "written now", st.mtim < now + 60000000000ull && st.mtim + 60000000000ull > now, 1);
	is("path_filestat_get", "same file", path_filestat_get(ROOT, 0, PATH("file"), &other), OK);
	is("path_filestat_get", "same inode", other.ino == st.ino && other.dev == st.dev, 1);
	is("path_filestat_get", "same size", other.size, 10);
	is("fd_filestat_get", "folder", fd_filestat_get(ROOT, &st), OK);
	is("fd_filestat_get", "is a folder", st.type, DIR);
	is("fd_filestat_get", "another inode", other.ino == st.ino, 0);
	is("fd_filestat_get", "stream", fd_filestat_get(0, &st), OK);
	is("fd_filestat_get", "is no file", st.type == REGULAR || st.type == DIR, 0);
	is("fd_filestat_get", "not open", fd_filestat_get(CLOSED, &st), EBADF);
	is("fd_filestat_get", "beyond memory", fd_filestat_get(fd, NOWHERE), EFAULT);

	is("fd_filestat_set_size", "shorter", fd_filestat_set_size(fd, 4), OK);
	holds("fd_filestat_set_size", "is cut off", ROOT, "file", "0123");
	is("fd_filestat_set_size", "longer", fd_filestat_set_size(fd, 100), OK);
	fd_filestat_get(fd, &st);
	is("fd_filestat_set_size", "is longer", st.size, 100);
	is("fd_filestat_set_size", "of 64 bits", fd_filestat_set_size(fd, -1), EINVAL);
	is("fd_filestat_set_size", "not open", fd_filestat_set_size(CLOSED, 0), EBADF);
	is("fd_filestat_set_size", "folder", fd_filestat_set_size(ROOT, 0) != OK, 1);

	is("fd_filestat_set_times", "both", fd_filestat_set_times(fd, 1000000000123456789ull, 1100000000000000000ull, ATIM | MTIM), OK);
	fd_filestat_get(fd, &st);
	is("fd_filestat_set_times", "access", st.atim, 1000000000123456789ull);
	is("fd_filestat_set_times", "change", st.mtim, 1100000000000000000ull);
	is("fd_filestat_set_times", "change alone", fd_filestat_set_times(fd, 5, 1200000000000000000ull, MTIM), OK);
	fd_filestat_get(fd, &st);
	is("fd_filestat_set_times", "access stays", st.atim, 1000000000123456789ull);
	is("fd_filestat_set_times", "change is new", st.mtim, 1200000000000000000ull);
	is("fd_filestat_set_times", "change now", fd_filestat_set_times(fd, 5, 5, MTIM_NOW), OK);
	fd_filestat_get(fd, &st);
	is("fd_filestat_set_times", "is about now", st.mtim + 60000000000ull > now, 1);
	is("fd_filestat_set_times", "nothing", fd_filestat_set_times(fd, 0, 0, 0), OK);
	is("fd_filestat_set_times", "given and now", fd_filestat_set_times(fd, 0, 0, ATIM | ATIM_NOW), EINVAL);
	is("fd_filestat_set_times", "given and now", fd_filestat_set_times(fd, 0, 0, MTIM | MTIM_NOW), EINVAL);
	is("fd_filestat_set_times", "unknown", fd_filestat_set_times(fd, 0, 0, 16), EINVAL);
	is("fd_filestat_set_times", "not open", fd_filestat_set_times(CLOSED, 0, 0, 0), EBADF);

	fd_filestat_set_size(fd, 10);
	is("fd_allocate", "a range beyond the end", fd_allocate(fd, 20, 30), OK);
	fd_filestat_get(fd, &st);
	is("fd_allocate", "grows the file", st.size, 50);
	is("fd_allocate", "a range inside", fd_allocate(fd, 0, 5), OK);
	fd_filestat_get(fd, &st);
	is("fd_allocate", "never shrinks it", st.size, 50);
	is("fd_allocate", "nothing", fd_allocate(fd, 0, 0), EINVAL);
	is("fd_allocate", "not open", fd_allocate(CLOSED, 0, 1), EBADF);
	is("fd_allocate", "offset of 64 bits", fd_allocate(fd, -1, 1), EINVAL);

	for (n = 0; n < 6; n++) is("fd_advise", "each advice", fd_advise(fd, 0, 0, n), OK);
	is("fd_advise", "unknown", fd_advise(fd, 0, 0, 6), EINVAL);
	is("fd_advise", "offset of 64 bits", fd_advise(fd, -1, 0, 0), EINVAL);
	is("fd_advise", "not open", fd_advise(CLOSED, 0, 0, 0), EBADF);
	is("fd_advise", "stream", fd_advise(1, 0, 0, 0), ESPIPE);

	is("fd_sync", "file", fd_sync(fd), OK);
	is("fd_datasync", "file", fd_datasync(fd), OK);
	is("fd_sync", "folder", fd_sync(ROOT), OK);
	is("fd_sync", "not open", fd_sync(CLOSED), EBADF);
	is("fd_datasync", "not open", fd_datasync(CLOSED), EBADF);

	low = opened(ROOT, "other", CREAT, 0);
	fd_write(low, &(struct vec){"other", 5}, 1, &n);
	is("fd_renumber", "onto an open file", fd_renumber(low, fd), OK);
	is("fd_renumber", "the old number is free", fd_close(low), EBADF);
	fd_filestat_get(fd, &st);
	is("fd_renumber", "the new number is the file", st.size, 5);
	is("fd_renumber", "the offset came with it", fd_tell(fd, &now) || now != 5, 0);
	is("fd_renumber", "not open", fd_renumber(CLOSED, fd), EBADF);
	is("fd_renumber", "onto one that is not open", fd_renumber(fd, CLOSED), EBADF);
	is("fd_renumber", "onto itself", fd_renumber(fd, fd), OK);
	is("fd_renumber", "a refused call changes nothing", fd_tell(fd, &now), OK);
	is("path_open", "lowest free number", opened(ROOT, "file", 0, 0), low);
	return 0;
}
