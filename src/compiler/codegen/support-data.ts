/**
 * The constant text of `tokitai_support.hpp`, on conditions on data: `tok::Findings`, the memory in which a check kernel
 * notes what it finds, and how a launcher reads it.
 *
 * On the GPU that memory is on the device: one allocation per host thread, made by its first check and kept until the
 * thread ends or changes the device. A check is ordered on the caller's stream, and the host waits for it: that is its
 * cost beside the check kernel's own. What a launcher asks of the device stands in `support-device.ts`.
 */

export const DATA = `
// A condition on data as the source has it, and the name of its first variable, where it has one.
struct Condition {
  const char *text;
  const char *variable;
};

#if defined(__HIPCC__)
// Device memory of this thread, as large as its largest request.
class DeviceRoom {
 public:
  DeviceRoom() = default;
  DeviceRoom(const DeviceRoom &) = delete;
  DeviceRoom &operator=(const DeviceRoom &) = delete;
  ~DeviceRoom() { (void)release(); }

  const char *reserve(size_t bytes) {
    int number = 0;
    const char *error = device_number(&number);
    if (error != nullptr || (number == number_ && bytes <= bytes_)) return error;
    error = release();
    if (error == nullptr) error = device_allocate(bytes, &data_);
    if (error != nullptr) return error;
    number_ = number;
    bytes_ = bytes;
    return nullptr;
  }

  void *data() const { return data_; }

 private:
  const char *release() {
    const char *error = data_ == nullptr ? nullptr : device_release(data_);
    data_ = nullptr;
    bytes_ = 0;
    number_ = -1;
    return error;
  }

  void *data_ = nullptr;
  size_t bytes_ = 0;
  int number_ = -1;
};

thread_local DeviceRoom device_room;
#endif

// For each condition of a kernel the least value of its first variable that breaks it.
template <size_t Count>
class Findings {
 public:
  // Every byte of an element in which nothing was noted: more than any value of a variable.
  static constexpr int BLANK = 0x7f;
  static constexpr int64_t NONE = INT64_C(0x7f7f7f7f7f7f7f7f);

  Findings(const char *call, const Condition (&conditions)[Count]) : call_(call), conditions_(conditions) {}

#if defined(__HIPCC__)
  tok_status open(tok_stream stream) {
    const char *error = device_room.reserve(sizeof found_);
    if (error == nullptr) error = device_fill(device_room.data(), BLANK, sizeof found_, stream);
    return status_of(error);
  }

  tok_tensor tensor() { return {device_room.data(), sizeof found_, TOK_I64}; }

  tok_status close(tok_stream stream) {
    return status_of(device_read(found_, device_room.data(), sizeof found_, stream));
  }
#else
  tok_status open(tok_stream) {
    memset(found_, BLANK, sizeof found_);
    return TOK_OK;
  }

  tok_tensor tensor() { return {found_, sizeof found_, TOK_I64}; }

  tok_status close(tok_stream) { return TOK_OK; }
#endif

  // The first of the conditions asked for that is broken decides.
  tok_status status(std::initializer_list<size_t> asked) const {
    for (const size_t i : asked) {
      if (found_[i] == NONE) continue;
      const Condition &condition = conditions_[i];
      if (condition.variable == nullptr) {
        return fail(TOK_REQUIRES, "%s: requires %.700s, which does not hold", call_, condition.text);
      }
      return fail(TOK_REQUIRES, "%s: requires %.700s, which does not hold at %s = %" PRId64, call_, condition.text,
                  condition.variable, found_[i]);
    }
    return TOK_OK;
  }

 private:
#if defined(__HIPCC__)
  tok_status status_of(const char *error) const {
    if (error == nullptr) return TOK_OK;
    return fail(TOK_DEVICE_ERROR, "%s: %s reports %s while its data is checked", call_, device_name(), error);
  }
#endif

  const char *call_;
  const Condition (&conditions_)[Count];
  int64_t found_[Count];
};
`;
