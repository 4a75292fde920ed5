#include "wasi.h"

static u8 a[64], b[64];

int main(void) {
	u32 i, zeros = 0;
	is("random_get", "nothing", random_get(a, 0), OK);
	for (i = 0; i < sizeof a; i++) zeros += a[i] == 0;
	is("random_get", "nothing was stored", zeros, sizeof a);
	is("random_get", "64 bytes", random_get(a, sizeof a), OK);
	is("random_get", "64 bytes more", random_get(b, sizeof b), OK);
	is("random_get", "differ", same(a, b, sizeof a), 0);
	for (i = 0; i < sizeof a; i += 16) is("random_get", "each part is filled", same(a + i, b + i, 16), 0);
	is("random_get", "beyond memory", random_get(NOWHERE, 16), EFAULT);
	is("random_get", "wraps around", random_get(a, -1), EFAULT);
	return 0;
}
