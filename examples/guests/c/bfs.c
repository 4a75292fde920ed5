/*
 * bfs N: breadth-first search from ten nodes of a random graph of N nodes and 4 N edges. Prints for
 * each how many nodes it reaches, how far away the farthest is, and the sum of the distances.
 */
#include "graph.h"

/* search leaves in depth how many edges each node is away, -1 for never, and returns how many it reached. */
static int search(const struct graph *g, int start, int *depth, int *queue)
{
	int head = 0, tail = 0;

	for (int v = 0; v < g->nodes; v++)
		depth[v] = -1;
	depth[start] = 0;
	queue[tail++] = start;
	while (head < tail) {
		int v = queue[head++];
		for (int e = g->from[v]; e < g->from[v + 1]; e++) {
			int to = g->to[e];
			if (depth[to] < 0) {
				depth[to] = depth[v] + 1;
				queue[tail++] = to;
			}
		}
	}
	return tail;
}

int main(int argc, char **argv)
{
	int n = arg(argc, argv, 1, 1000);
	struct graph g = random_graph(n, 4);
	int *depth = malloc(n * sizeof *depth), *queue = malloc(n * sizeof *queue);

	for (int i = 0; i < 10; i++) {
		int start = (long long)n * i / 10, reached = search(&g, start, depth, queue);
		long long sum = 0;
		for (int k = 0; k < reached; k++)
			sum += depth[queue[k]];
		printf("from %d: %d nodes, at most %d away, %lld together\n", start, reached, depth[queue[reached - 1]], sum);
	}
	return 0;
}
