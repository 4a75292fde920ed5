/*
 * jump N: N rounds of long jumps out of nested calls, to the nearer and to the farther of two places,
 * with locals that live across them. The compiler turns the jumps into exceptions; what it calls
 * for that is in rt/setjmp.c, since the C library for WASI has no setjmp.
 */
#include "guest.h"

typedef struct { int id; } jump_buf[1];
int setjmp(jump_buf) __attribute__((returns_twice));
_Noreturn void longjmp(jump_buf, int);

static jump_buf outer, inner;
static uint64_t h = MIX_START;

__attribute__((noinline)) static void leaf(int n)
{
	for (int i = 0; i < n % 7; i++)
		h = mix(h, i);
	if (n % 3 == 0)
		longjmp(inner, n + 1);
	if (n % 5 == 0)
		longjmp(outer, n + 2);
	h = mix(h, n);
}

__attribute__((noinline)) static int middle(int n, int depth)
{
	volatile int kept = n;
	if (depth > 0)
		return middle(n, depth - 1) + kept;
	int v = setjmp(inner);
	if (v) {
		h = mix(h, v);
		return v;
	}
	leaf(n);
	return kept;
}

__attribute__((noinline)) static int turn(int n)
{
	volatile int kept = n;
	int v = setjmp(outer);
	if (v) {
		h = mix(h, v * 31);
		return kept;
	}
	int r = middle(n, n % 6);
	h = mix(h, r);
	return kept;
}

int main(int argc, char **argv)
{
	long rounds = arg(argc, argv, 1, 40);
	for (int i = 0; i < rounds; i++) {
		int r = turn(i);
		h = mix(h, r);
	}
	printf("%016llx\n", (unsigned long long)h);
	return 0;
}
