"""A code object: an ELF file of machine code, laid out where it can be executed, with what each kernel expects of a launch.

Sources: the ELF-64 object file format; LLVM AMDGPUUsage, "Kernel Descriptor" and "Code Object Metadata"; the MessagePack
specification.
"""

import ctypes
import mmap
import struct

from refused import Refused

PAGE = 4096
PT_LOAD, PT_NOTE, SHT_SYMTAB, SHT_DYNSYM = 1, 4, 2, 11
NT_AMDGPU_METADATA = 32


class CodeObject:
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
        for _, _, offset, address, _, in_file, _, _ in loaded:
            self.memory[address : address + in_file] = elf[offset : offset + in_file]
        self.symbols = dict(_symbols(elf))
        self.kernels = {}
        for segment in segments:
            if segment[0] == PT_NOTE:
                self.kernels.update(_metadata(elf[segment[2] : segment[2] + segment[5]]))


class Descriptor:
    """What the dispatcher reads of a kernel's descriptor."""

    def __init__(self, code, symbol):
        address = code.symbols.get(f"{symbol}.kd")
        if address is None:
            raise Refused(f"the code object has no kernel {symbol}; build again")
        self.lds, self.scratch, self.arguments, _, entry = struct.unpack_from("<IIIIq", code.memory, address)
        self.entry = code.base + address + entry
        self.rsrc1, self.rsrc2 = struct.unpack_from("<II", code.memory, address + 48)
        (self.properties,) = struct.unpack_from("<H", code.memory, address + 56)
        self.hidden = [one for one in code.kernels.get(symbol, []) if one[".value_kind"].startswith("hidden_")]


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


def _metadata(notes):
    """Symbol → list of arguments, of the notes of a code object."""
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from("<III", notes, at)
        name = notes[at + 12 : at + 12 + name_size]
        start = at + 12 + (name_size + 3) // 4 * 4
        if name.rstrip(b"\0") == b"AMDGPU" and kind == NT_AMDGPU_METADATA:
            content, _ = _unpack(notes, start)
            for kernel in content.get("amdhsa.kernels", []):
                yield kernel[".name"], kernel.get(".args", [])
        at = start + (size + 3) // 4 * 4


SIZED = {
    **{0xC4: ("B", "bytes"), 0xC5: ("H", "bytes"), 0xC6: ("I", "bytes"), 0xCA: ("f", "number"), 0xCB: ("d", "number")},
    **{0xCC: ("B", "number"), 0xCD: ("H", "number"), 0xCE: ("I", "number"), 0xCF: ("Q", "number")},
    **{0xD0: ("b", "number"), 0xD1: ("h", "number"), 0xD2: ("i", "number"), 0xD3: ("q", "number")},
    **{0xD9: ("B", "text"), 0xDA: ("H", "text"), 0xDB: ("I", "text"), 0xDC: ("H", "list"), 0xDD: ("I", "list")},
    **{0xDE: ("H", "map"), 0xDF: ("I", "map")},
}


def _unpack(data, at):
    """One value of MessagePack from an offset on, and the offset behind it."""
    tag = data[at]
    at += 1
    if tag < 0x80 or tag >= 0xE0:
        return (tag if tag < 0x80 else tag - 256), at
    if tag in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[tag], at
    if tag in SIZED:
        form, kind = SIZED[tag]
        (size,) = struct.unpack_from(f">{form}", data, at)
        at += struct.calcsize(form)
        if kind == "number":
            return size, at
    elif tag < 0xC0:
        kind, size = ("map", tag & 15) if tag < 0x90 else ("list", tag & 15) if tag < 0xA0 else ("text", tag & 31)
    else:
        raise Refused(f"the code object's metadata has a value of an unknown kind, {tag:#x}; build again")
    if kind in ("text", "bytes"):
        raw = data[at : at + size]
        return (raw.decode() if kind == "text" else raw), at + size
    values = []
    for _ in range(size * 2 if kind == "map" else size):
        value, at = _unpack(data, at)
        values.append(value)
    return (values if kind == "list" else dict(zip(values[::2], values[1::2]))), at
