/*
 * vm N: a small byte-code machine that reaches every operation through a function pointer, runs
 * a program that counts down from N and folds what it computes into a checksum.
 */
#include "guest.h"

struct vm {
	const uint8_t *pc;
	uint64_t *sp, acc;
	uint64_t stack[64];
	int running;
};

typedef void (*op)(struct vm *);

static void push(struct vm *m) { *m->sp++ = *m->pc++; }
static void dup(struct vm *m) { m->sp[0] = m->sp[-1]; m->sp++; }
static void add(struct vm *m) { m->sp--; m->sp[-1] += m->sp[0]; }
static void mul(struct vm *m) { m->sp--; m->sp[-1] *= m->sp[0]; }
static void dec(struct vm *m) { m->sp[-1]--; }
static void fold(struct vm *m) { m->acc = mix(m->acc, *--m->sp); }
static void back(struct vm *m) { m->pc = m->sp[-1] ? m->pc - *m->pc : m->pc + 1; }
static void halt(struct vm *m) { m->running = 0; }

enum { PUSH, DUP, ADD, MUL, DEC, FOLD, BACK, HALT };
static const op ops[] = {push, dup, add, mul, dec, fold, back, halt};

static const uint8_t program[] = {
	DUP, DUP, MUL, PUSH, 7, ADD, FOLD, DEC, BACK, 9, HALT,
};

int main(int argc, char **argv)
{
	long n = arg(argc, argv, 1, 1000000);
	struct vm m = {.pc = program, .sp = m.stack, .acc = MIX_START, .running = 1};

	*m.sp++ = n;
	while (m.running)
		ops[*m.pc++](&m);
	printf("vm(%ld) = %016llx\n", n, (unsigned long long)m.acc);
	return 0;
}
