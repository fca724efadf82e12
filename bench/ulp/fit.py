"""Polynomials of the vector functions of src/compiler/codegen/support-functions.ts and support-pieces.ts: python3 bench/ulp/fit.py (needs mpmath).

Each is fitted at Chebyshev nodes in high precision, with the weight that makes its error relative to the function, then
rounded to f32 coefficient by coefficient: what the rounding of one leaves is fitted by those after it. Printed are the
coefficients, lowest first, and the largest error of the polynomial itself in units of 2^-24 of the function.
"""

import mpmath as mp
import struct

mp.mp.prec = 200


def f32(value):
    return mp.mpf(struct.unpack("f", struct.pack("f", float(value)))[0])


def nodes(low, high, count):
    return [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]


def solve(basis, target, weight, points):
    rows = mp.matrix(len(points), len(basis))
    right = mp.matrix(len(points), 1)
    for i, x in enumerate(points):
        w = weight(x)
        for j, power in enumerate(basis):
            rows[i, j] = w * x**power
        right[i] = w * target(x)
    return mp.lu_solve(rows, right)


def fit(name, function, degree, low, high, weight, fixed=()):
    """The coefficients of powers 0 to degree; the first ones may be given."""
    points = nodes(mp.mpf(low), mp.mpf(high), 12 * (degree + 1))
    found = [mp.mpf(one) for one in fixed]
    while len(found) <= degree:
        basis = list(range(len(found), degree + 1))
        rest = lambda x: function(x) - sum(c * x**k for k, c in enumerate(found))
        found.append(f32(solve(basis, rest, weight, points)[0]))
    error = max(abs((sum(c * x**k for k, c in enumerate(found)) - function(x)) * weight(x)) for x in nodes(mp.mpf(low), mp.mpf(high), 4001))
    print(f"{name}: {', '.join(mp.nstr(c, 9) for c in found)}   // {mp.nstr(error * 2**24, 3)}")


half_log2 = mp.log(2) / 2
fit("exp, |r| <= ln(2)/2", mp.exp, 6, -half_log2, half_log2, lambda x: mp.exp(-x), fixed=(1, 1))


def pieces(name, ratio, step, count, degree, cap):
    """Of f(x) = x ratio(|x|): coefficients of ratio around the multiples of `step`, one row for each power; those of power 0 are rounded."""
    rows = []
    worst = mp.mpf(0)
    for i in range(count):
        centre = step * i
        low = mp.mpf(0) if i == 0 else -step / 2
        high = cap - centre if i == count - 1 else step / 2
        around = lambda d: ratio(centre + d)
        points = nodes(low, high, 12 * (degree + 1))
        found = [f32(around(mp.mpf(0)))]
        while len(found) <= degree:
            basis = list(range(len(found), degree + 1))
            rest = lambda d: around(d) - sum(c * d**k for k, c in enumerate(found))
            found.append(f32(solve(basis, rest, lambda d: 1 / around(d), points)[0]))
        rows.append(found)
        for d in nodes(low, high, 301):
            worst = max(worst, abs(sum(c * d**k for k, c in enumerate(found)) / around(d) - 1))
    print(f"// {name}, {count} pieces: {mp.nstr(worst * 2**24, 3)}\nstep: {int(step * 2**19)} / 2 ** 19,\nlast: {mp.nstr(cap, 9)},\ncoefficients: [")
    for power in range(degree + 1):
        print(f"  [{', '.join(mp.nstr(row[power], 9) for row in rows)}],")
    print("],")


def best_step(ratio, near, count):
    """Of steps of 20 bits, whose multiples f32 has, that with the smallest error where `ratio` is rounded at its multiples."""
    best = (mp.inf, None)
    for j in range(-4000, 4001):
        step = mp.mpf(int(near * 2**19) + j) / 2**19
        worst = max(abs(f32(ratio(step * i)) / ratio(step * i) - 1) for i in range(1, count))
        best = min(best, (worst, step))
    return best[1]


# erf(x) = x r(|x|), which is 1 from 4 on; tanh(x) = x r(|x|), which is 1 from 9.5 on. Of as many pieces as a register has lanes.
erf_ratio = lambda x: mp.erf(x) / x if x > 0 else 2 / mp.sqrt(mp.pi)
tanh_ratio = lambda x: mp.tanh(x) / x if x > 0 else mp.mpf(1)
for name, ratio, cap, degrees in (("erf", erf_ratio, mp.mpf(4), {16: 5, 8: 7}), ("tanh", tanh_ratio, mp.mpf("9.5"), {16: 7, 8: 10})):
    for count, degree in degrees.items():
        near = cap / (count - mp.mpf("0.75"))
        pieces(name, ratio, best_step(ratio, near, count), count, degree, cap)
