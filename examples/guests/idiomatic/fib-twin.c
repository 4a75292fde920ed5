/* fib N: what ../idiomatic/fib.c computes, written as one would: nothing is kept. */
#include "../c/guest.h"

__attribute__((noinline)) static uint32_t add(uint32_t a, uint32_t b)
{
	return a + b;
}

int main(int argc, char **argv)
{
	uint32_t n = arg(argc, argv, 1, 30), before = 0, number = 1;

	for (uint32_t i = 1; n > 1 && i < n; i++) {
		uint32_t result = add(before, number);
		before = number;
		number = result;
	}
	printf("fib(%u) = %u\n", n, n == 0 ? 0 : number);
	return 0;
}
