/* qsort N: sorts N numbers with the C library's qsort, which calls back through a function pointer. */
#include "guest.h"

static long compared;

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	compared++;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	long n = arg(argc, argv, 1, 300000);
	uint64_t *v = malloc(n * sizeof *v), seed = 1, h = MIX_START;

	for (long i = 0; i < n; i++)
		v[i] = next(&seed);
	qsort(v, n, sizeof *v, by_value);
	for (long i = 0; i < n; i++) {
		if (i > 0 && v[i - 1] > v[i])
			return 1;
		h = mix(h, v[i]);
	}
	printf("qsort(%ld) = %016llx after %ld comparisons\n", n, (unsigned long long)h, compared);
	return 0;
}
