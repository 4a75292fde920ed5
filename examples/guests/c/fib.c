/* fib N: the N-th Fibonacci number by plain recursion; nothing but calls. */
#include "guest.h"

__attribute__((noinline)) static uint64_t fib(int n)
{
	return n < 2 ? (uint64_t)n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 30);
	printf("fib(%d) = %llu\n", n, (unsigned long long)fib(n));
	return 0;
}
