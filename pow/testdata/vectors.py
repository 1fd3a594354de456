#!/usr/bin/env python3
"""Writes vectors.json: challenges and answers in both encodings, with Python's integers alone.

    python3 vectors.py > vectors.json
"""

import base64
import json
import random

P = 2**1279 - 1


def kctf(n):
    size = 3 * (n.bit_length() // 24 + 1)
    return base64.b64encode(n.to_bytes(size, "big")).decode()


def redpwn(n, size=None):
    if size is None:
        size = (n.bit_length() + 7) // 8
    return base64.b64encode(n.to_bytes(size, "big")).decode()


def root(x, difficulty):
    for _ in range(difficulty):
        x = pow(x, (P + 1) // 4, P) ^ 1
    return x


def back(y, difficulty):
    for _ in range(difficulty):
        y = pow(y ^ 1, 2, P)
    return y


seed = random.Random(1279)
cases = [(1, x) for x in (1, 2, 3, 2**24 - 1, 2**24, 2**128 - 1, P - 1, P - 2, 2**1278)]
cases += [(d, seed.randrange(2**bits)) for d in (1, 2, 3, 7, 31, 337) for bits in (8, 120, 128, 1278)]
vectors = []
for d, x in cases:
    y = root(x, d)
    other = P - y if y else 0  # P is no residue
    assert back(y, d) in (x, P - x) and back(other, d) in (x, P - x)
    vectors.append({
        "difficulty": d,
        "kctf": f"s.{kctf(d)}.{kctf(x)}",
        "redpwn": f"s.{redpwn(d, 4)}.{redpwn(x)}",
        "answer": f"s.{kctf(y)}",
        "redpwn_answer": f"s.{redpwn(y) if y else kctf(y)}",  # redpwn's 0 is empty
        "negative": f"s.{kctf(other)}",
    })
print(json.dumps(vectors, indent=1))
