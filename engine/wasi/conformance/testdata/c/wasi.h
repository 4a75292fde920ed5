// Preview 1 as a module imports it, without libc between, and what the programs
// here report with. A check prints one line, "call: what"; one that fails goes on
// with what it got.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define CALL(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) u32 name

CALL(args_get)(void *argv, void *text);
CALL(args_sizes_get)(void *count, void *size);
CALL(environ_get)(void *env, void *text);
CALL(environ_sizes_get)(void *count, void *size);
CALL(clock_res_get)(u32 id, void *ns);
CALL(clock_time_get)(u32 id, u64 precision, void *ns);
CALL(fd_advise)(u32 fd, u64 at, u64 n, u32 advice);
CALL(fd_allocate)(u32 fd, u64 at, u64 n);
CALL(fd_close)(u32 fd);
CALL(fd_datasync)(u32 fd);
CALL(fd_fdstat_get)(u32 fd, void *stat);
CALL(fd_fdstat_set_flags)(u32 fd, u32 flags);
CALL(fd_fdstat_set_rights)(u32 fd, u64 base, u64 inheriting);
CALL(fd_filestat_get)(u32 fd, void *stat);
CALL(fd_filestat_set_size)(u32 fd, u64 n);
CALL(fd_filestat_set_times)(u32 fd, u64 atim, u64 mtim, u32 which);
CALL(fd_pread)(u32 fd, const void *vec, u32 n, u64 at, void *count);
CALL(fd_prestat_get)(u32 fd, void *prestat);
CALL(fd_prestat_dir_name)(u32 fd, void *name, u32 n);
CALL(fd_pwrite)(u32 fd, const void *vec, u32 n, u64 at, void *count);
CALL(fd_read)(u32 fd, const void *vec, u32 n, void *count);
CALL(fd_readdir)(u32 fd, void *buf, u32 n, u64 cookie, void *used);
CALL(fd_renumber)(u32 from, u32 to);
CALL(fd_seek)(u32 fd, u64 delta, u32 whence, void *at);
CALL(fd_sync)(u32 fd);
CALL(fd_tell)(u32 fd, void *at);
CALL(fd_write)(u32 fd, const void *vec, u32 n, void *count);
CALL(path_create_directory)(u32 fd, const void *path, u32 n);
CALL(path_filestat_get)(u32 fd, u32 follow, const void *path, u32 n, void *stat);
CALL(path_filestat_set_times)(u32 fd, u32 follow, const void *path, u32 n, u64 atim, u64 mtim, u32 which);
CALL(path_link)(u32 fd, u32 follow, const void *old, u32 n, u32 to, const void *path, u32 m);
CALL(path_open)(u32 fd, u32 follow, const void *path, u32 n, u32 oflags, u64 base, u64 inheriting, u32 flags, void *opened);
CALL(path_readlink)(u32 fd, const void *path, u32 n, void *buf, u32 size, void *used);
CALL(path_remove_directory)(u32 fd, const void *path, u32 n);
CALL(path_rename)(u32 fd, const void *old, u32 n, u32 to, const void *path, u32 m);
CALL(path_symlink)(const void *target, u32 n, u32 fd, const void *path, u32 m);
CALL(path_unlink_file)(u32 fd, const void *path, u32 n);
CALL(poll_oneoff)(const void *in, void *out, u32 n, void *count);
CALL(proc_raise)(u32 signal);
CALL(random_get)(void *buf, u32 n);
CALL(sched_yield)(void);
CALL(sock_accept)(u32 fd, u32 flags, void *opened);
CALL(sock_recv)(u32 fd, const void *vec, u32 n, u32 flags, void *count, void *oflags);
CALL(sock_send)(u32 fd, const void *vec, u32 n, u32 flags, void *count);
CALL(sock_shutdown)(u32 fd, u32 how);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) _Noreturn void proc_exit(u32 code);

enum { // errno
	OK, E2BIG, EACCES, EAGAIN = 6, EBADF = 8, EBUSY = 10, EEXIST = 20, EFAULT = 21, EFBIG = 22, EINVAL = 28,
	EISDIR = 31, ELOOP = 32, EMFILE = 33, ENAMETOOLONG = 37, ENOENT = 44, ENOSYS = 52, ENOTDIR = 54,
	ENOTEMPTY = 55, ENOTSOCK = 57, ENOTSUP = 58, EPERM = 63, EROFS = 69, ESPIPE = 70, EXDEV = 75, ENOTCAPABLE = 76,
};

enum { CREAT = 1, DIRECTORY = 2, EXCL = 4, TRUNC = 8 };              // oflags
enum { APPEND = 1, DSYNC = 2, NONBLOCK = 4, RSYNC = 8, SYNC = 16 };  // fdflags
enum { SET, CUR, END };                                              // whence
enum { UNKNOWN, BLOCK, CHARACTER, DIR, REGULAR, SYMLINK = 7 };       // filetype
enum { ATIM = 1, ATIM_NOW = 2, MTIM = 4, MTIM_NOW = 8 };             // fstflags

#define RIGHT(n) (1ull << (n))
#define READ RIGHT(1)
#define SEEK RIGHT(2)
#define TELL RIGHT(5)
#define WRITE RIGHT(6)
#define ALL ((1ull << 30) - 1)

#define ROOT 3             // the preopened folder "/"
#define DATA 4             // the preopened folder "data"
#define NOWHERE (void *)-8 // a pointer beyond the memory
#define CLOSED 99          // a descriptor that is not open

struct vec { const void *p; u32 n; };
struct fdstat { u8 type; u16 flags; u64 base, inheriting; };
struct filestat { u64 dev, ino; u8 type; u64 nlink, size, atim, mtim, ctim; };

#define INLINE static inline __attribute__((always_inline))

INLINE u32 len(const char *s) { return __builtin_strlen(s); }
INLINE int same(const void *a, const void *b, u32 n) { return __builtin_memcmp(a, b, n) == 0; }

// wrong reports a check that fails.
static __attribute__((noinline)) void wrong(const char *call, const char *what, u64 got, u64 want) {
	char digits[2][21], *text[2];
	u64 v[2] = {got, want};
	for (u32 i = 0; i < 2; i++) {
		char *p = digits[i] + 20;
		*p = 0;
		do *--p = '0' + v[i] % 10;
		while (v[i] /= 10);
		text[i] = p;
	}
	u32 n;
	struct vec line[] = {{call, len(call)}, {": ", 2}, {what, len(what)}, {": got ", 6}, {text[0], len(text[0])},
			     {", want ", 7}, {text[1], len(text[1])}, {"\n", 1}};
	fd_write(1, line, 8, &n);
}

static __attribute__((noinline)) void right(const char *call, u32 callLen, const char *what, u32 whatLen) {
	u32 n;
	struct vec line[] = {{call, callLen}, {": ", 2}, {what, whatLen}, {"\n", 1}};
	fd_write(1, line, 4, &n);
}

// is checks that a call, or what it stored, is what it must be. What is known when this
// is compiled has no loops: each would be another place to freeze at, time and again.
INLINE void is(const char *call, const char *what, u64 got, u64 want) {
	if (got == want)
		right(call, len(call), what, len(what));
	else
		wrong(call, what, got, want);
}

#define PATH(s) s, sizeof(s) - 1

// make makes a file with a content, and reports nothing unless it fails.
INLINE void make(u32 dir, const char *name, const char *text) {
	u32 fd, n, e;
	struct vec v = {text, len(text)};
	if ((e = path_open(dir, 0, name, len(name), CREAT | TRUNC, READ | WRITE, 0, 0, &fd)) ||
	    (e = fd_write(fd, &v, 1, &n)) || (e = fd_close(fd)))
		is("path_open", name, e, OK);
}

// opened opens a file with all rights it can have.
INLINE u32 opened(u32 dir, const char *name, u32 oflags, u32 flags) {
	u32 fd = CLOSED, e = path_open(dir, 0, name, len(name), oflags, oflags & DIRECTORY ? ALL & ~WRITE : ALL, ALL, flags, &fd);
	if (e) is("path_open", name, e, OK);
	return fd;
}

// holds checks a file's whole content, up to 63 bytes.
INLINE void holds(const char *call, const char *what, u32 dir, const char *name, const char *want) {
	char buf[64];
	u32 fd, n = CLOSED;
	struct vec v = {buf, sizeof buf};
	u32 e = path_open(dir, 1, name, len(name), 0, READ, 0, 0, &fd);
	if (!e) e = fd_read(fd, &v, 1, &n), fd_close(fd);
	is(call, what, e ? e : n == len(want) && same(buf, want, n), e ? OK : 1);
}
