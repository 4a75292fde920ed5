// A program that waits for a line three calls deep, with its source lines in it. Link it
// apart, as wasm-opt would spoil the lines:
// clang --target=wasm32-wasi -g -O1 -fno-inline -c lines.c; clang --target=wasm32-wasi -o lines.wasm lines.o
#include <stdio.h>

static int innermost(int depth) {
	char line[16];
	if (!fgets(line, sizeof line, stdin))
		return -1;
	printf("%d %s", depth, line);
	return depth;
}

static int middle(int depth) {
	int got = innermost(depth + 1);
	return got + depth;
}

int main(void) {
	puts("ready");
	fflush(stdout);
	int sum = middle(40);
	printf("sum %d\n", sum);
	return 0;
}
