/*
 * components N: the connected components of a random graph of N nodes and N edges, directions
 * disregarded, ten times by union and find with path halving. Prints how many, and the largest.
 */
#include "graph.h"

static int find(int *parent, int v)
{
	while (parent[v] != v)
		v = parent[v] = parent[parent[v]];
	return v;
}

/* join makes the trees of both ends of every edge one, the smaller below the larger. */
static void join(const struct graph *g, int *parent, int *size)
{
	for (int v = 0; v < g->nodes; v++) {
		parent[v] = v;
		size[v] = 1;
	}
	for (int v = 0; v < g->nodes; v++)
		for (int e = g->from[v]; e < g->from[v + 1]; e++) {
			int a = find(parent, v), b = find(parent, g->to[e]);
			if (a == b)
				continue;
			if (size[a] < size[b]) {
				int t = a;
				a = b;
				b = t;
			}
			parent[b] = a;
			size[a] += size[b];
		}
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 1000), count = 0, largest = 0;
	struct graph g = random_graph(n, 1);
	int *parent = malloc(n * sizeof *parent), *size = malloc(n * sizeof *size);

	for (int i = 0; i < 10; i++)
		join(&g, parent, size);
	for (int v = 0; v < n; v++)
		if (parent[v] == v) {
			count++;
			largest = size[v] > largest ? size[v] : largest;
		}
	printf("components(%d) = %d, the largest of %d\n", n, count, largest);
	return 0;
}
