/* kmeans ROUNDS: what ../idiomatic/kmeans.c computes; nothing is kept. */
#include "points.h"

int main(int argc, char **argv)
{
	long rounds = arg(argc, argv, 1, 10);
	double centre[K][2];

	begin(centre);
	for (long i = 0; i < rounds; i++)
		assign(centre);
	print(centre);
	return 0;
}
