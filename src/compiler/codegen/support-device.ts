/**
 * The constant text of `tokitai_support.hpp`, on the device: what a launcher asks of the GPU that it launches on.
 *
 * That is the HIP runtime, or the `tok_device` that `tok_set_device` has named: a process that drives the GPU in its own way,
 * or that executes the code without one, takes every launch as the launchers have checked and packed it.
 */

export const DEVICE = `
#if defined(__HIPCC__)
// Null: the HIP runtime.
const tok_device *other_device = nullptr;

inline const char *device_name() { return other_device == nullptr ? "HIP" : "the device"; }

inline const char *error_of(hipError_t error) { return error == hipSuccess ? nullptr : hipGetErrorString(error); }

// What tells the devices of this process apart.
inline const char *device_number(int *number) {
  *number = 0;
  return other_device == nullptr ? error_of(hipGetDevice(number)) : nullptr;
}

inline const char *device_allocate(size_t bytes, void **data) {
  if (other_device != nullptr) return other_device->allocate(other_device->context, bytes, data);
  return error_of(hipMalloc(data, bytes));
}

inline const char *device_release(void *data) {
  if (other_device != nullptr) return other_device->release(other_device->context, data);
  return error_of(hipFree(data));
}

inline const char *device_fill(void *data, uint8_t byte, size_t bytes, tok_stream stream) {
  if (other_device != nullptr) return other_device->fill(other_device->context, data, byte, bytes, stream);
  return error_of(hipMemsetAsync(data, byte, bytes, (hipStream_t)stream));
}

// Waits for what stands before it in the stream.
inline const char *device_read(void *host, const void *data, size_t bytes, tok_stream stream) {
  if (other_device != nullptr) return other_device->read(other_device->context, host, data, bytes, stream);
  const hipStream_t queue = (hipStream_t)stream;
  hipError_t error = hipMemcpyAsync(host, data, bytes, hipMemcpyDeviceToHost, queue);
  if (error == hipSuccess) error = hipStreamSynchronize(queue);
  return error_of(error);
}

inline const char *device_launch(const void *kernel, const tok_launch &launch, void **params, tok_stream stream) {
  if (other_device != nullptr) return other_device->launch(other_device->context, &launch, stream);
  const dim3 grid((uint32_t)launch.grid[0], (uint32_t)launch.grid[1], (uint32_t)launch.grid[2]);
  const dim3 block(launch.block[0], launch.block[1], launch.block[2]);
  return error_of(hipLaunchKernel(kernel, grid, block, params, launch.shared_bytes, (hipStream_t)stream));
}
#endif

inline tok_status set_device([[maybe_unused]] const tok_device *device) {
#if defined(__HIPCC__)
  other_device = device;
  return TOK_OK;
#else
  return fail(TOK_DEVICE_ERROR, "this library was built for the CPU, on which it runs");
#endif
}
`;
