/*
 * echo-kv: a key-value server on its standard input and output, one line a request.
 *
 *	request:  N PAYLOAD
 *	answer:   N SUM COUNT WORK REPLY
 *
 * N is the client's number, repeated as it came. SUM is 16 hex digits: FNV-1a (64 bits) over
 * every byte of every request so far, line ends included. COUNT is how many requests were
 * answered, this one included. WORK is 16 hex digits that depend on SUM and on the work of all
 * earlier requests. REPLY is "ok" for the payload "set KEY VALUE", the value or "-" for "get KEY",
 * and the payload itself for anything else. So a request that is lost, repeated or out of order
 * changes every later answer; Ledger in package guests computes the same answers independently.
 *
 * A request is at most LINE_MAX_LEN bytes with its line end. When the store is full, "set" replies
 * "full". The one argument is the depth of the work tree (default 10: 1024 leaves a request).
 * At the end of input the server prints nothing more and exits with 0.
 */
#include <string.h>

#include "guest.h"

#define LINE_MAX_LEN 4096
#define WORDS (1 << 19)   /* of the work table: 4 MiB */
#define SLOTS (1 << 14)   /* of the store, which is full at half of them */
#define SLOT_LEN 256      /* 4 MiB of slots; a key and a value share one */
#define STEPS 16          /* table words a leaf of the work tree changes */

struct slot {
	uint16_t key_len, value_len;
	char text[SLOT_LEN - 4];
};

static uint64_t table[WORDS];
static struct slot slots[SLOTS];
static int used;
static uint64_t sum = MIX_START;
static uint64_t count;

static uint64_t hash(uint64_t h, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = mix(h, (unsigned char)s[i]);
	return h;
}

/* work walks a binary tree of the given depth; each leaf changes STEPS words of the table. */
static uint64_t work(int depth, uint64_t x)
{
	if (depth > 0) {
		uint64_t left = work(depth - 1, mix(x, 2 * depth));
		return mix(left, work(depth - 1, mix(left, 2 * depth + 1)));
	}
	for (int i = 0; i < STEPS; i++) {
		uint64_t *word = &table[x >> 45];
		*word += x;
		x = mix(x, *word);
	}
	return x;
}

/* find returns the slot of key, or the empty one where it belongs. */
static struct slot *find(const char *key, size_t len)
{
	for (size_t i = hash(MIX_START, key, len);; i++) {
		struct slot *s = &slots[i % SLOTS];
		if (s->key_len == 0 || (s->key_len == len && memcmp(s->text, key, len) == 0))
			return s;
	}
}

static const char *set(const char *key, size_t key_len, const char *value, size_t value_len)
{
	struct slot *s = find(key, key_len);
	if (key_len == 0 || key_len + value_len > sizeof s->text)
		return "full";
	if (s->key_len == 0) {
		if (used == SLOTS / 2)
			return "full";
		used++;
	}
	s->key_len = key_len;
	s->value_len = value_len;
	memcpy(s->text, key, key_len);
	memcpy(s->text + key_len, value, value_len);
	return "ok";
}

/* reply prints the last field of the answer to payload. */
static void reply(const char *payload)
{
	if (strncmp(payload, "get ", 4) == 0) {
		const char *key = payload + 4;
		size_t len = strlen(key);
		struct slot *s = find(key, len);
		if (len == 0 || s->key_len == 0)
			fputs("-", stdout);
		else
			fwrite(s->text + len, 1, s->value_len, stdout);
		return;
	}
	const char *key = payload + 4, *space;
	if (strncmp(payload, "set ", 4) == 0 && (space = strchr(key, ' ')) != NULL)
		payload = set(key, space - key, space + 1, strlen(space + 1));
	fputs(payload, stdout);
}

int main(int argc, char **argv)
{
	static char line[LINE_MAX_LEN + 1];
	int depth = arg(argc, argv, 1, 10);

	for (uint64_t i = 0, s = 1; i < WORDS; i++)
		table[i] = next(&s);
	while (fgets(line, sizeof line, stdin) != NULL) {
		size_t len = strlen(line);
		sum = hash(sum, line, len);
		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = 0;
		char *space = strchr(line, ' ');
		const char *payload = space ? space + 1 : "";
		if (space)
			*space = 0;
		printf("%s %016llx %llu %016llx ", line, (unsigned long long)sum,
		       (unsigned long long)++count, (unsigned long long)work(depth, sum));
		reply(payload);
		putchar('\n');
		fflush(stdout);
	}
	return 0;
}
