/*
 * What LLVM calls for setjmp and longjmp: a table for each active function of the places that it has
 * set, with their labels in it, ended by a place of 0; and a throw of the place and the value.
 */
#include <stdlib.h>

static int temp, places;

int getTempRet0(void) { return temp; }

/* saveSetjmp adds a place and returns the table, which may have moved; its size is in temp. */
int *saveSetjmp(int *buf, int label, int *table, int size)
{
	int i = 0;
	*buf = ++places;
	while (i < size && table[2 * i])
		i++;
	if (i + 1 >= size) {
		size = 2 * size + 2;
		table = realloc(table, sizeof(int) * 2 * (size + 1));
	}
	table[2 * i] = *buf;
	table[2 * i + 1] = label;
	table[2 * i + 2] = 0;
	temp = size;
	return table;
}

/* testSetjmp returns the label of a place, 0 when it is another function's. */
int testSetjmp(int place, int *table, int size)
{
	for (int i = 0; i < size && table[2 * i]; i++)
		if (table[2 * i] == place)
			return table[2 * i + 1];
	return 0;
}

void __wasm_longjmp(void *buf, int val)
{
	static struct { void *buf; int val; } jump;
	jump.buf = buf;
	jump.val = val ? val : 1;
	__builtin_wasm_throw(1, &jump);
}
