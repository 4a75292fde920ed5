/*
 * nbody N: N steps of a hundredth of a day of the Sun and its four large planets, by the leap-frog
 * method; prints the system's energy before and after. The constants are those of the Benchmarks
 * Game: distances in astronomical units, times in days, masses in which the Sun has 4 pi^2.
 */
#include <math.h>

#include "guest.h"

#define PI 3.141592653589793
#define SUN (4 * PI * PI)
#define YEAR 365.24
#define BODIES 5

struct body {
	double at[3], speed[3], mass;
};

static struct body bodies[BODIES] = {
	{{0, 0, 0}, {0, 0, 0}, SUN},
	{{4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01},
	 {1.66007664274403694e-03 * YEAR, 7.69901118419740425e-03 * YEAR, -6.90460016972063023e-05 * YEAR},
	 9.54791938424326609e-04 * SUN},
	{{8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01},
	 {-2.76742510726411021e-03 * YEAR, 4.99852801234917238e-03 * YEAR, 2.30417297573763929e-05 * YEAR},
	 2.85885980666130812e-04 * SUN},
	{{1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01},
	 {2.96460137564761618e-03 * YEAR, 2.37847173959480950e-03 * YEAR, -2.96589568540237556e-05 * YEAR},
	 4.36624404335156298e-05 * SUN},
	{{1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01},
	 {2.68067772490389322e-03 * YEAR, 1.62824170038242295e-03 * YEAR, -9.51592254519715870e-05 * YEAR},
	 5.15138902046611451e-05 * SUN},
};

/* still gives the Sun the speed at which the whole has no momentum. */
static void still(void)
{
	for (int k = 0; k < 3; k++) {
		double momentum = 0;
		for (int i = 1; i < BODIES; i++)
			momentum += bodies[i].mass * bodies[i].speed[k];
		bodies[0].speed[k] = -momentum / SUN;
	}
}

static double energy(void)
{
	double e = 0;
	for (int i = 0; i < BODIES; i++) {
		const struct body *a = &bodies[i];
		for (int k = 0; k < 3; k++)
			e += a->mass * a->speed[k] * a->speed[k] / 2;
		for (int j = i + 1; j < BODIES; j++) {
			const struct body *b = &bodies[j];
			double square = 0;
			for (int k = 0; k < 3; k++)
				square += (a->at[k] - b->at[k]) * (a->at[k] - b->at[k]);
			e -= a->mass * b->mass / sqrt(square);
		}
	}
	return e;
}

static void pull(struct body *a, struct body *b, double dt)
{
	double d[3], square = 0;
	for (int k = 0; k < 3; k++) {
		d[k] = a->at[k] - b->at[k];
		square += d[k] * d[k];
	}
	double force = dt / (square * sqrt(square));
	for (int k = 0; k < 3; k++) {
		a->speed[k] -= d[k] * b->mass * force;
		b->speed[k] += d[k] * a->mass * force;
	}
}

static void step(double dt)
{
	for (int i = 0; i < BODIES; i++)
		for (int j = i + 1; j < BODIES; j++)
			pull(&bodies[i], &bodies[j], dt);
	for (int i = 0; i < BODIES; i++)
		for (int k = 0; k < 3; k++)
			bodies[i].at[k] += dt * bodies[i].speed[k];
}

int main(int argc, char **argv)
{
	long n = arg(argc, argv, 1, 1000);

	still();
	printf("%.9f\n", energy());
	for (long i = 0; i < n; i++)
		step(0.01);
	printf("%.9f\n", energy());
	return 0;
}
