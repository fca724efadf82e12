/** The constant text of `tokitai_support.hpp`, second part: checks, messages and launches. */

/** Error text, and what a check knows of its operands. */
export const MESSAGES = `
thread_local char error_text[1024] = "";

__attribute__((format(printf, 2, 3))) inline tok_status fail(tok_status status, const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(error_text, sizeof error_text, format, list);
  va_end(list);
  return status;
}

// Puts the launch in which a program failed before the message.
inline tok_status fail_in(tok_status status, const char *program, const char *launch) {
  char inner[sizeof error_text];
  memcpy(inner, error_text, sizeof inner);
  return fail(status, "%s at %s: %.900s", program, launch, inner);
}

struct Dtype {
  const char *name;
  uint64_t bytes;
};

inline Dtype dtype_of(uint64_t dtype) {
  switch (dtype) {
    case TOK_F32: return {"f32", 4};
    case TOK_I32: return {"i32", 4};
    case TOK_U32: return {"u32", 4};
    case TOK_I64: return {"i64", 8};
    case TOK_F16: return {"f16", 2};
    case TOK_BF16: return {"bf16", 2};
    default: return {"unknown", 1};
  }
}

// A dimension, or an integer scalar, with the name that messages use.
struct Size {
  const char *name;
  Int value;
};

// A tensor as the kernel declares it and as the caller passes it.
struct Operand {
  const char *name;
  const tok_tensor *tensor;
  uint64_t dtype;
  bool written;
  const char *shape;
  Int elements;
  // The bytes whose multiple its address must be: those of an element, or of the kernel's largest vector access.
  uint64_t alignment;
};

// Whether two ranges of memory share a byte. The differences wrap around, so that no end of a range is computed.
inline bool overlap(const tok_tensor &a, const tok_tensor &b) {
  if (a.bytes == 0 || b.bytes == 0) return false;
  const uint64_t first = (uintptr_t)a.data;
  const uint64_t second = (uintptr_t)b.data;
  return second - first < a.bytes || first - second < b.bytes;
}
`;

/** `tok::Checker`: the checks of a launcher, in their order. */
export const CHECKS = `
// The checks of one call. The first that fails decides; those after it do nothing.
class Checker {
 public:
  Checker(const char *call, const Size *sizes, size_t size_count, const Operand *operands, size_t operand_count)
      : call_(call), sizes_(sizes), size_count_(size_count), operands_(operands), operand_count_(operand_count) {
    where_[0] = narrow_[0] = 0;
  }

  tok_status status() const { return status_; }

  void vector_unit(const char *unit, bool present) {
    if (!passing() || present) return;
    status_ = fail(TOK_VECTOR_UNIT, "%s: this CPU has no %s, which the kernel is for", call_, unit);
  }

  void data() {
    for (const Operand *o = operands_; passing() && o < operands_ + operand_count_; ++o) {
      if (o->tensor->data != nullptr || o->tensor->bytes == 0) continue;
      status_ = fail(TOK_NULL_DATA, "%s: %s has %" PRIu64 " bytes, but its data is null", call_, o->name,
                     o->tensor->bytes);
    }
  }

  void dtypes() {
    for (const Operand *o = operands_; passing() && o < operands_ + operand_count_; ++o) {
      if (o->tensor->dtype == o->dtype) continue;
      status_ = fail(TOK_DTYPE, "%s: %s has dtype %s (%" PRIu64 "), expected %s", call_, o->name,
                     dtype_of(o->tensor->dtype).name, o->tensor->dtype, dtype_of(o->dtype).name);
    }
  }

  // For the first dim_count sizes, which are dimensions.
  void dims(size_t dim_count) {
    for (const Size *s = sizes_; passing() && s < sizes_ + dim_count; ++s) {
      if (s->value.value >= 0 && s->value.value <= TOK_MAX_DIM) continue;
      status_ = fail(TOK_DIM, "%s: %s is %" PRId64 ", expected 0 to %" PRId64, call_, s->name, s->value.value,
                     (int64_t)TOK_MAX_DIM);
    }
  }

  void shapes() {
    for (const Operand *o = operands_; passing() && o < operands_ + operand_count_; ++o) {
      if (o->elements.valid && o->elements.value <= TOK_MAX_ELEMENTS) continue;
      status_ = fail(TOK_SHAPE, "%s: the shape %s of %s is negative or has more than %" PRId64 " elements%s", call_,
                     o->shape, o->name, (int64_t)TOK_MAX_ELEMENTS, sizes_text());
    }
  }

  void where(const char *name, Int actual, const char *definition, Int expected) {
    if (!passing() || (actual == expected).holds()) return;
    if (!expected.valid) {
      status_ = fail(TOK_WHERE, "%s: %s = %s cannot be computed in 64 bits%s", call_, name, definition, sizes_text());
    } else {
      status_ = fail(TOK_WHERE, "%s: %s is %" PRId64 ", expected %s = %" PRId64 "%s", call_, name, actual.value,
                     definition, expected.value, sizes_text());
    }
  }

  void requirement(const char *condition, Bool value) {
    if (!passing() || value.holds()) return;
    const char *reason = value.valid ? "does not hold" : "cannot be computed in 64 bits";
    status_ = fail(TOK_REQUIRES, "%s: requires %s, which %s%s", call_, condition, reason, sizes_text());
  }

  void bytes() {
    for (const Operand *o = operands_; passing() && o < operands_ + operand_count_; ++o) {
      const Dtype type = dtype_of(o->dtype);
      // The shapes are checked: the product stays below 2^49.
      const uint64_t expected = (uint64_t)o->elements.value * type.bytes;
      if (o->tensor->bytes == expected) continue;
      status_ = fail(TOK_BYTES, "%s: %s has %" PRIu64 " bytes, expected %" PRIu64 " for %s %s%s", call_, o->name,
                     o->tensor->bytes, expected, type.name, o->shape, sizes_text());
    }
  }

  void alignment() {
    for (const Operand *o = operands_; passing() && o < operands_ + operand_count_; ++o) {
      const uint64_t address = (uintptr_t)o->tensor->data;
      if (address % o->alignment == 0 || o->tensor->bytes == 0) continue;
      status_ = fail(TOK_ALIGNMENT, "%s: the address of %s is %#" PRIx64 ", expected a multiple of %" PRIu64 " bytes",
                     call_, o->name, address, o->alignment);
    }
  }

  // Sorted by their addresses, a tensor has to begin where those before it have ended. Only where one does not, pairs
  // are looked at.
  void disjoint() {
    if (!passing()) return;
    if (operand_count_ <= 16) return disjoint_pairs();
    std::vector<const Operand *> order;
    for (const Operand *o = operands_; o < operands_ + operand_count_; ++o) {
      if (o->tensor->bytes > 0) order.push_back(o);
    }
    const auto address = [](const Operand *o) { return (uint64_t)(uintptr_t)o->tensor->data; };
    std::sort(order.begin(), order.end(),
              [&](const Operand *a, const Operand *b) { return address(a) < address(b); });
    // The last byte of all before, and of those that are written.
    uint64_t last = 0, last_written = 0;
    bool first = true, first_written = true, apart = true;
    for (const Operand *o : order) {
      const uint64_t begin = address(o), end = begin + (o->tensor->bytes - 1);
      if (end < begin) apart = false;
      if (o->written ? !first && begin <= last : !first_written && begin <= last_written) apart = false;
      last = first || end > last ? end : last;
      first = false;
      if (!o->written) continue;
      last_written = first_written || end > last_written ? end : last_written;
      first_written = false;
    }
    if (!apart) disjoint_pairs();
  }

  void scalar_i32(const char *name, int64_t value) {
    if (!passing() || (value >= INT32_MIN && value <= INT32_MAX)) return;
    status_ = fail(TOK_SCALAR, "%s: %s is %" PRId64 ", expected an i32", call_, name, value);
  }

  void scalar_f32(const char *name, double value) {
    if (!passing() || !(value > FLT_MAX || value < -FLT_MAX) || isinf(value)) return;
    status_ = fail(TOK_SCALAR, "%s: %s is %g, expected an f32", call_, name, value);
  }

  void grid(const Int (&grid)[3], const uint32_t (&block)[3]) {
    const int64_t limits[3] = {TOK_MAX_GRID_X, TOK_MAX_GRID_Y, TOK_MAX_GRID_Z};
    for (int axis = 0; passing() && axis < 3; ++axis) {
      const Int blocks = grid[axis];
      if (!blocks.valid) {
        status_ = fail(TOK_GRID, "%s: grid.%c cannot be computed in 64 bits%s", call_, "xyz"[axis], sizes_text());
      } else if (blocks.value < 0 || blocks.value > limits[axis]) {
        status_ = fail(TOK_GRID, "%s: grid.%c is %" PRId64 ", expected 0 to %" PRId64 "%s", call_, "xyz"[axis],
                       blocks.value, limits[axis], sizes_text());
      } else if (!(blocks * block[axis] <= TOK_MAX_GRID_THREADS).holds()) {
        status_ = fail(TOK_GRID, "%s: grid.%c of %" PRId64 " blocks has more than %" PRId64 " threads%s", call_,
                       "xyz"[axis], blocks.value, (int64_t)TOK_MAX_GRID_THREADS, sizes_text());
      }
    }
  }

  // An integer that 32-bit indices have to hold.
  void narrow(const char *name, Int value) {
    if (!narrow_[0] && !(value >= INT32_MIN && value <= INT32_MAX).holds()) {
      snprintf(narrow_, sizeof narrow_, "%s is %" PRId64 ", expected %" PRId64 " to %" PRId64, name, value.value,
               (int64_t)INT32_MIN, (int64_t)INT32_MAX);
    }
  }

  // Whether 32-bit indices serve, for the first dim_count sizes and all tensors.
  bool fits_i32(size_t dim_count) {
    for (const Size *s = sizes_; !narrow_[0] && s < sizes_ + dim_count; ++s) {
      if (s->value.value <= TOK_MAX_DIM_I32) continue;
      snprintf(narrow_, sizeof narrow_, "%s is %" PRId64 ", expected at most %" PRId64, s->name, s->value.value,
               (int64_t)TOK_MAX_DIM_I32);
    }
    for (const Operand *o = operands_; !narrow_[0] && o < operands_ + operand_count_; ++o) {
      if (o->elements.value <= TOK_MAX_ELEMENTS_I32) continue;
      snprintf(narrow_, sizeof narrow_, "%s has %" PRId64 " elements, expected at most %" PRId64, o->name,
               o->elements.value, (int64_t)TOK_MAX_ELEMENTS_I32);
    }
    return !narrow_[0];
  }

  tok_status too_wide() const {
    return fail(TOK_INDEX_WIDTH, "%s: is proved for 32-bit indices only, but %s", call_, narrow_);
  }

  // The workspace holds this many bytes, at an aligned address, apart from every tensor.
  void workspace(const tok_tensor &space, Int needed) {
    if (!passing()) return;
    if (!needed.valid) {
      status_ = fail(TOK_WORKSPACE, "%s: the workspace's size cannot be computed in 64 bits%s", call_, sizes_text());
    } else if (space.bytes < (uint64_t)needed.value) {
      status_ = fail(TOK_WORKSPACE, "%s: workspace has %" PRIu64 " bytes, expected at least %" PRId64 "%s", call_,
                     space.bytes, needed.value, sizes_text());
    } else if (space.bytes > 0 && space.data == nullptr) {
      status_ = fail(TOK_NULL_DATA, "%s: workspace has %" PRIu64 " bytes, but its data is null", call_, space.bytes);
    } else if ((uintptr_t)space.data % TOK_ARENA_ALIGNMENT != 0) {
      status_ = fail(TOK_WORKSPACE, "%s: the address of workspace is %d past a multiple of %d, expected 0", call_,
                     (int)((uintptr_t)space.data % TOK_ARENA_ALIGNMENT), (int)TOK_ARENA_ALIGNMENT);
    }
    for (const Operand *o = operands_; passing() && o < operands_ + operand_count_; ++o) {
      if (!overlap(space, *o->tensor)) continue;
      status_ = fail(TOK_WORKSPACE, "%s: workspace and %s overlap; expected disjoint memory", call_, o->name);
    }
  }

 private:
  bool passing() const { return status_ == TOK_OK; }

  void disjoint_pairs() {
    for (size_t i = 0; i < operand_count_; ++i) {
      for (size_t j = i + 1; passing() && j < operand_count_; ++j) {
        const Operand &a = operands_[i];
        const Operand &b = operands_[j];
        if ((!a.written && !b.written) || !overlap(*a.tensor, *b.tensor)) continue;
        status_ = fail(TOK_OVERLAP, "%s: %s and %s overlap, and %s is written; expected disjoint memory", call_, a.name,
                       b.name, b.written ? b.name : a.name);
      }
    }
  }

  // The sizes of the call, for a message.
  const char *sizes_text() {
    size_t used = 0;
    for (size_t i = 0; i < size_count_ && used < sizeof where_; ++i) {
      const int added = snprintf(where_ + used, sizeof where_ - used, "%s%s = %" PRId64, i == 0 ? " (" : ", ",
                                 sizes_[i].name, sizes_[i].value.value);
      used += added > 0 ? (size_t)added : 0;
    }
    if (size_count_ > 0 && used + 1 < sizeof where_) snprintf(where_ + used, sizeof where_ - used, ")");
    return where_;
  }

  const char *call_;
  const Size *sizes_;
  size_t size_count_;
  const Operand *operands_;
  size_t operand_count_;
  tok_status status_ = TOK_OK;
  char where_[256];
  // Why 32-bit indices do not serve.
  char narrow_[192];
};
`;

/** Packed launches, their times, and the views of a program's buffers. */
export const LAUNCH = `
// Where this thread's programs note the times of their launches, while tok_trace has them do so.
struct Trace {
  double *times;
  uint64_t room;
  uint64_t noted;
};
thread_local Trace trace = {nullptr, 0, 0};

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline uint64_t set_trace(double *times, uint64_t room) {
  const uint64_t noted = trace.noted;
  trace = {times, times == nullptr ? 0 : room, 0};
  return noted;
}

// Notes when a launch began and ended.
class Traced {
 public:
  explicit Traced(bool runs) : noted_(runs && trace.times != nullptr && trace.noted < trace.room) {
    if (noted_) trace.times[2 * trace.noted] = seconds();
  }
  Traced(const Traced &) = delete;
  Traced &operator=(const Traced &) = delete;
  ~Traced() {
    if (noted_) trace.times[2 * trace.noted++ + 1] = seconds();
  }

 private:
  const bool noted_;
};

template <typename Params>
tok_status pack(tok_launch *launch, const char *symbol, uint32_t index_bits, const Int (&grid)[3],
                const uint32_t (&block)[3], const Params &params) {
  static_assert(std::is_trivially_copyable<Params>::value, "packed arguments are copied as bytes");
  static_assert(sizeof(Params) <= sizeof(tok_launch::args), "packed arguments fit a tok_launch");
  memset(launch, 0, sizeof *launch);
  launch->symbol = symbol;
  launch->index_bits = index_bits;
  for (int axis = 0; axis < 3; ++axis) {
    launch->grid[axis] = (uint64_t)grid[axis].value;
    launch->block[axis] = block[axis];
  }
  launch->args_bytes = sizeof params;
  memcpy(launch->args, &params, sizeof params);
  return TOK_OK;
}

template <typename Params>
Params unpack(const tok_launch &launch) {
  Params params;
  memcpy(&params, launch.args, sizeof params);
  return params;
}

// Whether there is no block to run.
inline bool is_empty(const tok_launch &launch) {
  return launch.grid[0] == 0 || launch.grid[1] == 0 || launch.grid[2] == 0;
}

// A part of the workspace.
inline tok_tensor part(const tok_tensor &workspace, Int offset, Int elements, uint64_t dtype) {
  const uint64_t bytes = (uint64_t)elements.value * dtype_of(dtype).bytes;
  return {(void *)((uintptr_t)workspace.data + (uint64_t)offset.value), bytes, dtype};
}

// The part of a buffer from an offset on, counted in elements. False, with a message, where it leaves the buffer.
inline bool view(tok_tensor *result, const char *name, const tok_tensor &buffer, Int offset, Int elements) {
  const uint64_t unit = dtype_of(buffer.dtype).bytes;
  const Int end = (offset + elements) * (int64_t)unit;
  if (!end.valid || offset.value < 0 || elements.value < 0 || (uint64_t)end.value > buffer.bytes) {
    fail(TOK_SHAPE, "the view %s of %" PRId64 " elements from %" PRId64 " leaves its buffer of %" PRIu64 " bytes", name,
         elements.value, offset.value, buffer.bytes);
    return false;
  }
  const uint64_t bytes = (uint64_t)elements.value * unit;
  *result = {(void *)((uintptr_t)buffer.data + (uint64_t)offset.value * unit), bytes, buffer.dtype};
  return true;
}

// A dimension of a launch. False, with a message, where it cannot be computed.
inline bool bind(int64_t *result, const char *name, Int value) {
  *result = value.value;
  if (!value.valid) fail(TOK_DIM, "the dimension %s cannot be computed in 64 bits", name);
  return value.valid;
}

#if defined(__HIPCC__)
inline tok_status launch_hip(const char *call, const void *kernel, const tok_launch &launch, void **params,
                             tok_stream stream) {
  const char *error = device_launch(kernel, launch, params, stream);
  if (error == nullptr) return TOK_OK;
  return fail(TOK_DEVICE_ERROR, "%s: %s reports %s", call, device_name(), error);
}
#endif

}  // namespace
}  // namespace tok

#endif
`;
