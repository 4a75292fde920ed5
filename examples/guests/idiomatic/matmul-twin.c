/* matmul TIMES: what ../idiomatic/matmul.c computes; nothing is kept. */
#include "matrix.h"

static double product[SIDE][SIDE];

int main(int argc, char **argv)
{
	long times = arg(argc, argv, 1, 1);

	fill();
	for (long t = 0; t < times; t++)
		for (int i = 0; i < SIDE; i++)
			multiply(product[i], i);
	print(product);
	return 0;
}
