/* One round of k-means over pseudo-random points of the plane. */
#include "../c/guest.h"

#define POINTS 4000
#define K 8

static double points[POINTS][2];

static void scatter(void)
{
	uint64_t s = 42;

	for (int i = 0; i < POINTS; i++)
		for (int d = 0; d < 2; d++)
			points[i][d] = (double)(next(&s) >> 11) / (1ull << 53) + i % K;
}

static void assign(double centre[K][2])
{
	double sum[K][2] = {{0}};
	int count[K] = {0};

	for (int i = 0; i < POINTS; i++) {
		int best = 0;
		double least = 1e300;
		for (int k = 0; k < K; k++) {
			double x = points[i][0] - centre[k][0], y = points[i][1] - centre[k][1];
			if (x * x + y * y < least) {
				least = x * x + y * y;
				best = k;
			}
		}
		count[best]++;
		sum[best][0] += points[i][0];
		sum[best][1] += points[i][1];
	}
	for (int k = 0; k < K; k++)
		for (int d = 0; d < 2; d++)
			if (count[k])
				centre[k][d] = sum[k][d] / count[k];
}

static void begin(double centre[K][2])
{
	scatter();
	for (int k = 0; k < K; k++)
		for (int d = 0; d < 2; d++)
			centre[k][d] = points[k][d];
}

static void print(double centre[K][2])
{
	for (int k = 0; k < K; k++)
		printf("%.9f %.9f\n", centre[k][0], centre[k][1]);
}
