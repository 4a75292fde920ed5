/*
 * pagerank N: 20 rounds of page rank with a damping of 0.85 on a random graph of N nodes and 8 N
 * edges; the rank of a node without edges is spread over all. Prints a checksum and the sum, 1.
 */
#include <string.h>

#include "graph.h"

static void round_of(const struct graph *g, const double *rank, double *out)
{
	double lost = 0;
	for (int v = 0; v < g->nodes; v++)
		out[v] = 0;
	for (int v = 0; v < g->nodes; v++) {
		int degree = g->from[v + 1] - g->from[v];
		if (degree == 0) {
			lost += rank[v];
			continue;
		}
		double share = rank[v] / degree;
		for (int e = g->from[v]; e < g->from[v + 1]; e++)
			out[g->to[e]] += share;
	}
	for (int v = 0; v < g->nodes; v++)
		out[v] = (0.15 + 0.85 * lost) / g->nodes + 0.85 * out[v];
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 1000);
	struct graph g = random_graph(n, 8);
	double *rank = malloc(n * sizeof *rank), *out = malloc(n * sizeof *out), sum = 0;
	uint64_t h = MIX_START;

	for (int v = 0; v < n; v++)
		rank[v] = 1.0 / n;
	for (int i = 0; i < 20; i++) {
		round_of(&g, rank, out);
		double *t = rank;
		rank = out;
		out = t;
	}
	for (int v = 0; v < n; v++) {
		uint64_t bits;
		memcpy(&bits, &rank[v], sizeof bits);
		h = mix(h, bits);
		sum += rank[v];
	}
	printf("pagerank(%d) = %016llx, sum %.9f\n", n, (unsigned long long)h, sum);
	return 0;
}
