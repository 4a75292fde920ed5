/* vector N TIMES: keeps a vector of N numbers TIMES times, and does nothing else. Idiomatic: what
 * one checkpoint costs. */
#include "../../../compat/guest/migration.h"
#include "../c/guest.h"

int main(int argc, char **argv)
{
	size_t n = arg(argc, argv, 1, 3);
	long times = arg(argc, argv, 2, 1);
	int32_t *vector = calloc(n, sizeof *vector);

	if (!vector)
		return 1;
	restore(vector, n);
	for (long i = 0; i < times; i++) {
		vector[i % n] = i;
		checkpoint(vector, n);
	}
	return 0;
}
