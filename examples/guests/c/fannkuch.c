/*
 * fannkuch N: for each permutation of N pancakes, how often the top as many as the top one says are
 * turned over until 1 is on top. Prints the sum with alternating sign, and the most, as the
 * Benchmarks Game defines them and in its order of permutations.
 */
#include "guest.h"

#define MOST 12

static int turns(const int *pile, int n)
{
	int p[MOST], count = 0;
	for (int i = 0; i < n; i++)
		p[i] = pile[i];
	for (int top = p[0]; top != 0; top = p[0], count++)
		for (int lo = 0, hi = top; lo < hi; lo++, hi--) {
			int t = p[lo];
			p[lo] = p[hi];
			p[hi] = t;
		}
	return count;
}

/* advance makes the next permutation: it turns ever longer heads of the pile by one place. */
static int advance(int *pile, int *turned, int n)
{
	for (int len = 2; len <= n; len++) {
		int first = pile[0];
		for (int i = 1; i < len; i++)
			pile[i - 1] = pile[i];
		pile[len - 1] = first;
		if (++turned[len - 1] < len)
			return 1;
		turned[len - 1] = 0;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 8), pile[MOST], turned[MOST] = {0};
	long sum = 0, most = 0, sign = 1;

	if (n < 1 || n > MOST)
		return 2;
	for (int i = 0; i < n; i++)
		pile[i] = i;
	do {
		long t = turns(pile, n);
		most = t > most ? t : most;
		sum += sign * t;
		sign = -sign;
	} while (advance(pile, turned, n));
	printf("%ld\nPfannkuchen(%d) = %ld\n", sum, n, most);
	return 0;
}
