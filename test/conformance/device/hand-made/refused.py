"""Runs the kernels of refused.hip on the emulator's device: the folder of the bridge, a checkout of tinygrad, a code object and its
architecture in, one line of JSON out: kernel → what it left in four threads, or why it was refused.
"""

import ctypes
import json
import struct
import sys

sys.path.insert(0, sys.argv[1])

from emulator import Emulator  # noqa: E402
from library import Launch  # noqa: E402
from refused import Refused  # noqa: E402

emulator = Emulator(sys.argv[2], "forward", 1)
with open(sys.argv[3], "rb") as file:
    kernels = emulator.load(file.read(), sys.argv[4])
answers = {}
for kernel in kernels:
    counter, out = emulator.allocate(4, 256, "counter"), emulator.allocate(16, 256, "out")
    ctypes.memset(counter, 0, 4)
    try:
        emulator.launch(Launch(kernel, (1, 1, 1), (4, 1, 1), 0, struct.pack("<QQ", counter, out)))
        answers[kernel] = list(struct.unpack("<4i", ctypes.string_at(out, 16)))
    except Refused as refused:
        answers[kernel] = str(refused)
print(json.dumps(answers))
