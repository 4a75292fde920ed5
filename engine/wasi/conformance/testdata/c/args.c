// Arguments: "args", "one", "", "zwei drei", "\xc3\xa9".
#include "wasi.h"

int main(void) {
	u32 n = 0, size = 0, i;
	char *argv[8], text[64];
	is("args_sizes_get", "succeeds", args_sizes_get(&n, &size), OK);
	is("args_sizes_get", "number", n, 5);
	is("args_sizes_get", "bytes, with a NUL each", size, 5 + 4 + 1 + 10 + 3);
	is("args_get", "succeeds", args_get(argv, text), OK);
	static const char all[] = "args\0one\0\0zwei drei\0\xc3\xa9";
	is("args_get", "strings lie one after the other", same(text, all, sizeof all), 1);
	const char *want = all;
	for (i = 0; i < n; i++) {
		is("args_get", "pointer to its string", same(argv[i], want, len(want) + 1), 1);
		want += len(want) + 1;
	}
	is("args_sizes_get", "number beyond memory", args_sizes_get(NOWHERE, &size), EFAULT);
	is("args_sizes_get", "bytes beyond memory", args_sizes_get(&n, NOWHERE), EFAULT);
	is("args_get", "pointers beyond memory", args_get(NOWHERE, text), EFAULT);
	is("args_get", "strings beyond memory", args_get(argv, NOWHERE), EFAULT);
	return 0;
}
