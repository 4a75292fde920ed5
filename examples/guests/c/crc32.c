/* crc32 N: the CRC-32 of N KiB of pseudo-random bytes, by table, in four passes over the same buffer. */
#include "guest.h"

static uint32_t table[256];

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
		table[i] = c;
	}
}

static uint32_t crc(uint32_t c, const unsigned char *p, size_t len)
{
	c = ~c;
	while (len-- > 0)
		c = table[(c ^ *p++) & 0xff] ^ c >> 8;
	return ~c;
}

int main(int argc, char **argv)
{
	long kib = arg(argc, argv, 1, 8192);
	size_t len = (size_t)kib * 1024;
	unsigned char *buf = malloc(len);
	uint64_t seed = 1;
	uint32_t c = 0;

	make_table();
	for (size_t i = 0; i < len; i++)
		buf[i] = next(&seed);
	for (int pass = 0; pass < 4; pass++)
		c = crc(c, buf, len);
	printf("crc32(%ld KiB) = %08x\n", kib, c);
	return 0;
}
