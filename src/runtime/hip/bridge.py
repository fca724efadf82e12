"""The device side of tokitai's GPU runtime: a child process that speaks frames on its standard streams.

A frame is the length of its header (4 bytes, little endian), the header (JSON), and as many further bytes as the header's
`body` says. A request has an `id` and an `op`; its answer has the same id, and `ok`, or else `message`. Tensors lie in a
file that both processes map, so that no tensor goes through the pipe.

    hello   {tinygrad, memory, bytes}  -> {protocol, python, device}
    load    {library, room, architecture} + code object -> {kernels}
    launch  {kernel, fields, guards}   -> {symbol}: what tok_<kernel>_prepare has checked and packed, and nothing else

The device is tinygrad's emulator of AMD instructions (test/mockgpu/amd/emu.py of a checkout), which executes the machine code
of a code object on host memory. Sources: LLVM AMDGPUUsage, "Kernel Descriptor" and "Initial Kernel Execution State".
"""

import contextlib
import ctypes
import json
import mmap
import os
import shutil
import struct
import sys
import tempfile
import traceback

PROTOCOL = 1
PAGE = 4096
ARCHITECTURES = {"gfx1100": "rdna3", "gfx1101": "rdna3"}
PT_LOAD, PF_X, SHT_SYMTAB, SHT_DYNSYM = 1, 1, 2, 11
PROT_NONE, PROT_READ_WRITE = 0, 3


class Refused(Exception):
    """What the request asks for cannot be done; the message says why, and what to do."""


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_uint64), ("bytes", ctypes.c_uint64), ("dtype", ctypes.c_uint64)]


def launch_type(room):
    """tok_launch of the library's header, with so many bytes for packed arguments."""
    members = [
        ("symbol", ctypes.c_char_p),
        ("index_bits", ctypes.c_uint32),
        ("grid", ctypes.c_uint64 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("shared_bytes", ctypes.c_uint32),
        ("args_bytes", ctypes.c_uint64),
        ("args", ctypes.c_ubyte * room),
    ]
    return type("Launch", (ctypes.Structure,), {"_fields_": members})


class CodeObject:
    """An ELF file of machine code, with its segments where they are executed."""

    def __init__(self, elf):
        if elf[:4] != b"\x7fELF":
            raise Refused("the code object is no ELF file; build again")
        (program_table,) = struct.unpack_from("<Q", elf, 32)
        program_size, program_count = struct.unpack_from("<HH", elf, 54)
        segments = [struct.unpack_from("<IIQQQQQQ", elf, program_table + i * program_size) for i in range(program_count)]
        loaded = [segment for segment in segments if segment[0] == PT_LOAD]
        size = max(address + in_memory for _, _, _, address, _, _, in_memory, _ in loaded)
        self.memory = mmap.mmap(-1, (size // PAGE + 2) * PAGE)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        for _, flags, offset, address, _, in_file, _, _ in loaded:
            content = elf[offset : offset + in_file]
            self.memory[address : address + in_file] = without_cache_control(content) if flags & PF_X else content
        self.symbols = dict(self._symbols(elf))

    @staticmethod
    def _symbols(elf):
        (section_table,) = struct.unpack_from("<Q", elf, 40)
        section_size, section_count = struct.unpack_from("<HH", elf, 58)
        sections = [struct.unpack_from("<IIQQQQIIQQ", elf, section_table + i * section_size) for i in range(section_count)]
        for _, kind, _, _, offset, size, link, *_ in sections:
            if kind not in (SHT_SYMTAB, SHT_DYNSYM):
                continue
            strings = sections[link][4]
            for entry in range(offset, offset + size, 24):
                name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", elf, entry)
                start = strings + name
                yield elf[start : elf.index(b"\0", start)].decode(), value


def without_cache_control(code):
    """buffer_gl0_inv empties a cache, which the emulator has not, and which it does not decode: two s_nop stand for it."""
    words = list(struct.unpack(f"<{len(code) // 4}I", code[: len(code) // 4 * 4]))
    for i in range(len(words) - 1):
        if words[i] == 0xE0AC0000 and words[i + 1] == 0:
            words[i] = words[i + 1] = 0xBF800000
    return struct.pack(f"<{len(words)}I", *words) + code[len(words) * 4 :]


def with_wide_lds(buffer):
    """
    Defect of the emulator: in an LDS instruction, lanes that are switched off read and rewrite what their registers name,
    which may be any 32-bit address. LDS is therefore given all of these, of which the pages that are touched take memory.
    """
    size = 2**32 + 2**17
    region = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000))
    address = ctypes.addressof(ctypes.c_char.from_buffer(region))

    def make(device, count, dtype, *rest, **named):
        if sys._getframe(1).f_code.co_name == "run_asm" and dtype.itemsize == 4 and not rest and not named:
            from tinygrad.device import BufferSpec

            named = {"options": BufferSpec(external_ptr=address)}
        return buffer(device, count, dtype, *rest, **named)

    make.region = region
    return make


class Emulator:
    """Executes kernels of a code object."""

    def __init__(self, checkout):
        if not os.path.exists(os.path.join(checkout, "test/mockgpu/amd/emu.py")):
            raise Refused(f"{checkout} has no test/mockgpu/amd/emu.py; name a checkout of tinygrad")
        os.environ["DEV"] = "CPU"
        self.tools = find_clang()
        sys.path.insert(0, checkout)
        from test.mockgpu.amd import emu

        emu.Buffer = with_wide_lds(emu.Buffer)
        self.emu = emu
        self.flush_subnormals = emu._MXCSRContext
        self.code = None
        self.architecture = None

    def load(self, elf, architecture):
        if architecture not in ARCHITECTURES:
            raise Refused(f"the emulator does not execute {architecture}; it executes {', '.join(ARCHITECTURES)}")
        self.code, self.architecture = CodeObject(elf), ARCHITECTURES[architecture]
        return sorted(name[:-3] for name in self.code.symbols if name.endswith(".kd"))

    def launch(self, launch):
        symbol = launch.symbol.decode()
        descriptor = self.code.symbols.get(f"{symbol}.kd")
        if descriptor is None:
            raise Refused(f"the code object has no kernel {symbol}; build again")
        lds, scratch, arguments_size, _, entry = struct.unpack_from("<IIIIq", self.code.memory, descriptor)
        rsrc1, rsrc2 = struct.unpack_from("<II", self.code.memory, descriptor + 48)
        (properties,) = struct.unpack_from("<H", self.code.memory, descriptor + 56)
        # Hidden arguments, which these kernels do not read, follow the explicit ones.
        arguments = (ctypes.c_ubyte * (max(arguments_size, launch.args_bytes) + 256))()
        ctypes.memmove(arguments, launch.args, launch.args_bytes)
        pointer = ctypes.addressof(arguments)
        # Bits 15 to 23 are the size of LDS in units of 512 bytes, which the hardware's dispatcher fills in.
        rsrc2 = (rsrc2 & ~(0x1FF << 15)) | (((lds + 511) // 512) << 15)
        registers = []
        for bit, words in enumerate(((0, 0, 0, 0), (0, 0), (0, 0), (pointer & 0xFFFFFFFF, pointer >> 32), (0, 0))):
            if properties >> bit & 1:
                registers.extend(words)
        # Defect of the emulator: it flushes subnormal floats whatever the descriptor says (bits 16 and 17 of rsrc1).
        keeps_subnormals = rsrc1 >> 16 & 3 == 3
        self.emu._MXCSRContext = contextlib.nullcontext if keeps_subnormals else self.flush_subnormals
        self.emu.run_asm(
            self.code.base + descriptor + entry,
            0,
            *launch.grid,
            *launch.block,
            pointer,
            rsrc2,
            scratch,
            self.architecture,
            registers,
        )
        return symbol


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


class Memory:
    """The file that both processes map. Guards are pages that nobody may touch during a launch."""

    def __init__(self, path, size):
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), size)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        self.protect = ctypes.CDLL(None, use_errno=True).mprotect
        self.protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

    def guard(self, guards, protection):
        for offset, size in guards:
            if self.protect(self.base + offset, size, protection) != 0:
                raise Refused(f"mprotect: {os.strerror(ctypes.get_errno())}")


class Bridge:
    def __init__(self):
        self.device = None
        self.memory = None
        self.library = None
        self.launch_type = None

    def hello(self, request, _body):
        self.memory = Memory(request["memory"], request["bytes"])
        self.device = Emulator(request["tinygrad"])
        return {"protocol": PROTOCOL, "python": sys.version.split()[0], "device": "emulator"}

    def load(self, request, body):
        self.library = ctypes.CDLL(request["library"])
        self.library.tok_last_error.restype = ctypes.c_char_p
        self.launch_type = launch_type(request["room"])
        return {"kernels": self.device.load(body, request["architecture"])}

    def launch(self, request, _body):
        prepare = getattr(self.library, f"tok_{request['kernel']}_prepare")
        fields = [self.field(field) for field in request["fields"]]
        members = [(f"f{i}", type(value)) for i, value in enumerate(fields)]
        arguments = type("Arguments", (ctypes.Structure,), {"_fields_": members})(*fields)
        launch = self.launch_type()
        status = prepare(ctypes.byref(arguments), ctypes.byref(launch))
        if status != 0:
            return {"status": status, "text": self.library.tok_last_error().decode()}
        if 0 in launch.grid:
            return {"status": 0, "symbol": ""}
        guards = request["guards"]
        self.memory.guard(guards, PROT_NONE)
        try:
            symbol = self.device.launch(launch)
        finally:
            self.memory.guard(guards, PROT_READ_WRITE)
        return {"status": 0, "symbol": symbol}

    def field(self, field):
        kind = field["kind"]
        if kind == "tensor":
            data = 0 if field["bytes"] == 0 else self.memory.base + field["offset"]
            return Tensor(data, field["bytes"], field["dtype"])
        if kind == "int":
            return ctypes.c_int64(int(field["value"]))
        return ctypes.c_double(struct.unpack("<d", bytes.fromhex(field["value"]))[0])


def read_exactly(stream, count):
    data = stream.read(count)
    if len(data) < count:
        # Whoever started this process has gone, or has closed the pipe to end it.
        sys.exit(0)
    return data


def main():
    # Whatever a library prints goes to standard error: frames have standard output for themselves.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    bridge = Bridge()
    operations = {"hello": bridge.hello, "load": bridge.load, "launch": bridge.launch}
    while True:
        (length,) = struct.unpack("<I", read_exactly(requests, 4))
        request = json.loads(read_exactly(requests, length))
        body = read_exactly(requests, request.get("body", 0))
        try:
            if request["op"] not in operations:
                raise Refused(f"there is no operation {request['op']}")
            answer = {"id": request["id"], "ok": True, **operations[request["op"]](request, body)}
        except Refused as refused:
            answer = {"id": request["id"], "ok": False, "message": str(refused)}
        except Exception as failure:
            traceback.print_exc()
            answer = {"id": request["id"], "ok": False, "message": f"{type(failure).__name__}: {failure}"}
        header = json.dumps(answer).encode()
        answers.write(struct.pack("<I", len(header)) + header)
        answers.flush()


if __name__ == "__main__":
    main()
