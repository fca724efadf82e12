"""Polynomials of the vector functions of src/compiler/codegen/support-functions.ts: python3 bench/ulp/fit.py (needs mpmath).

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

# erf(x) = x + x * p(x^2) for |x| <= 1.25: what p leaves out is relative to erf(x)/x.
over = lambda s: mp.erf(mp.sqrt(s)) / mp.sqrt(s) if s > 0 else 2 / mp.sqrt(mp.pi)
fit("erf, |x| <= 1.25", lambda s: over(s) - 1, 7, mp.mpf(10) ** -12, mp.mpf("1.5625"), lambda s: 1 / over(s))

# erf(x) = 1 - c(|x| - 2.625) for 1.25 < |x| < 4: an error of c is one of erf(x), which is near 1.
fit("erfc, 1.25 <= x <= 4", lambda t: mp.erfc(t + mp.mpf("2.625")), 12, mp.mpf("-1.375"), mp.mpf("1.375"), lambda t: 1)

# tanh(x) = x + x * p(x^2) for |x| <= 0.55
tanh_over = lambda s: mp.tanh(mp.sqrt(s)) / mp.sqrt(s) if s > 0 else mp.mpf(1)
fit("tanh, |x| <= 0.55", lambda s: (tanh_over(s) - 1) / s, 4, mp.mpf(10) ** -12, mp.mpf("0.3025"), lambda s: s / tanh_over(s))
