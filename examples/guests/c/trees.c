/* trees N: builds, walks and frees binary trees up to depth N; the allocator and recursion. */
#include "guest.h"

struct node {
	struct node *left, *right;
};

static struct node *build(int depth)
{
	struct node *n = malloc(sizeof *n);
	if (n == NULL)
		abort();
	n->left = depth > 0 ? build(depth - 1) : NULL;
	n->right = depth > 0 ? build(depth - 1) : NULL;
	return n;
}

static int walk(const struct node *n)
{
	return n->left ? 1 + walk(n->left) + walk(n->right) : 1;
}

static void drop(struct node *n)
{
	if (n->left) {
		drop(n->left);
		drop(n->right);
	}
	free(n);
}

int main(int argc, char **argv)
{
	int max = arg(argc, argv, 1, 14);
	struct node *kept = build(max);

	for (int depth = 2; depth <= max; depth += 2) {
		int trees = 1 << (max - depth), nodes = 0;
		for (int i = 0; i < trees; i++) {
			struct node *t = build(depth);
			nodes += walk(t);
			drop(t);
		}
		printf("%d trees of depth %d: %d nodes\n", trees, depth, nodes);
	}
	printf("the kept tree of depth %d: %d nodes\n", max, walk(kept));
	drop(kept);
	return 0;
}
