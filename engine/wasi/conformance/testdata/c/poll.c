// Waiting for clocks and descriptors. Standard input is "input\n".
#include "wasi.h"

struct sub {
	u64 user;
	u8 tag;
	union {
		struct { u32 id; u64 timeout, precision; u16 flags; } clock;
		u32 fd;
	};
};
struct event { u64 user; u16 error; u8 type; u64 bytes; u16 flags; };

enum { CLOCK, FD_READ, FD_WRITE };
#define MS 1000000ull

static struct sub in[4];
static struct event out[4];
static u32 n;

static void timer(u32 i, u32 id, u64 timeout, u16 flags) {
	in[i] = (struct sub){.user = 100 + i, .tag = CLOCK, .clock = {id, timeout, 0, flags}};
}

static void ready(u32 i, u8 tag, u32 fd) { in[i] = (struct sub){.user = 100 + i, .tag = tag, .fd = fd}; }

// fired checks event i: whose it is, its type and its error.
INLINE void fired(const char *what, u32 i, u64 user, u8 type, u16 error) {
	is("poll_oneoff", what, out[i].user == user && out[i].type == type ? out[i].error : 1000 + out[i].user, error);
}

static u64 now(u32 id) {
	u64 t = 0;
	clock_time_get(id, 1, &t);
	return t;
}

static void clocks(void) {
	for (u32 id = 0; id < 4; id++) {
		u64 began = now(1);
		timer(0, id, 3 * MS, 0);
		is("poll_oneoff", "duration on each clock", poll_oneoff(in, out, 1, &n), OK);
		is("poll_oneoff", "one event", n, 1);
		fired("the timer's", 0, 100, CLOCK, OK);
		is("poll_oneoff", "not before its time", now(1) - began >= 3 * MS, 1);
		u64 due = now(id) + 3 * MS;
		timer(0, id, due, 1);
		is("poll_oneoff", "time on each clock", poll_oneoff(in, out, 1, &n), OK);
		fired("the timer's", 0, 100, CLOCK, OK);
		is("poll_oneoff", "not before its time", now(id) >= due, 1);
	}
	timer(0, 1, 0, 0);
	is("poll_oneoff", "no duration", poll_oneoff(in, out, 1, &n), OK);
	timer(0, 0, 1, 1);
	is("poll_oneoff", "a time long past", poll_oneoff(in, out, 1, &n), OK);
	timer(0, 1, 3600000 * MS, 0), timer(1, 1, MS, 0), timer(2, 1, ~0ull, 0);
	is("poll_oneoff", "three timers", poll_oneoff(in, out, 3, &n), OK);
	is("poll_oneoff", "one is due", n, 1);
	fired("the shortest", 0, 101, CLOCK, OK);
	timer(0, 9, MS, 0);
	is("poll_oneoff", "no such clock", poll_oneoff(in, out, 1, &n), OK);
	fired("its event says so", 0, 100, CLOCK, EINVAL);
}

static void descriptors(void) {
	u32 fd = opened(ROOT, "file", CREAT, 0), wr;
	fd_write(fd, &(struct vec){"123", 3}, 1, &wr);
	u64 pos;
	fd_seek(fd, 1, SET, &pos);
	ready(0, FD_READ, fd), ready(1, FD_WRITE, fd), ready(2, FD_WRITE, 1), timer(3, 1, 3600000 * MS, 0);
	is("poll_oneoff", "a file and standard output", poll_oneoff(in, out, 4, &n), OK);
	is("poll_oneoff", "all are ready", n, 3);
	fired("file to read", 0, 100, FD_READ, OK);
	is("poll_oneoff", "bytes left in the file", out[0].bytes, 2);
	fired("file to write", 1, 101, FD_WRITE, OK);
	fired("standard output", 2, 102, FD_WRITE, OK);
	ready(0, FD_READ, 0);
	is("poll_oneoff", "standard input", poll_oneoff(in, out, 1, &n), OK);
	fired("is ready", 0, 100, FD_READ, OK);
	char b[16];
	do fd_read(0, &(struct vec){b, sizeof b}, 1, &wr);
	while (wr);
	is("poll_oneoff", "standard input at its end", poll_oneoff(in, out, 1, &n), OK);
	fired("is ready", 0, 100, FD_READ, OK);
	ready(0, FD_READ, CLOSED), timer(1, 1, 3600000 * MS, 0);
	is("poll_oneoff", "not open", poll_oneoff(in, out, 2, &n), OK);
	is("poll_oneoff", "one event", n, 1);
	fired("its event says so", 0, 100, FD_READ, EBADF);
	fd_fdstat_set_rights(fd, READ, 0);
	ready(0, FD_READ, fd);
	is("poll_oneoff", "without the right to poll", poll_oneoff(in, out, 1, &n), OK);
	fired("its event says so", 0, 100, FD_READ, ENOTCAPABLE);
	ready(0, 7, fd);
	is("poll_oneoff", "unknown kind", poll_oneoff(in, out, 1, &n), OK);
	is("poll_oneoff", "its event says so", out[0].error, EINVAL);
}

int main(void) {
	is("poll_oneoff", "nothing to wait for", poll_oneoff(in, out, 0, &n), EINVAL);
	clocks();
	descriptors();
	timer(0, 1, 0, 0);
	is("poll_oneoff", "subscriptions beyond memory", poll_oneoff(NOWHERE, out, 1, &n), EFAULT);
	is("poll_oneoff", "events beyond memory", poll_oneoff(in, NOWHERE, 1, &n), EFAULT);
	is("poll_oneoff", "number beyond memory", poll_oneoff(in, out, 1, (void *)-2), EFAULT);
	return 0;
}
