/* deep N: recursion N calls deep, with live values of every kind in each frame. */
#include <string.h>

#include "guest.h"

__attribute__((noinline)) static double descend(int n, uint64_t a, float b, double c)
{
	if (n == 0)
		return c + b;
	double below = descend(n - 1, mix(a, n), b * 0.5f + (float)n, c + (double)(a & 0xff));
	return below + (double)(a >> 48) - b + c * 0.25;
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 10000);
	double total = 0;
	uint64_t bits;

	for (int i = 0; i < 3; i++)
		total += descend(n, MIX_START + i, i, i);
	memcpy(&bits, &total, sizeof bits);
	printf("deep(%d) = %016llx\n", n, (unsigned long long)bits);
	return 0;
}
