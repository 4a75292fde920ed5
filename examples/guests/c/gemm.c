/* gemm N: the product of two N by N matrices of doubles, and a checksum of its bits. */
#include <string.h>

#include "guest.h"

static void multiply(int n, const double *a, const double *b, double *c)
{
	for (int i = 0; i < n; i++)
		for (int k = 0; k < n; k++)
			for (int j = 0; j < n; j++)
				c[i * n + j] += a[i * n + k] * b[k * n + j];
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 256);
	size_t cells = (size_t)n * n;
	double *a = malloc(cells * sizeof *a), *b = malloc(cells * sizeof *b);
	double *c = calloc(cells, sizeof *c);
	uint64_t seed = 1, h = MIX_START;

	for (size_t i = 0; i < cells; i++) {
		a[i] = (double)(next(&seed) >> 40) / 1024;
		b[i] = (double)(next(&seed) >> 40) / 1024;
	}
	multiply(n, a, b, c);
	for (size_t i = 0; i < cells; i++) {
		uint64_t bits;
		memcpy(&bits, &c[i], sizeof bits);
		h = mix(h, bits);
	}
	printf("gemm(%d) = %016llx\n", n, (unsigned long long)h);
	return 0;
}
