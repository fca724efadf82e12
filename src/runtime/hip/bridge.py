"""The device side of tokitai's GPU runtime: a child process that speaks frames on its standard streams.

A frame is the length of its header (4 bytes, little endian), the header (JSON), and as many further bytes as the header's
`body` says. A request has an `id` and an `op`; its answer has the same id, and `ok`, or else `message`. Tensors go through a
file that both processes map, and not through the pipe: `bytes` of it, from its start on.

    hello       {device, memory, bytes, …}          -> {protocol, python, runtime}
    devices     {}                                  -> {devices}
    load        {library, room, architecture} + code object -> {kernels}
    alloc       {tensor, bytes, alignment}          -> {buffer}
    upload      {buffer, at, bytes}                 the mapped file's first bytes, to a place in a buffer
    download    {buffer, at, bytes}                 and back
    free        {buffer}
    workspace   {program, dims}                     -> {status, text, bytes}
    launch      {call, fields}                      -> {status, text, symbols}: a kernel or a program, as its launcher runs it
    synchronize {}
    time        {call, fields, repeats}             -> {status, text, milliseconds}

A device is `gpu` (rocm.py) or `emulator` (emulator.py: {tinygrad, order, seed}).
"""

import ctypes
import json
import mmap
import os
import struct
import sys
import traceback

from library import Library, Tensor
from refused import Refused

PROTOCOL = 2


def open_device(request):
    if request["device"] == "gpu":
        from rocm import Gpu

        return Gpu()
    if request["device"] == "emulator":
        from emulator import Emulator

        return Emulator(request["tinygrad"], request["order"], request["seed"])
    raise Refused(f"there is no device {request['device']}")


class Bridge:
    def __init__(self):
        self.device = self.library = self.memory = self.base = None
        self.size = 0
        # Number → address and bytes.
        self.buffers = {}
        self.count = 0

    def hello(self, request, _body):
        self.size = request["bytes"]
        with open(request["memory"], "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), self.size)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.device = open_device(request)
        return {"protocol": PROTOCOL, "python": sys.version.split()[0], "runtime": self.device.runtime()}

    def devices(self, _request, _body):
        return {"devices": self.device.devices()}

    def load(self, request, body):
        kernels = self.device.load(body, request["architecture"])
        self.library = Library(request["library"], request["room"], self.device)
        return {"kernels": kernels}

    def alloc(self, request, _body):
        size = request["bytes"]
        try:
            address = self.device.allocate(size, request["alignment"], request["tensor"])
        except (Refused, OSError, MemoryError) as failure:
            taken = sum(other for _, other in self.buffers.values())
            where = f"{request['tensor']} of {size} bytes cannot be allocated beside {taken} bytes"
            raise Refused(f"{where}: {failure}") from None
        self.count += 1
        self.buffers[self.count] = (address, size)
        return {"buffer": self.count}

    def place(self, request):
        address, size = self.buffers[request["buffer"]]
        at, count = request["at"], request["bytes"]
        if not (0 <= at and 0 <= count <= self.size and at + count <= size):
            raise Refused(f"bytes {at} to {at + count} are not those of a buffer of {size}, by pieces of {self.size}")
        return address + at, count

    def upload(self, request, _body):
        address, count = self.place(request)
        self.device.upload(address, self.base, count)
        return {}

    def download(self, request, _body):
        address, count = self.place(request)
        self.device.download(self.base, address, count)
        return {}

    def free(self, request, _body):
        address, _ = self.buffers.pop(request["buffer"])
        self.device.free(address)
        return {}

    def workspace(self, request, _body):
        return self.library.workspace(request["program"], request["dims"])

    def launch(self, request, _body):
        outcome = self.library.call(request["call"], [self.field(field) for field in request["fields"]])
        self.device.synchronize()
        return outcome

    def synchronize(self, _request, _body):
        self.device.synchronize()
        return {}

    def time(self, request, _body):
        fields = [self.field(field) for field in request["fields"]]
        outcome = {"status": 0, "text": ""}

        def run():
            nonlocal outcome
            outcome = self.library.call(request["call"], fields)

        times = []
        while len(times) < request["repeats"] and outcome["status"] == 0:
            times.append(self.device.time(run))
        return {"status": outcome["status"], "text": outcome["text"], "milliseconds": times}

    def field(self, field):
        kind = field["kind"]
        if kind == "tensor":
            address, size = self.buffers[field["buffer"]] if field["bytes"] else (0, 0)
            return Tensor(address, size, field["dtype"])
        if kind == "int":
            return ctypes.c_int64(int(field["value"]))
        return ctypes.c_double(struct.unpack("<d", bytes.fromhex(field["value"]))[0])


OPERATIONS = (
    *("hello", "devices", "load", "alloc", "upload", "download", "free"),
    *("workspace", "launch", "synchronize", "time"),
)


def read_exactly(stream, count):
    data = stream.read(count)
    if len(data) < count:
        # Whoever started this process has gone, or has closed the pipe to end it.
        # Not by sys.exit: a library gives its memory back at the end of its thread, and asks Python for it.
        os._exit(0)
    return data


def main():
    # Whatever a library prints goes to standard error: frames have standard output for themselves.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    bridge = Bridge()
    while True:
        (length,) = struct.unpack("<I", read_exactly(requests, 4))
        request = json.loads(read_exactly(requests, length))
        body = read_exactly(requests, request.get("body", 0))
        try:
            if request["op"] not in OPERATIONS:
                raise Refused(f"there is no operation {request['op']}")
            answer = {"id": request["id"], "ok": True, **getattr(bridge, request["op"])(request, body)}
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
