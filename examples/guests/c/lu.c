/*
 * lu N: factors an N by N matrix whose diagonal dominates into a lower and an upper triangle, in
 * place, row by row, and multiplies them again; prints a checksum and whether the product is right.
 */
#include <math.h>
#include <string.h>

#include "guest.h"

static void factor(int n, double *m)
{
	for (int k = 0; k < n; k++)
		for (int i = k + 1; i < n; i++) {
			double by = m[i * n + k] /= m[k * n + k];
			for (int j = k + 1; j < n; j++)
				m[i * n + j] -= by * m[k * n + j];
		}
}

/* product returns element i, j of the product of the two triangles; the lower has a diagonal of 1. */
static double product(int n, const double *m, int i, int j)
{
	double sum = i <= j ? m[i * n + j] : 0;
	for (int k = 0; k < i && k <= j; k++)
		sum += m[i * n + k] * m[k * n + j];
	return sum;
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 100);
	size_t cells = (size_t)n * n;
	double *m = malloc(cells * sizeof *m), *was = malloc(cells * sizeof *was), off = 0;
	uint64_t seed = 1, h = MIX_START;

	for (size_t i = 0; i < cells; i++)
		m[i] = (double)(next(&seed) >> 40) / (1 << 24) + (i % (n + 1) == 0 ? n : 0);
	memcpy(was, m, cells * sizeof *m);
	factor(n, m);
	for (size_t i = 0; i < cells; i++) {
		uint64_t bits;
		memcpy(&bits, &m[i], sizeof bits);
		h = mix(h, bits);
	}
	for (int i = 0; i < n; i++)
		off = fmax(off, fabs(product(n, m, i, n - 1 - i) - was[i * n + n - 1 - i]));
	printf("lu(%d) = %016llx, %s\n", n, (unsigned long long)h, off < 1e-9 * n ? "right" : "wrong");
	return 0;
}
