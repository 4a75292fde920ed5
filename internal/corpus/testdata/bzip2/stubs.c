/* What bzip2 calls and wasi-libc lacks: WASI has no owners or modes of files. */
int chmod(const char *path, int mode) { (void)path; (void)mode; return 0; }
int fchmod(int fd, int mode) { (void)fd; (void)mode; return 0; }
int fchown(int fd, int user, int group) { (void)fd; (void)user; (void)group; return 0; }
