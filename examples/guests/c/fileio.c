/*
 * fileio N: writes, reads, seeks, lists, renames and removes N files below the preopened folder
 * ("/"), holding descriptors and a directory cursor open all the while. The folder starts empty
 * and ends empty.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

#define DIR_NAME "/work"

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fileio: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* put writes file i: 64 lines, then one of them again in place. It returns the descriptor. */
static int put(int i)
{
	char name[64], line[64];
	snprintf(name, sizeof name, DIR_NAME "/file%03d", i);
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0644);
	must(fd >= 0, name);
	for (int n = 0; n < 64; n++) {
		int len = snprintf(line, sizeof line, "file %03d line %03d\n", i, n);
		must(write(fd, line, len) == len, "write");
	}
	must(lseek(fd, 18 * (i % 64), SEEK_SET) == 18 * (i % 64), "lseek");
	must(write(fd, "FILE", 4) == 4, "write in place");
	must(pwrite(fd, "LINE", 4, 9) == 4, "pwrite");
	return fd;
}

/* sum returns a checksum of what descriptor fd holds, from its start. */
static uint64_t sum(int fd)
{
	char buf[100];
	uint64_t h = MIX_START;
	ssize_t n;
	must(lseek(fd, 0, SEEK_SET) == 0, "rewind");
	while ((n = read(fd, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++)
			h = mix(h, (unsigned char)buf[i]);
	must(n == 0, "read");
	return h;
}

/* list returns a checksum of the names in the folder that does not depend on their order. */
static uint64_t list(int *names)
{
	uint64_t all = 0;
	DIR *d = opendir(DIR_NAME);
	must(d != NULL, "opendir");
	*names = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		uint64_t h = MIX_START;
		if (e->d_name[0] == '.')
			continue;
		for (char *p = e->d_name; *p; p++)
			h = mix(h, (unsigned char)*p);
		all += h;
		++*names;
	}
	closedir(d);
	return all;
}

static void finish(int i, int fd)
{
	char old[64], new[64];
	struct stat st;
	snprintf(old, sizeof old, DIR_NAME "/file%03d", i);
	snprintf(new, sizeof new, DIR_NAME "/done%03d", i);
	must(rename(old, new) == 0, "rename");
	must(stat(old, &st) != 0 && errno == ENOENT, "stat of the old name");
	must(ftruncate(fd, 1000) == 0, "ftruncate");
	must(stat(new, &st) == 0 && st.st_size == 1000, "stat of the new name");
	must(close(fd) == 0, "close");
	must(unlink(new) == 0, "unlink");
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 50), names;
	int *fds = malloc(n * sizeof *fds);
	uint64_t h = MIX_START;

	must(mkdir(DIR_NAME, 0755) == 0, "mkdir " DIR_NAME);
	for (int i = 0; i < n; i++)
		fds[i] = put(i);
	for (int i = 0; i < n; i++)
		h = mix(h, sum(fds[i]));
	printf("%d files hold %016llx\n", n, (unsigned long long)h);
	h = list(&names);
	printf("%d names make %016llx\n", names, (unsigned long long)h);
	for (int i = 0; i < n; i++)
		finish(i, fds[i]);
	list(&names);
	must(rmdir(DIR_NAME) == 0, "rmdir");
	printf("%d names are left\n", names);
	return 0;
}
