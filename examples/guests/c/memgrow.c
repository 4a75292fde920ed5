/* memgrow MIB: allocates MIB blocks of a MiB one after another, writes each, and reads all at the end. */
#include "guest.h"

#define BLOCK (1 << 20)

int main(int argc, char **argv)
{
	long n = arg(argc, argv, 1, 64);
	uint64_t **blocks = malloc(n * sizeof *blocks), seed = 1, h = MIX_START;

	for (long i = 0; i < n; i++) {
		blocks[i] = malloc(BLOCK);
		if (blocks[i] == NULL) {
			printf("memgrow: no memory after %ld MiB\n", i);
			return 1;
		}
		for (size_t w = 0; w < BLOCK / 8; w += 64)
			blocks[i][w] = next(&seed);
	}
	for (long i = 0; i < n; i++)
		for (size_t w = 0; w < BLOCK / 8; w += 64)
			h = mix(h, blocks[i][w]);
	printf("memgrow(%ld MiB) = %016llx\n", n, (unsigned long long)h);
	return 0;
}
