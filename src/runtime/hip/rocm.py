"""A GPU of this machine, through AMD's hip-python. Every call's code is looked at.

Only calls that pass plain values are used: the layout of structs such as hipDeviceProp_t differs between versions of HIP, and
hip-python's version is that of the HIP it was made for.
"""

import ctypes

from refused import Refused


class Gpu:
    name = "gpu"

    def __init__(self):
        try:
            from hip import hip
        except ImportError as failure:
            raise Refused(f"hip-python cannot be loaded ({failure}); npm run setup -- --again installs it") from None
        self.hip = hip
        count = self.call("hipGetDeviceCount")
        if count == 0:
            raise Refused("HIP finds no device")
        self.module, self.functions = None, {}
        self.names = {}

    def call(self, name, *arguments):
        """What the call gives; Refused with HIP's own error."""
        code, *results = getattr(self.hip, name)(*arguments)
        if code != self.hip.hipError_t.hipSuccess:
            raise Refused(f"{code.name} ({int(code)}), HIP's answer to {name}")
        return results[0] if len(results) == 1 else results

    def runtime(self):
        version = self.call("hipRuntimeGetVersion")
        return f"HIP {version // 10_000_000}.{version // 100_000 % 100}.{version % 100_000}"

    def devices(self):
        # hip-python's hipDeviceGetName gives HIP no place for the name.
        memory = [self.call("hipDeviceTotalMem", number) for number in range(self.call("hipGetDeviceCount"))]
        return [{"name": f"device {number}", "memory": int(size)} for number, size in enumerate(memory)]

    def load(self, code, _architecture):
        self.module, self.functions = self.call("hipModuleLoadData", code), {}
        return []

    def allocate(self, size, _alignment, _name):
        # hipMalloc gives addresses that are multiples of 256, the most that is asked for; 0 bytes have no address.
        pointer = self.call("hipMalloc", max(size, 1))
        address = int(pointer)
        self.names[address] = pointer
        return address

    def free(self, address):
        self.call("hipFree", self.names.pop(address))

    def upload(self, address, source, size):
        self.call("hipMemcpy", address, source, size, self.hip.hipMemcpyKind.hipMemcpyHostToDevice)

    def download(self, target, address, size):
        self.call("hipMemcpy", target, address, size, self.hip.hipMemcpyKind.hipMemcpyDeviceToHost)

    def fill(self, address, byte, size):
        self.call("hipMemset", address, byte, size)

    def synchronize(self):
        self.call("hipDeviceSynchronize")

    def launch(self, launch):
        function = self.functions.get(launch.symbol)
        if function is None:
            function = self.functions[launch.symbol] = self.call("hipModuleGetFunction", self.module, launch.symbol.encode())
        # A structure is passed as the bytes that it has.
        size = len(launch.arguments)
        packed = type("Arguments", (ctypes.Structure,), {"_fields_": [("bytes", ctypes.c_ubyte * size)]})()
        ctypes.memmove(ctypes.addressof(packed), launch.arguments, size)
        self.call(
            "hipModuleLaunchKernel", function, *launch.grid, *launch.block, launch.shared_bytes, None, None, (packed,)
        )

    def time(self, run):
        """Milliseconds that the device takes for what `run` launches."""
        start, stop = self.call("hipEventCreate"), self.call("hipEventCreate")
        try:
            self.call("hipEventRecord", start, None)
            run()
            self.call("hipEventRecord", stop, None)
            self.call("hipEventSynchronize", stop)
            return self.call("hipEventElapsedTime", start, stop)
        finally:
            self.call("hipEventDestroy", start)
            self.call("hipEventDestroy", stop)
