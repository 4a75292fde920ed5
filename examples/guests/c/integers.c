/*
 * integers N: N rounds of the four kinds of work of which integer benchmarks of small machines are
 * made: a linked list that is searched, reversed and sorted; products of small matrices; a state
 * machine that tells numbers from other words; and a CRC-16 over all results, bit by bit.
 */

#include "guest.h"

static uint16_t crc16(uint16_t crc, uint32_t v, int bits)
{
	for (; bits > 0; bits--, v >>= 1)
		crc = (crc ^ v) & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
	return crc;
}

/* Lists. */

#define ITEMS 64

struct item {
	struct item *next;
	int16_t key, id;
};

static struct item *reverse(struct item *list)
{
	struct item *done = NULL;
	while (list) {
		struct item *rest = list->next;
		list->next = done;
		done = list;
		list = rest;
	}
	return done;
}

static struct item *find(struct item *list, int16_t key)
{
	while (list && list->key != key)
		list = list->next;
	return list;
}

static int by_key(const struct item *a, const struct item *b) { return a->key - b->key; }
static int by_id(const struct item *a, const struct item *b) { return a->id - b->id; }

typedef int (*order)(const struct item *, const struct item *);

static struct item *merge(struct item *a, struct item *b, order cmp)
{
	struct item head, *last = &head;
	while (a && b) {
		struct item **least = cmp(a, b) <= 0 ? &a : &b;
		last = last->next = *least;
		*least = last->next;
	}
	last->next = a ? a : b;
	return head.next;
}

static struct item *sort(struct item *list, order cmp)
{
	if (!list || !list->next)
		return list;
	struct item *slow = list, *fast = list->next;
	while (fast && fast->next) {
		slow = slow->next;
		fast = fast->next->next;
	}
	struct item *half = slow->next;
	slow->next = NULL;
	return merge(sort(list, cmp), sort(half, cmp), cmp);
}

static uint16_t lists(uint64_t *seed)
{
	static struct item items[ITEMS];
	struct item *list = NULL;
	uint16_t crc = 0;

	for (int i = 0; i < ITEMS; i++) {
		items[i] = (struct item){list, next(seed) >> 40 & 0x7f, i};
		list = &items[i];
	}
	for (int key = 0; key < 16; key++) {
		struct item *it = find(list, key * 8);
		crc = crc16(crc, it ? it->id : ITEMS, 16);
		list = reverse(list);
	}
	list = sort(list, by_key);
	for (struct item *it = list; it; it = it->next)
		crc = crc16(crc, it->key, 16);
	list = sort(list, by_id);
	return crc16(crc, list->key, 16);
}

/* Matrices. */

#define ROWS 12

static uint16_t matrices(uint64_t *seed)
{
	int16_t a[ROWS][ROWS], b[ROWS][ROWS];
	uint16_t crc = 0;

	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < ROWS; j++) {
			uint64_t r = next(seed);
			a[i][j] = r >> 20 & 0xff;
			b[i][j] = r >> 40 & 0xff;
		}
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < ROWS; j++) {
			int32_t sum = 0;
			for (int k = 0; k < ROWS; k++)
				sum += (int32_t)a[i][k] * b[k][j];
			crc = crc16(crc, (uint32_t)sum >> 2, 8);
		}
	return crc;
}

/* The state machine: words are whole numbers, fractions, numbers with an exponent, or neither. */

enum state { START, SIGN, WHOLE, POINT, FRACTION, EXPONENT, POWER, WRONG, STATES };

static enum state follow(enum state s, char c)
{
	int digit = c >= '0' && c <= '9', sign = c == '+' || c == '-';
	switch (s) {
	case START:
		if (sign)
			return SIGN;
		/* fall through */
	case SIGN:
		return digit ? WHOLE : c == '.' ? POINT : WRONG;
	case WHOLE:
		return digit ? WHOLE : c == '.' ? FRACTION : c == 'e' ? EXPONENT : WRONG;
	case POINT:
	case FRACTION:
		return digit ? FRACTION : c == 'e' && s == FRACTION ? EXPONENT : WRONG;
	case EXPONENT:
		return digit || sign ? POWER : WRONG;
	case POWER:
		return digit ? POWER : WRONG;
	default:
		return WRONG;
	}
}

static uint16_t machine(uint64_t *seed)
{
	static const char *const words[] = {"7", "-61", "+20480", "3.25", ".5", "-0.0625", "6.02e+23", "-1.e-9",
		"8e12", "12x", "+-3", "1..2", "e5", "0x1F"};
	int ends[STATES] = {0}, visits = 0;
	char text[512];
	size_t len = 0;
	uint16_t crc = 0;

	while (len < sizeof text - 16) {
		const char *w = words[next(seed) % (sizeof words / sizeof *words)];
		while (*w)
			text[len++] = *w++;
		text[len++] = ',';
	}
	enum state s = START;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == ',') {
			ends[s]++;
			s = START;
			continue;
		}
		enum state t = follow(s, text[i]);
		visits += t != s;
		s = t;
	}
	for (int i = 0; i < STATES; i++)
		crc = crc16(crc, ends[i], 16);
	return crc16(crc, visits, 16);
}

int main(int argc, char **argv)
{
	long n = arg(argc, argv, 1, 100);
	uint64_t seed = 1;
	uint16_t crc = 0;

	for (long i = 0; i < n; i++) {
		crc = crc16(crc, lists(&seed), 16);
		crc = crc16(crc, matrices(&seed), 16);
		crc = crc16(crc, machine(&seed), 16);
	}
	printf("integers(%ld) = %04x\n", n, crc);
	return 0;
}
