"""A deterministic script: what it prints depends on every step that it takes.

Its argument is how many rounds it runs; each takes about half a second on a JIT compiler.
"""

import collections
import functools
import hashlib
import heapq
import itertools
import json
import random
import re
import sys
import zlib


class Account:
    """An object with a property, comparison and an exception of its own."""

    class Empty(Exception):
        pass

    def __init__(self, name):
        self.name, self.entries = name, []

    @property
    def balance(self):
        return sum(self.entries)

    def book(self, amount):
        if self.balance + amount < 0:
            raise Account.Empty(f"{self.name} has {self.balance}, not {-amount}")
        self.entries.append(amount)

    def __lt__(self, other):
        return (self.balance, self.name) < (other.balance, other.name)


def primes():
    """An endless generator whose state is a heap."""
    composites = []
    for n in itertools.count(2):
        if composites and composites[0][0] == n:
            while composites[0][0] == n:
                _, p = composites[0]
                heapq.heapreplace(composites, (n + p, p))
        else:
            heapq.heappush(composites, (n * n, n))
            yield n


@functools.lru_cache(maxsize=None)
def ways(total, coins):
    if total == 0:
        return 1
    if total < 0 or not coins:
        return 0
    return ways(total - coins[0], coins) + ways(total, coins[1:])


def bank(rng):
    accounts = [Account(f"a{i}") for i in range(20)]
    refused = 0
    for _ in range(2000):
        try:
            rng.choice(accounts).book(rng.randint(-120, 100))
        except Account.Empty:
            refused += 1
        finally:
            rng.random()
    return refused, [a.name for a in sorted(accounts)][:3]


def documents(rng):
    docs = [{"id": i, "tags": rng.sample(range(100), 8), "x": rng.random(), "s": "é" * (i % 7)}
            for i in range(300)]
    text = json.dumps(docs, sort_keys=True)
    packed = zlib.compress(text.encode(), 9)
    assert json.loads(zlib.decompress(packed)) == docs
    return hashlib.sha1(text.encode()).hexdigest(), len(packed)


def words(rng):
    text = " ".join("".join(rng.choices("abcdef", k=rng.randint(2, 6))) for _ in range(3000))
    counts = collections.Counter(re.findall(r"\b[a-c]\w*[d-f]\b", text))
    return counts.most_common(3)


def bignum(rng):
    n = 3 ** rng.randint(3000, 4000)
    return sum(map(int, str(n))), pow(7, n, 10**40 + 1)


def main(rounds):
    rng = random.Random(12)
    digest = hashlib.sha256()
    source = primes()
    for i in range(rounds):
        last = collections.deque(itertools.islice(source, 3000), maxlen=1)[0]
        ways.cache_clear()
        facts = (last, ways(40 + i % 8, (1, 2, 5, 10, 20)), bank(rng), documents(rng), words(rng), bignum(rng))
        digest.update(repr(facts).encode())
        print(i, digest.hexdigest()[:16], last, facts[2], flush=True)
    print("end", digest.hexdigest())


main(int(sys.argv[1]))
