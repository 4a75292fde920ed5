/* fib N: the thesis's example (listing of its section 3.2.2), the N-th Fibonacci number modulo
 * 2^32 with all state in one vector, which is kept after each addition. Idiomatic. */
#include "../../../compat/guest/migration.h"
#include "../c/guest.h"

int main(int argc, char **argv)
{
	uint32_t n = arg(argc, argv, 1, 30);
	uint32_t state[3] = {0, 1, 1}; /* the number before, the number, which it is */

	restore(state, 3);
	while (n > 1 && state[2] < n) {
		uint32_t result = state[0] + state[1];
		state[0] = state[1];
		state[1] = result;
		state[2]++;
		checkpoint(state, 3);
	}
	printf("fib(%u) = %u\n", n, n == 0 ? 0 : state[1]);
	return 0;
}
