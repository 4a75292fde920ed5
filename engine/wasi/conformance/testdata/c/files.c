// Reading, writing and seeking.
#include "wasi.h"

static char a[4], b[8], big[64];

// reads checks what the next read of a file gives.
INLINE void reads(u32 fd, const char *what, const char *want) {
	u32 n = CLOSED;
	struct vec v = {big, sizeof big};
	u32 e = fd_read(fd, &v, 1, &n);
	is("fd_read", what, e ? e : n == len(want) && same(big, want, n), e ? OK : 1);
}

INLINE void at(const char *call, const char *what, u32 fd, u64 want) {
	u64 pos = 0;
	is("fd_tell", "succeeds", fd_tell(fd, &pos), OK);
	is(call, what, pos, want);
}

static void transfer(u32 fd) {
	u32 n = 9;
	struct vec out[3] = {{"hello ", 6}, {"", 0}, {"world", 5}}, in[3] = {{a, 4}, {b, 0}, {b, 8}};
	is("fd_write", "two buffers and an empty one", fd_write(fd, out, 3, &n), OK);
	is("fd_write", "all bytes", n, 11);
	at("fd_write", "moves on", fd, 11);
	reads(fd, "at the end", "");
	is("fd_write", "no buffer", fd_write(fd, out, 0, &n), OK);
	is("fd_write", "no bytes", n, 0);
	u64 pos;
	is("fd_seek", "to the start", fd_seek(fd, 0, SET, &pos), OK);
	is("fd_read", "into three buffers", fd_read(fd, in, 3, &n), OK);
	is("fd_read", "all bytes", n, 11);
	is("fd_read", "first buffer", same(a, "hell", 4), 1);
	is("fd_read", "last buffer", same(b, "o world", 7), 1);
	at("fd_read", "moves on", fd, 11);
	is("fd_read", "no buffer", fd_read(fd, in, 0, &n), OK);
	is("fd_read", "beyond memory", fd_read(fd, &(struct vec){NOWHERE, 16}, 1, &n), EFAULT);
	is("fd_read", "vector beyond memory", fd_read(fd, NOWHERE, 2, &n), EFAULT);
	is("fd_read", "count beyond memory", fd_read(fd, in, 1, (void *)-2), EFAULT);
	is("fd_write", "beyond memory", fd_write(fd, &(struct vec){NOWHERE, 16}, 1, &n), EFAULT);
	is("fd_write", "vector beyond memory", fd_write(fd, NOWHERE, 2, &n), EFAULT);
	is("fd_write", "count beyond memory", fd_write(fd, out, 1, (void *)-2), EFAULT);
	at("fd_write", "a refused call moves nothing", fd, 11);
	is("fd_read", "not open", fd_read(CLOSED, in, 1, &n), EBADF);
	is("fd_write", "not open", fd_write(CLOSED, out, 1, &n), EBADF);
	is("fd_read", "folder", fd_read(ROOT, in, 1, &n), EISDIR);
	is("fd_write", "folder", fd_write(ROOT, out, 1, &n), EISDIR);
}

static void seek(u32 fd) {
	u64 pos = 9;
	is("fd_seek", "from the end", fd_seek(fd, -5, END, &pos), OK);
	is("fd_seek", "says where", pos, 6);
	reads(fd, "behind a seek", "world");
	is("fd_seek", "from here", fd_seek(fd, -4, CUR, &pos), OK);
	is("fd_seek", "says where", pos, 7);
	is("fd_seek", "nowhere", fd_seek(fd, 0, CUR, &pos), OK);
	is("fd_seek", "before the start", fd_seek(fd, -12, END, &pos), EINVAL);
	is("fd_seek", "unknown origin", fd_seek(fd, 0, 3, &pos), EINVAL);
	is("fd_seek", "beyond 63 bits", fd_seek(fd, 0x7fffffffffffffffull, CUR, &pos), EINVAL);
	is("fd_seek", "beyond memory", fd_seek(fd, 0, SET, NOWHERE + 1), EFAULT);
	at("fd_seek", "a refused call moves nothing", fd, 7);
	is("fd_seek", "not open", fd_seek(CLOSED, 0, SET, &pos), EBADF);
	is("fd_seek", "stream", fd_seek(1, 0, SET, &pos), ESPIPE);
	is("fd_tell", "not open", fd_tell(CLOSED, &pos), EBADF);
	is("fd_tell", "stream", fd_tell(1, &pos), ESPIPE);
	is("fd_tell", "beyond memory", fd_tell(fd, NOWHERE + 1), EFAULT);
	is("fd_seek", "beyond the end", fd_seek(fd, 4, END, &pos), OK);
	reads(fd, "beyond the end", "");
	u32 n;
	fd_write(fd, &(struct vec){"!", 1}, 1, &n);
	fd_seek(fd, 10, SET, &pos);
	u32 e = fd_read(fd, &(struct vec){big, sizeof big}, 1, &n);
	is("fd_read", "a hole is zeros", e == OK && n == 6 && same(big, "d\0\0\0\0!", 6), 1);
}

static void positioned(u32 fd) {
	u32 n = 9;
	struct vec out[2] = {{"AB", 2}, {"CD", 2}}, in[2] = {{a, 1}, {b, 8}};
	u64 pos;
	fd_seek(fd, 3, SET, &pos);
	is("fd_pwrite", "two buffers", fd_pwrite(fd, out, 2, 1, &n), OK);
	is("fd_pwrite", "all bytes", n, 4);
	is("fd_pread", "two buffers", fd_pread(fd, in, 2, 0, &n), OK);
	is("fd_pread", "all bytes", n, 9);
	is("fd_pread", "what is there", a[0] == 'h' && same(b, "ABCD wor", 8), 1);
	at("fd_pread", "the offset stays", fd, 3);
	is("fd_pread", "beyond the end", fd_pread(fd, in, 2, 1000, &n), OK);
	is("fd_pread", "no bytes", n, 0);
	is("fd_pread", "offset of 64 bits", fd_pread(fd, in, 2, -1, &n), EINVAL);
	is("fd_pwrite", "offset of 64 bits", fd_pwrite(fd, out, 2, -1, &n), EINVAL);
	is("fd_pread", "not open", fd_pread(CLOSED, in, 1, 0, &n), EBADF);
	is("fd_pwrite", "not open", fd_pwrite(CLOSED, out, 1, 0, &n), EBADF);
	is("fd_pread", "stream", fd_pread(0, in, 1, 0, &n), ESPIPE);
	is("fd_pwrite", "stream", fd_pwrite(1, out, 1, 0, &n), ESPIPE);
	is("fd_pread", "folder", fd_pread(ROOT, in, 1, 0, &n), EISDIR);
	is("fd_pwrite", "folder", fd_pwrite(ROOT, out, 1, 0, &n), EISDIR);
	is("fd_pread", "beyond memory", fd_pread(fd, &(struct vec){NOWHERE, 16}, 1, 0, &n), EFAULT);
	is("fd_pwrite", "beyond memory", fd_pwrite(fd, &(struct vec){NOWHERE, 16}, 1, 0, &n), EFAULT);
	is("fd_pread", "count beyond memory", fd_pread(fd, in, 1, 0, (void *)-2), EFAULT);
	is("fd_pwrite", "count beyond memory", fd_pwrite(fd, out, 1, 0, (void *)-2), EFAULT);
}

static void append(void) {
	u32 fd = opened(ROOT, "log", CREAT, APPEND), n;
	u64 pos;
	fd_write(fd, &(struct vec){"one ", 4}, 1, &n);
	fd_seek(fd, 0, SET, &pos);
	is("fd_write", "appends wherever the offset is", fd_write(fd, &(struct vec){"two", 3}, 1, &n), OK);
	at("fd_write", "and leaves it at the end", fd, 7);
	holds("fd_write", "what was appended", ROOT, "log", "one two");
	fd_fdstat_set_flags(fd, 0);
	fd_seek(fd, 0, SET, &pos);
	fd_write(fd, &(struct vec){"ONE", 3}, 1, &n);
	holds("fd_fdstat_set_flags", "appends no more", ROOT, "log", "ONE two");
	is("fd_close", "succeeds", fd_close(fd), OK);
	is("fd_close", "twice", fd_close(fd), EBADF);
	is("fd_close", "not open", fd_close(CLOSED), EBADF);
	is("fd_write", "closed", fd_write(fd, &(struct vec){"x", 1}, 1, &n), EBADF);
}

int main(void) {
	u32 fd = opened(ROOT, "file", CREAT, 0), n;
	transfer(fd);
	seek(fd);
	positioned(fd);
	append();
	is("fd_read", "standard input", fd_read(0, &(struct vec){big, 4}, 1, &n), OK);
	is("fd_read", "its first bytes", n == 4 && same(big, "inpu", 4), 1);
	reads(0, "its rest", "t\n");
	reads(0, "its end", "");
	is("fd_write", "standard error", fd_write(2, &(struct vec){"error", 5}, 1, &n), OK);
	is("fd_write", "all bytes", n, 5);
	return 0;
}
