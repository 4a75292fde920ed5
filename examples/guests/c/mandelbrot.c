/* mandelbrot N: draws the set in N columns of text; floating point in the innermost loop. */
#include "guest.h"

static int escape(double cr, double ci, int limit)
{
	double zr = 0, zi = 0;
	for (int i = 0; i < limit; i++) {
		double r2 = zr * zr, i2 = zi * zi;
		if (r2 + i2 > 4)
			return i;
		zi = 2 * zr * zi + ci;
		zr = r2 - i2 + cr;
	}
	return limit;
}

int main(int argc, char **argv)
{
	int width = arg(argc, argv, 1, 78), height = width / 3, limit = 1000;
	for (int y = 0; y < height; y++) {
		for (int x = 0; x < width; x++) {
			int n = escape(-2.2 + 3.0 * x / width, -1.2 + 2.4 * y / height, limit);
			putchar(n == limit ? '#' : " .:-=+*%"[n % 8]);
		}
		putchar('\n');
	}
	return 0;
}
