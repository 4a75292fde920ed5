// Environment: "A=1", "EMPTY=", "TEXT=a=b c".
#include "wasi.h"

int main(void) {
	u32 n = 0, size = 0, i;
	char *env[4], text[64];
	is("environ_sizes_get", "succeeds", environ_sizes_get(&n, &size), OK);
	is("environ_sizes_get", "number", n, 3);
	is("environ_sizes_get", "bytes, with a NUL each", size, 4 + 7 + 11);
	is("environ_get", "succeeds", environ_get(env, text), OK);
	static const char all[] = "A=1\0EMPTY=\0TEXT=a=b c";
	is("environ_get", "strings lie one after the other", same(text, all, sizeof all), 1);
	const char *want = all;
	for (i = 0; i < n; i++) {
		is("environ_get", "pointer to its string", same(env[i], want, len(want) + 1), 1);
		want += len(want) + 1;
	}
	is("environ_sizes_get", "number beyond memory", environ_sizes_get(NOWHERE, &size), EFAULT);
	is("environ_sizes_get", "bytes beyond memory", environ_sizes_get(&n, NOWHERE), EFAULT);
	is("environ_get", "pointers beyond memory", environ_get(NOWHERE, text), EFAULT);
	is("environ_get", "strings beyond memory", environ_get(env, NOWHERE), EFAULT);
	return 0;
}
