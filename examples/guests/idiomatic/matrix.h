/* The product of two pseudo-random matrices, by rows. */
#include "../c/guest.h"

#define SIDE 128

static double left[SIDE][SIDE], right[SIDE][SIDE];

static void fill(void)
{
	uint64_t s = 7;

	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++) {
			left[i][j] = (double)(next(&s) >> 40);
			right[i][j] = (double)(next(&s) >> 40);
		}
}

static void multiply(double out[SIDE], int i)
{
	for (int j = 0; j < SIDE; j++) {
		out[j] = 0;
		for (int k = 0; k < SIDE; k++)
			out[j] += left[i][k] * right[k][j];
	}
}

static void print(double out[SIDE][SIDE])
{
	uint64_t h = MIX_START;

	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++)
			h = mix(h, (uint64_t)out[i][j]);
	printf("%016llx\n", (unsigned long long)h);
}
