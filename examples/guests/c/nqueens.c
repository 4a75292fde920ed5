/* nqueens N: counts the ways to place N queens on an N by N board, by backtracking. */
#include "guest.h"

static long place(uint32_t all, uint32_t columns, uint32_t left, uint32_t right)
{
	long ways = 0;
	if (columns == all)
		return 1;
	for (uint32_t free = all & ~(columns | left | right); free;) {
		uint32_t bit = free & -free;
		free ^= bit;
		ways += place(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
	}
	return ways;
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 11);
	printf("nqueens(%d) = %ld\n", n, place((1u << n) - 1, 0, 0, 0));
	return 0;
}
