"""A device of this machine's CPU: executes the machine code of a code object by tinygrad's emulator of AMD instructions.

What tinygrad gives is the meaning of each instruction (test/mockgpu/amd/emu.py of a checkout). Which wave runs when, what
memory and registers hold before anybody has written to them, and where a buffer ends is decided here, so that what depends
on luck on a GPU shows: waves run in the order that is asked for, LDS, scratch memory, registers and new buffers hold
the bytes FF (NaN as a float, -1 as an integer), and an access beside a buffer ends the process.
"""

import contextlib
import ctypes
import itertools
import mmap
import os
import random
import re
import shutil
import sys
import tempfile

from code_object import PAGE, CodeObject, Descriptor
from matrix import MATRIX, MatrixUnit, as_gfx942
from refused import Refused

ARCHITECTURES = {
    **{"gfx90a": "cdna", "gfx942": "cdna", "gfx1100": "rdna3", "gfx1101": "rdna3"},
    **{"gfx1200": "rdna4", "gfx1201": "rdna4"},
}
ORDERS = ("forward", "reverse", "shuffled")
POISON = 0xFF
PROT_NONE = 0
LAST_SGPR = 105
VCC = (106, 107)
# 1/(2π), which the emulator keeps at the place where it also notes the number of the wave.
INVERSE_OF_TWO_PI = (248, 0x3E22F983)
# After how many instructions a wave of a shuffled run has to wait for others, at most.
LONGEST_TURN = 64
# Where a wave's buffers have its registers.
SCALARS, VECTORS, ACCUMULATORS = 0, 1, 5
# They empty a cache, or write it back: here memory is seen by all at once.
BUFFER_GL0_INV = bytes.fromhex("0000ace000000000")
CACHE_CONTROL = ("BUFFER_WBL2", "BUFFER_INV", "GLOBAL_INV", "GLOBAL_WB", "GLOBAL_WBINV")
# What the emulator takes for something else: the program counter, and hardware registers, which it has among the inline constants.
NOT_MODELLED = re.compile("^S_(GETPC|SETPC|SWAPPC|CALL|GETREG|SETREG)")
USED = ("decode_inst", "_op_name", "_init_wave", "_decode_at", "_wave_size", "_BARRIER_OPS", "_BARRIER_SOP1_OPS", "_MXCSRContext", "ENDPGM_PC")


class Emulator:
    name = "emulator"

    def __init__(self, checkout, order, seed):
        if not os.path.exists(os.path.join(checkout, "test/mockgpu/amd/emu.py")):
            raise Refused(f"{checkout} has no test/mockgpu/amd/emu.py; name a checkout of tinygrad")
        if order not in ORDERS:
            raise Refused(f"waves do not run {order}; known are {', '.join(ORDERS)}")
        os.environ["DEV"] = "CPU"
        self.tools = find_clang()
        sys.path.insert(0, checkout)
        from test.mockgpu.amd import emu

        missing = [name for name in USED if not hasattr(emu, name)]
        if missing:
            raise Refused(f"the emulator in {checkout} has no {', '.join(missing)}; docs/emulator.md names a commit that has")
        self.emu = emu
        self.order, self.random = order, random.Random(seed)
        self.mprotect = ctypes.CDLL(None, use_errno=True).mprotect
        self.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        self.lds = wide_lds()
        self.matrix = MatrixUnit()
        self.buffers = {}
        self.code = self.architecture = self.named = None
        self.decoded = {}

    def runtime(self):
        return f"tinygrad's emulator, waves {self.order}"

    def devices(self):
        return [{"name": "emulator of AMD instructions", "architectures": list(ARCHITECTURES)}]

    def load(self, elf, architecture):
        if architecture not in ARCHITECTURES:
            raise Refused(f"the emulator does not execute {architecture}; it executes {', '.join(ARCHITECTURES)}")
        self.code, self.architecture, self.named = CodeObject(elf), ARCHITECTURES[architecture], architecture
        self.decoded = {}
        return sorted(name[:-3] for name in self.code.symbols if name.endswith(".kd"))

    def allocate(self, size, alignment, name):
        """
        Memory that ends where a page begins that nobody may touch, but for what its alignment asks for. What its pages have
        beside it is looked at after each launch.
        """
        pages = -(-size // PAGE) * PAGE
        region = mmap.mmap(-1, pages + 2 * PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(region))
        ctypes.memset(start + PAGE, POISON, pages)
        for guard in (start, start + PAGE + pages):
            if self.mprotect(guard, PAGE, PROT_NONE) != 0:
                raise Refused(f"mprotect: {os.strerror(ctypes.get_errno())}")
        address = start + PAGE + (pages - size) // alignment * alignment
        before, behind = (PAGE, address - start), (address - start + size, PAGE + pages)
        self.buffers[address] = (name, region, before, behind)
        return address

    def free(self, address):
        # Nothing else refers to the region, whose pages go with it.
        del self.buffers[address]

    def upload(self, address, source, size):
        ctypes.memmove(address, source, size)

    download = upload

    def fill(self, address, byte, size):
        ctypes.memset(address, byte, size)

    def synchronize(self):
        pass

    def time(self, _run):
        raise Refused("the emulator does not know how long a GPU takes; --device gpu measures")

    def launch(self, launch):
        kernel = Descriptor(self.code, launch.symbol)
        arguments = arguments_of(kernel, launch)
        # Bits 15 to 23 are the size of LDS in units of 512 bytes, which the hardware's dispatcher fills in.
        size = kernel.lds + launch.shared_bytes
        rsrc2 = (kernel.rsrc2 & ~(0x1FF << 15)) | (((size + 511) // 512) << 15)
        pointer = ctypes.addressof(arguments)
        registers = []
        for bit, words in enumerate(((0, 0, 0, 0), (0, 0), (0, 0), (pointer & 0xFFFFFFFF, pointer >> 32), (0, 0))):
            if kernel.properties >> bit & 1:
                registers.extend(words)
        # Defect of the emulator: it flushes subnormal floats whatever the descriptor says (bits 16 and 17 of rsrc1).
        keeps_subnormals = kernel.rsrc1 >> 16 & 3 == 3
        with contextlib.nullcontext() if keeps_subnormals else self.emu._MXCSRContext():
            groups = list(itertools.product(*(range(extent) for extent in reversed(launch.grid))))
            for z, y, x in self.in_order(groups):
                ctypes.memset(self.lds.address, POISON, max(size, 4))
                self.run_group(kernel, launch, (x, y, z), pointer, rsrc2, registers)
        self.check_beside(launch.symbol)

    def check_beside(self, symbol):
        for name, region, *beside in self.buffers.values():
            for (start, end), place in zip(beside, ("before its first", "behind its last")):
                if region[start:end].strip(bytes([POISON])):
                    raise Refused(f"{symbol} has written beside {name}, {place} element")

    def in_order(self, items):
        if self.order == "reverse":
            return items[::-1]
        return self.random.sample(items, len(items)) if self.order == "shuffled" else items

    def run_group(self, kernel, launch, group, pointer, rsrc2, registers):
        """Runs the waves of a work-group; those that wait at a barrier go on when all others wait too, or have ended."""
        threads = launch.block[0] * launch.block[1] * launch.block[2]
        lanes = self.emu._wave_size(self.architecture)
        running = []
        for first in range(0, threads, lanes):
            state = self.emu._init_wave(
                *(kernel.entry, first, threads, *launch.block, pointer, rsrc2, kernel.scratch, self.architecture),
                *(*group, registers, lanes),
            )
            poison(state, rsrc2, len(registers), lanes)
            scratch = ctypes.create_string_buffer(bytes([POISON]) * (kernel.scratch * lanes)) if kernel.scratch else None
            running.append(Wave(state, self.lds.address, scratch))
        while running:
            waiting = []
            running = list(self.in_order(running))
            while running:
                turn = self.random.randrange(1, LONGEST_TURN) if self.order == "shuffled" else None
                wave = running.pop(0)
                stopped = self.run_wave(wave, turn)
                if stopped == "barrier":
                    waiting.append(wave)
                elif stopped == "turn":
                    running.insert(self.random.randrange(len(running) + 1), wave)
            running = waiting

    def run_wave(self, wave, turn):
        """Until a barrier, the end, or so many instructions."""
        end, decoded, state, buffers = self.emu.ENDPGM_PC, self.decoded, wave.state, wave.buffers
        for _ in itertools.count() if turn is None else range(turn):
            place = state.pc
            if place == end:
                return "end"
            function, used, barrier = decoded.get(place) or self.decode(place)
            if function is None:
                state.pc = place + used
                continue
            function(*[buffers[i] for i in used])
            if barrier:
                return "barrier"
        return "turn"

    def decode(self, place):
        """The function of an instruction, what it takes, and whether it is a barrier; no function and its size for one without effect."""
        emu = self.emu
        words = ctypes.string_at(place, 16)
        if self.named == "gfx90a":
            words = as_gfx942(words)
        # This one the emulator does not decode at all.
        cache_control = len(BUFFER_GL0_INV) if words.startswith(BUFFER_GL0_INV) else 0
        if not cache_control:
            instruction = emu.decode_inst(words, self.architecture)
            name = emu._op_name(instruction)
            cache_control = instruction.size() if name in CACHE_CONTROL else 0
            if NOT_MODELLED.match(name) or (self.architecture != "rdna3" and returns_value(name, instruction)):
                raise Refused(f"{name.lower()} is not executed: the emulator does not model what it gives (docs/emulator.md)")
            if MATRIX.search(name):
                function = self.matrix.function(name, instruction, self.architecture, self.named)
                self.decoded[place] = (function, (SCALARS, VECTORS, ACCUMULATORS), False)
                return self.decoded[place]
        if cache_control:
            self.decoded[place] = (None, cache_control, False)
            return self.decoded[place]
        (program, runtime), instruction = emu._decode_at(place, self.architecture)
        barrier = (
            isinstance(instruction, (emu.ir3.SOPP, emu.ir4.SOPP, emu.irc.SOPP)) and instruction.op in emu._BARRIER_OPS
        ) or (isinstance(instruction, emu.ir4.SOP1) and instruction.op in emu._BARRIER_SOP1_OPS)
        self.decoded[place] = (runtime.fxn, program.arg.globals, barrier)
        return self.decoded[place]


def returns_value(name, instruction):
    """Whether an atomic gives what was there before, which the emulator leaves out on RDNA 4 (`th`) and on CDNA (`sc0`)."""
    return "ATOMIC" in name and bool((getattr(instruction, "th", 0) or 0) & 1 or getattr(instruction, "sc0", 0))


class Wave:
    """A wave's registers, and the memories that an instruction's function takes: registers, memory, LDS, scratch."""

    def __init__(self, state, lds, scratch):
        self.state, self.scratch = state, scratch
        addresses = (
            state.sgpr_buf._buf.va_addr,
            state.vgpr_buf._buf.va_addr,
            # Pointers are addresses of this process.
            0,
            lds,
            0 if scratch is None else ctypes.addressof(scratch),
            state.accvgpr_buf._buf.va_addr,
        )
        self.buffers = [ctypes.c_uint64(address) for address in addresses]


def poison(state, rsrc2, given, lanes):
    """Registers that no launch sets. Of the vector registers that is all but v0, which holds the position in the block."""
    set_by_launch = given + sum(rsrc2 >> bit & 1 for bit in (7, 8, 9))
    for register in (*range(set_by_launch, LAST_SGPR + 1), *VCC):
        state._write_sgpr(register, 0xFFFFFFFF)
    state._write_sgpr(*INVERSE_OF_TWO_PI)
    ctypes.memset(state.vgpr_buf._buf.va_addr + 4 * lanes, POISON, 255 * 4 * lanes)
    if state.accvgpr_buf is not state.vgpr_buf:
        ctypes.memset(state.accvgpr_buf._buf.va_addr, POISON, 256 * 4 * lanes)


def arguments_of(kernel, launch):
    """The kernel's arguments in memory: those that the launcher has packed, and the hidden ones of the metadata."""
    arguments = (ctypes.c_ubyte * (max(kernel.arguments, len(launch.arguments)) + 256))()
    ctypes.memmove(arguments, launch.arguments, len(launch.arguments))
    known = {"hidden_remainder_x": 0, "hidden_remainder_y": 0, "hidden_remainder_z": 0, "hidden_grid_dims": 3}
    for axis, letter in enumerate("xyz"):
        known[f"hidden_block_count_{letter}"] = launch.grid[axis]
        known[f"hidden_group_size_{letter}"] = launch.block[axis]
    for hidden in kernel.hidden:
        # What is not named here is a pointer that these kernels do not use, or an offset of 0.
        value = known.get(hidden[".value_kind"], 0)
        arguments[hidden[".offset"] : hidden[".offset"] + hidden[".size"]] = value.to_bytes(hidden[".size"], "little")
    return arguments


class wide_lds:
    """
    Defect of the emulator: in an LDS instruction, lanes that are switched off read and rewrite what their registers name,
    which may be any 32-bit address. LDS is therefore given all of these, of which the pages that are touched take memory.
    """

    def __init__(self):
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
        self.region = mmap.mmap(-1, 2**32 + 2**17, flags=flags)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.region))


def find_clang():
    """tinygrad calls `clang`; distributions may have it under a name with a version alone. Returns what keeps the folder."""
    if shutil.which("clang"):
        return None
    found = next((path for v in range(21, 13, -1) if (path := shutil.which(f"clang-{v}"))), None)
    if found is None:
        raise Refused("the emulator needs clang, and there is none on the PATH; install Debian's package clang")
    folder = tempfile.TemporaryDirectory(prefix="tokitai-clang-")
    os.symlink(found, os.path.join(folder.name, "clang"))
    os.environ["PATH"] = f"{folder.name}{os.pathsep}{os.environ.get('PATH', '')}"
    return folder
