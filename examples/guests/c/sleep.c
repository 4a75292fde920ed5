/*
 * sleep N MS: sleeps N times for MS milliseconds, relative and absolute in turn, and checks that
 * the monotonic clock never goes back and that no sleep ends early. Then it polls its standard
 * input until the end of it.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static struct timespec span(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* nap sleeps for ns nanoseconds and reports whether it lasted that long. */
static int nap(int64_t ns, int absolute)
{
	int64_t start = now();
	struct timespec t = span(absolute ? start + ns : ns);
	int err = clock_nanosleep(CLOCK_MONOTONIC, absolute ? TIMER_ABSTIME : 0, &t, NULL);
	if (err != 0) {
		printf("clock_nanosleep: error %d\n", err);
		return 0;
	}
	return now() - start >= ns;
}

/* drain polls and reads standard input to its end and returns how many bytes there were. */
static long drain(void)
{
	char buf[64];
	long total = 0;
	for (;;) {
		struct pollfd p = {.fd = 0, .events = POLLIN};
		if (poll(&p, 1, 1000) <= 0)
			continue;
		ssize_t n = read(0, buf, sizeof buf);
		if (n == 0)
			return total;
		if (n < 0 && errno != EAGAIN)
			return -1;
		if (n > 0)
			total += n;
	}
}

int main(int argc, char **argv)
{
	long n = arg(argc, argv, 1, 10), ms = arg(argc, argv, 2, 10), good = 0;
	int64_t last = now(), back = 0;

	for (long i = 0; i < n; i++) {
		good += nap(ms * 1000000, i & 1);
		int64_t t = now();
		back += t < last;
		last = t;
	}
	printf("%ld of %ld sleeps lasted; the clock went back %lld times\n", good, n, (long long)back);
	printf("%ld bytes of input\n", drain());
	return good == n && back == 0 ? 0 : 1;
}
