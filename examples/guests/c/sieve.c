/* sieve N: counts the primes below N with the sieve of Eratosthenes; memory and loops. */
#include "guest.h"

int main(int argc, char **argv)
{
	long n = arg(argc, argv, 1, 5000000), primes = 0, last = 0;
	char *composite = calloc(n + 1, 1);

	for (long i = 2; i < n; i++) {
		if (composite[i])
			continue;
		primes++;
		last = i;
		for (long j = i * 2; j < n; j += i)
			composite[j] = 1;
	}
	printf("sieve(%ld): %ld primes, the last %ld\n", n, primes, last);
	return 0;
}
