/* What the guest programs share: their one numeric argument and the checksum that they print. */
#ifndef GUEST_H
#define GUEST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* arg returns argument i as a number, or def when it is not there. */
static inline long arg(int argc, char **argv, int i, long def)
{
	return i < argc ? strtol(argv[i], NULL, 10) : def;
}

/* mix folds v into the running checksum h: FNV-1a, a 64-bit word at a time. */
static inline uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x100000001b3ull;
}

#define MIX_START 0xcbf29ce484222325ull

/* next returns the next number of the xorshift64 sequence in *s, which must not be 0. */
static inline uint64_t next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

#endif
