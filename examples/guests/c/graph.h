/* A random directed graph as its edges by source: those of v are to[from[v]] up to to[from[v+1]]. */
#ifndef GRAPH_H
#define GRAPH_H

#include "guest.h"

struct graph {
	int nodes, edges, *from, *to;
};

/*
 * random_graph has degree edges for each node on average. The smaller of two random numbers is an
 * edge's end, so that few nodes have many edges, as on the web.
 */
static struct graph random_graph(int nodes, int degree)
{
	struct graph g = {nodes, nodes * degree, calloc(nodes + 1, sizeof(int)), malloc(nodes * degree * sizeof(int))};
	int *sources = malloc(g.edges * sizeof(int)), *place = malloc((nodes + 1) * sizeof(int));
	uint64_t seed = 1;

	for (int e = 0; e < g.edges; e++) {
		sources[e] = (next(&seed) >> 16) % nodes;
		g.from[sources[e] + 1]++;
	}
	for (int v = 0; v < nodes; v++)
		g.from[v + 1] += g.from[v];
	for (int v = 0; v <= nodes; v++)
		place[v] = g.from[v];
	for (int e = 0; e < g.edges; e++) {
		int a = (next(&seed) >> 16) % nodes, b = (next(&seed) >> 16) % nodes;
		g.to[place[sources[e]]++] = a < b ? a : b;
	}
	free(sources);
	free(place);
	return g;
}

#endif
