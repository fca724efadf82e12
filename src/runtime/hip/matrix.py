"""Matrix instructions (WMMA, MFMA) for the emulator's device: a decoded instruction in, a function of a wave's registers out.

Defects of the emulator that this answers: an inline constant as accumulator of WMMA is read as a register; the rows of 32×32
results are others than the hardware's; on CDNA subnormal halves are 0, and infinite ones are finite; inputs in accumulation
registers are read from vector registers; sparse instructions (SWMMAC) are executed as dense ones; the copy of its inputs that
RDNA 3 asks for is not looked at. What is not in the table is refused.
"""

import ctypes
import os
import re
import subprocess
import tempfile

from refused import Refused

FAMILIES = {"rdna3": 0, "rdna4": 1, "cdna": 2}
ELEMENTS = {"F16": 0, "BF16": 1, "F32": 2}
# Name → family, rows and columns, depth.
WMMA = {f"V_WMMA_F32_16X16X16_{element}": (16, 16, element) for element in ("F16", "BF16")}
MFMA = {
    f"V_MFMA_F32_{size}X{size}X{depth}_{element}": (size, depth, element)
    for size, depth, element in (
        *((16, 16, "F16"), (16, 16, "BF16"), (16, 4, "F32")),
        *((32, 8, "F16"), (32, 8, "BF16"), (32, 2, "F32")),
    )
}
MATRIX = re.compile("MFMA|WMMA|SMFMAC|SWMMAC")
# gfx90a's `v_mfma_f32_32x32x8bf16_1k` and `v_mfma_f32_16x16x16bf16_1k`, under the numbers that they have on gfx942.
RENUMBERED = {0xD3E6: 0xD3E0, 0xD3E7: 0xD3E1}
FIELDS = ("family", "element", "size", "depth", "flush", "a", "b", "c", "d", "accumulators", "c_is_scalar")
FIRST_VECTOR = 256
REFUSALS = {
    1: "is executed with lanes switched off",
    2: "finds other inputs in lanes 16 to 31 than in lanes 0 to 15",
}


class Instruction(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in FIELDS]


def as_gfx942(words):
    """The instruction of gfx90a, as gfx942 has it."""
    first = int.from_bytes(words[2:4], "little")
    return words[:2] + RENUMBERED.get(first, first).to_bytes(2, "little") + words[4:]


class MatrixUnit:
    def __init__(self):
        with tempfile.TemporaryDirectory(prefix="tokitai-matrix-") as folder:
            library = os.path.join(folder, "matrix.so")
            source = os.path.join(os.path.dirname(__file__), "matrix.c")
            command = ["clang", "-O2", "-shared", "-fPIC", "-ffp-contract=off", source, "-o", library, "-lm"]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode != 0:
                raise Refused(f"clang does not compile matrix.c: {run.stderr.strip()[-500:]}")
            self.run = ctypes.CDLL(library).matrix

    def function(self, name, decoded, family, architecture):
        """What executes the instruction, given the addresses of scalar, vector and accumulation registers."""
        size, depth, element = (MFMA if family == "cdna" else WMMA).get(name, (0, 0, ""))
        # Of MFMA the bits of the others are its own: where WMMA clamps it says that accumulation registers are meant.
        fields = ("cbsz", "abid", "blgp") if family == "cdna" else ("neg", "neg_hi", "opsel", "clmp")
        modifiers = [getattr(decoded, field, 0) or 0 for field in fields]
        if size == 0 or any(modifiers):
            raise Refused(f"{name}{' with modifiers' if size else ''} is not executed; known are {', '.join((*WMMA, *MFMA))}")
        in_vectors = decoded.src2.offset >= FIRST_VECTOR
        instruction = Instruction(
            *(FAMILIES[family], ELEMENTS[element], size, depth),
            # PyTorch, "Numerical accuracy": matrix instructions of MI200 take subnormal 16-bit inputs as 0.
            int(architecture == "gfx90a"),
            *(operand.offset - FIRST_VECTOR for operand in (decoded.src0, decoded.src1)),
            decoded.src2.offset - (FIRST_VECTOR if in_vectors else 0),
            decoded.vdst.offset - FIRST_VECTOR,
            getattr(decoded, "acc", 0) | getattr(decoded, "acc_cd", 0) << 2,
            int(not in_vectors),
        )

        def execute(*registers):
            failure = self.run(ctypes.byref(instruction), *registers)
            if failure != 0:
                raise Refused(f"{name} {REFUSALS[failure]}")

        return execute
