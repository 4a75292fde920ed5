/* simd N: N rounds of 128-bit vector arithmetic whose vectors stay live across calls and loops. */
#include <string.h>
#include <wasm_simd128.h>

#include "guest.h"

#define LANES 1024

static v128_t data[LANES];

__attribute__((noinline)) static v128_t step(v128_t x, v128_t y, int depth)
{
	v128_t t = wasm_v128_xor(x, wasm_i32x4_shl(y, 5));
	t = wasm_i32x4_add(t, wasm_i32x4_mul(y, wasm_i32x4_splat(0x9e3779b1)));
	t = wasm_i8x16_shuffle(t, x, 0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29, 14, 31);
	if (depth == 0)
		return t;
	return wasm_i16x8_add_sat(step(t, x, depth - 1), wasm_v128_not(y));
}

__attribute__((noinline)) static float norm(v128_t v)
{
	v128_t f = wasm_f32x4_convert_i32x4(wasm_i32x4_shr(v, 20));
	f = wasm_f32x4_sqrt(wasm_f32x4_abs(f));
	return wasm_f32x4_extract_lane(f, 0) + wasm_f32x4_extract_lane(f, 3);
}

int main(int argc, char **argv)
{
	long rounds = arg(argc, argv, 1, 1000);
	v128_t acc = wasm_i64x2_make(1, 2);
	uint64_t words[2];
	float total = 0;

	for (int i = 0; i < LANES; i++)
		data[i] = wasm_i32x4_make(i, i * 3, i * 5, i * 7);
	for (long r = 0; r < rounds; r++) {
		for (int i = 0; i < LANES; i++) {
			acc = wasm_v128_xor(acc, step(data[i], acc, i & 3));
			data[i] = acc;
		}
		total += norm(acc);
	}
	memcpy(words, &acc, sizeof words);
	printf("simd(%ld) = %016llx %016llx, norm %.3f\n", rounds, (unsigned long long)words[0],
	       (unsigned long long)words[1], total);
	return 0;
}
