"""A library that tokitai has built for HIP: its functions, and the device to which its launchers send what they prepared.

The C interface is the library's header's. `tok_set_device` makes every launch of a kernel or a program come here, checked
and packed, so that there is no way to a device round what a launcher checks.
"""

import ctypes
import sys
import traceback
from dataclasses import dataclass

from refused import Refused


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_uint64), ("bytes", ctypes.c_uint64), ("dtype", ctypes.c_uint64)]


def launch_type(room):
    """tok_launch, with so many bytes for packed arguments."""
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


@dataclass
class Launch:
    symbol: str
    grid: tuple
    block: tuple
    shared_bytes: int
    arguments: bytes


# A null pointer says that nothing went wrong; else it is a text.
ANSWER, ANY, SIZE = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64
FUNCTIONS = {
    "launch": ctypes.CFUNCTYPE(ANSWER, ANY, ANY, ANY),
    "allocate": ctypes.CFUNCTYPE(ANSWER, ANY, SIZE, ctypes.POINTER(ctypes.c_void_p)),
    "release": ctypes.CFUNCTYPE(ANSWER, ANY, ANY),
    "fill": ctypes.CFUNCTYPE(ANSWER, ANY, ANY, ctypes.c_uint8, SIZE, ANY),
    "read": ctypes.CFUNCTYPE(ANSWER, ANY, ANY, ANY, SIZE, ANY),
}
ALIGNMENT = 256


class DeviceTable(ctypes.Structure):
    _fields_ = [("context", ctypes.c_void_p), *FUNCTIONS.items()]


class Library:
    def __init__(self, path, room, device):
        self.device, self.launched = device, []
        self.native = ctypes.CDLL(path)
        if not hasattr(self.native, "tok_set_device"):
            raise Refused(f"{path} takes no other device; build again with this tokitai")
        self.native.tok_last_error.restype = ctypes.c_char_p
        self.launch_type = launch_type(room)
        self.text = None
        functions = {name: kind(self.answering(getattr(self, f"on_{name}"))) for name, kind in FUNCTIONS.items()}
        self.table = DeviceTable(None, **functions)
        self.native.tok_set_device(ctypes.byref(self.table))

    def answering(self, function):
        """The function, with the text of what went wrong as its result."""

        def answer(_context, *arguments):
            try:
                function(*arguments)
                return None
            except Exception as failure:
                if not isinstance(failure, Refused):
                    traceback.print_exc()
                self.text = ctypes.create_string_buffer((str(failure) or type(failure).__name__).encode())
                return ctypes.addressof(self.text)

        return answer

    def on_launch(self, pointer, _stream):
        raw = self.launch_type.from_address(pointer)
        symbol = raw.symbol.decode()
        # Should the process end here, this line is what is known of it.
        print(f"executing {symbol}", file=sys.stderr, flush=True)
        arguments = bytes(raw.args[: raw.args_bytes])
        self.device.launch(Launch(symbol, tuple(raw.grid), tuple(raw.block), raw.shared_bytes, arguments))
        self.launched.append(symbol)

    def on_allocate(self, size, data):
        data[0] = self.device.allocate(size, ALIGNMENT, "the findings of a check")

    def on_release(self, data):
        self.device.free(data)

    def on_fill(self, data, byte, size, _stream):
        self.device.fill(data, byte, size)

    def on_read(self, host, data, size, _stream):
        self.device.synchronize()
        self.device.download(host, data, size)

    def call(self, name, fields):
        """Runs a kernel or a program; gives its status, the text where it is refused, and the symbols that were launched."""
        members = [(f"f{i}", type(value)) for i, value in enumerate(fields)]
        arguments = type("Arguments", (ctypes.Structure,), {"_fields_": members})(*fields)
        self.launched = []
        status = getattr(self.native, f"tok_{name}")(ctypes.byref(arguments), None)
        text = "" if status == 0 else self.native.tok_last_error().decode()
        return {"status": status, "text": text, "symbols": self.launched}

    def workspace(self, program, dims):
        function = getattr(self.native, f"tok_{program}_workspace")
        function.restype = ctypes.c_uint64
        size = function(*[ctypes.c_int64(dim) for dim in dims])
        if size == 2**64 - 1:
            return {"status": 1, "text": self.native.tok_last_error().decode(), "bytes": 0}
        return {"status": 0, "text": "", "bytes": size}
