/*
 * spectral N: the spectral norm of the infinite matrix a(i,j) = 1/((i+j)(i+j+1)/2+i+1), cut at
 * N by N, by ten steps of the power method: as the Benchmarks Game defines it.
 */
#include <math.h>

#include "guest.h"

static double a(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

static void times(int n, const double *v, double *out)
{
	for (int i = 0; i < n; i++) {
		out[i] = 0;
		for (int j = 0; j < n; j++)
			out[i] += a(i, j) * v[j];
	}
}

static void transposed(int n, const double *v, double *out)
{
	for (int i = 0; i < n; i++) {
		out[i] = 0;
		for (int j = 0; j < n; j++)
			out[i] += a(j, i) * v[j];
	}
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 100);
	double *u = malloc(n * sizeof *u), *v = malloc(n * sizeof *v), *t = malloc(n * sizeof *t);
	double uv = 0, vv = 0;

	for (int i = 0; i < n; i++)
		u[i] = 1;
	for (int i = 0; i < 10; i++) {
		times(n, u, t);
		transposed(n, t, v);
		times(n, v, t);
		transposed(n, t, u);
	}
	for (int i = 0; i < n; i++) {
		uv += u[i] * v[i];
		vv += v[i] * v[i];
	}
	printf("%.9f\n", sqrt(uv / vv));
	return 0;
}
