/* The functions by which an idiomatic guest keeps its state, as package compat has them.
 *
 *	int32_t state[3] = {0, 1, 1};
 *	restore(state, 3);                       once, before the first checkpoint
 *	while (...) { ...; checkpoint(state, 3); }
 *
 * All that the program needs to go on must be in the vector: when it moves it starts from
 * main, and gets the vector of its last checkpoint. What it did since is done again, and so
 * is its output. The length must be the same each time. A call that is wrong ends the guest.
 */
#ifndef SOJOURN_MIGRATION_H
#define SOJOURN_MIGRATION_H

#include <stddef.h>
#include <stdint.h>

#define SOJOURN_IMPORT(name) __attribute__((import_module("migration"), import_name(name)))

/* len counts elements of 32 bits: int32_t, uint32_t, float. */
SOJOURN_IMPORT("checkpoint") void checkpoint(const void *vector, size_t len);
SOJOURN_IMPORT("restore") void restore(void *vector, size_t len);

/* size counts bytes, for vectors of anything else: sizeof vector. */
SOJOURN_IMPORT("checkpoint_bytes") void checkpoint_bytes(const void *vector, size_t size);
SOJOURN_IMPORT("restore_bytes") void restore_bytes(void *vector, size_t size);

#endif
