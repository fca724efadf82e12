"""Runs the kernels of kernels.hip on the emulator's device: the folder of the bridge, a checkout of tinygrad, a code object and its
architecture in, one line of JSON out: kernel → "right", or what was found.

The layouts are those of AMD's matrix instruction calculator, written down here once more and in another form than in matrix.c.
"""

import ctypes
import json
import random
import struct
import sys

sys.path.insert(0, sys.argv[1])

from emulator import Emulator  # noqa: E402
from library import Launch  # noqa: E402
from refused import Refused  # noqa: E402

emulator = Emulator(sys.argv[2], "forward", 1)
architecture = sys.argv[4]
PACK = {"f16": lambda x: struct.pack("<e", x), "bf16": lambda x: struct.pack("<f", x)[2:], "f32": lambda x: struct.pack("<f", x)}


class Layout:
    """`input(lane, e)` is the row (of A; of B the column) and k; `output(lane, v)` the row and the column."""

    def __init__(self, name, kind):
        self.lanes, self.size = (32, 16) if name == "wmma" else (64, int(name[4:]))
        groups = self.lanes // self.size
        if architecture.startswith("gfx11"):
            self.elements, self.results, self.depth = 16, 8, 16
            self.input = lambda lane, e: (lane % 16, e)
            self.output = lambda lane, v: (2 * v + lane // 16, lane % 16)
        elif architecture.startswith("gfx12"):
            self.elements, self.results, self.depth = 8, 8, 16
            self.input = lambda lane, e: (lane % 16, e % 4 + 4 * (lane // 16) + 8 * (e // 4))
            self.output = lambda lane, v: (8 * (lane // 16) + v, lane % 16)
        else:
            self.elements, self.results = 1 if kind == "f32" else 4, self.size**2 // 64
            self.depth = self.elements * groups
            self.input = lambda lane, e: (lane % self.size, self.elements * (lane // self.size) + e)
            self.output = lambda lane, v: (4 * groups * (v // 4) + 4 * (lane // self.size) + v % 4, lane % self.size)


def run(kernel, value, start=0, spoil=False):
    name, kind, variant = kernel.split("_", 2)
    layout, pack, number = Layout(name, kind), PACK[kind], random.Random(kernel)
    lanes, elements, results, size, depth = layout.lanes, layout.elements, layout.results, layout.size, layout.depth
    a, b = ([[value(number) for _ in range(depth)] for _ in range(size)] for _ in "ab")
    c = [[float(number.randrange(-99, 99)) for _ in range(size)] for _ in range(size)]

    def fragments(matrix):
        places = [layout.input(lane, e) for lane in range(lanes) for e in range(elements)]
        return b"".join(pack(matrix[row][k]) for row, k in places)

    of_a = bytearray(fragments(a))
    if spoil:
        of_a[-1] ^= 1
    of_c = [layout.output(lane, v) for v in range(results) for lane in range(lanes)]
    texts = [bytes(of_a), fragments(b), b"".join(struct.pack("<f", c[row][column]) for row, column in of_c)]
    texts.append(bytes(4 * lanes * results))
    buffers = [emulator.allocate(len(text), 256, name) for name, text in zip("abcd", texts)]
    for address, text in zip(buffers, texts):
        ctypes.memmove(address, text, len(text))
    try:
        emulator.launch(Launch(kernel, (1, 1, 1), (lanes, 1, 1), 0, struct.pack("<QQQQi", *buffers, start)))
        found = struct.unpack(f"<{lanes * results}f", ctypes.string_at(buffers[3], len(texts[3])))
    except Refused as refused:
        return str(refused)
    finally:
        for address in buffers:
            emulator.free(address)
    if value is small and architecture == "gfx90a":
        a = [[0.0] * depth for _ in range(size)]
    for at, result in enumerate(found):
        row, column = layout.output(at // results, at % results)
        wanted = sum(a[row][k] * b[column][k] for k in range(depth)) + (c[row][column] if variant == "sum" else 0.0)
        if not result == wanted:
            return f"D[{row}][{column}] is {result}, not {wanted}"
    return "right"


def whole(number):
    return float(number.randrange(-16, 17))


def small(number):
    """Subnormal as a half, which MI200 takes as 0; sums are exact."""
    return number.randrange(-1023, 1024) * 2.0**-24


answers = {}
with open(sys.argv[3], "rb") as file:
    kernels = emulator.load(file.read(), architecture)
for kernel in kernels:
    if kernel.endswith("some_lanes"):
        answers[kernel] = run(kernel, whole, 1)
        continue
    answers[kernel] = run(kernel, whole)
    if kernel.endswith("f16_product") and "_f16" in kernel:
        answers[f"{kernel} of subnormals"] = run(kernel, small)
    if architecture.startswith("gfx11") and kernel.endswith("product"):
        answers[f"{kernel} without copies"] = run(kernel, whole, 0, True)
print(json.dumps(answers))
