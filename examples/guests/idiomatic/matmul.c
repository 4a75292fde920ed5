/* matmul TIMES: multiplies two matrices TIMES times, with the product kept after each row.
 * Idiomatic. */
#include "../../../compat/guest/migration.h"
#include "matrix.h"

static struct {
	double rows, product[SIDE][SIDE];
} state;

int main(int argc, char **argv)
{
	long times = arg(argc, argv, 1, 1);

	fill();
	restore_bytes(&state, sizeof state);
	while (state.rows < (double)times * SIDE) {
		int i = (long)state.rows % SIDE;
		multiply(state.product[i], i);
		state.rows++;
		checkpoint_bytes(&state, sizeof state);
	}
	print(state.product);
	return 0;
}
