"""The work of a kctf solver and verifier with gmpy2, timed: two integers for each line read.

A line of output: nanoseconds for a root (1277 squarings), nanoseconds for a
step of verifying (one squaring).
"""

import sys
import time

import gmpy2

P = gmpy2.mpz(2) ** 1279 - 1
EXPONENT = (P + 1) // 4
STEPS = 200

x = gmpy2.mpz(3) ** 700
for _ in sys.stdin:
    start = time.perf_counter_ns()
    x = gmpy2.powmod(x, EXPONENT, P).bit_flip(0)
    root = time.perf_counter_ns()
    y = x
    for _ in range(STEPS):
        y = gmpy2.powmod(y.bit_flip(0), 2, P)
    end = time.perf_counter_ns()
    print(root - start, (end - root) // STEPS, flush=True)
