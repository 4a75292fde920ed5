/* What SQLite's shell calls and wasi-libc lacks: WASI has no modes of files. */
int chmod(const char *path, int mode) { (void)path; (void)mode; return 0; }
