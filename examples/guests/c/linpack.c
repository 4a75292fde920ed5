/*
 * linpack N: solves a dense system of N equations by Gaussian elimination with partial pivoting,
 * column by column, as LINPACK's benchmark defines it: the matrix is random, and the right side
 * makes every unknown 1. Prints a checksum and whether the normalised residual is small.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "guest.h"

/* axpy adds a times x to y. */
static void axpy(int n, double a, const double *x, double *y)
{
	for (int i = 0; i < n; i++)
		y[i] += a * x[i];
}

/* largest returns the index of the element of the greatest absolute value. */
static int largest(int n, const double *x)
{
	int at = 0;
	for (int i = 1; i < n; i++)
		if (fabs(x[i]) > fabs(x[at]))
			at = i;
	return at;
}

static void swap(double *x, double *y)
{
	double t = *x;
	*x = *y;
	*y = t;
}

/* factor leaves the multipliers below the diagonal; m is stored by columns. */
static void factor(int n, double *m, int *pivot)
{
	for (int k = 0; k < n; k++) {
		double *col = m + k * n;
		int p = pivot[k] = k + largest(n - k, col + k);
		swap(&col[p], &col[k]);
		for (int i = k + 1; i < n; i++)
			col[i] /= -col[k];
		for (int j = k + 1; j < n; j++) {
			double *to = m + j * n;
			swap(&to[p], &to[k]);
			axpy(n - k - 1, to[k], col + k + 1, to + k + 1);
		}
	}
}

static void solve(int n, const double *m, const int *pivot, double *b)
{
	for (int k = 0; k < n; k++) {
		swap(&b[pivot[k]], &b[k]);
		axpy(n - k - 1, b[k], m + k * n + k + 1, b + k + 1);
	}
	for (int k = n - 1; k >= 0; k--) {
		b[k] /= m[k * n + k];
		axpy(k, -b[k], m + k * n, b);
	}
}

/* generate fills m, and b with the sums of its rows. */
static void generate(int n, double *m, double *b)
{
	uint64_t seed = 1325;
	memset(b, 0, n * sizeof *b);
	for (int j = 0; j < n; j++)
		for (int i = 0; i < n; i++) {
			m[j * n + i] = (double)(next(&seed) >> 40) / (1 << 24) - 0.5;
			b[i] += m[j * n + i];
		}
}

/* residual returns the error of x in units that do not grow with n or the matrix. */
static double residual(int n, const double *m, const double *x, double *b)
{
	double error = 0, norm = 0, size = 0;
	for (int j = 0; j < n; j++) {
		axpy(n, -x[j], m + j * n, b);
		size = fmax(size, fabs(x[j]));
	}
	for (int i = 0; i < n; i++)
		error = fmax(error, fabs(b[i]));
	for (int i = 0; i < n * n; i++)
		norm = fmax(norm, fabs(m[i]));
	return error / (n * norm * size * DBL_EPSILON);
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 100), *pivot = malloc(n * sizeof *pivot);
	double *m = malloc((size_t)n * n * sizeof *m), *b = malloc(n * sizeof *b), *x = malloc(n * sizeof *x);
	uint64_t h = MIX_START;

	generate(n, m, x);
	factor(n, m, pivot);
	solve(n, m, pivot, x);
	for (int i = 0; i < n; i++) {
		uint64_t bits;
		memcpy(&bits, &x[i], sizeof bits);
		h = mix(h, bits);
	}
	generate(n, m, b);
	printf("linpack(%d) = %016llx, %s\n", n, (unsigned long long)h, residual(n, m, x, b) < 16 ? "right" : "wrong");
	return 0;
}
