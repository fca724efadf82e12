/**
 * The constant text of `tokitai_support.hpp`, on the threads of a CPU: which blocks of a launch each runs, and how they learn of it.
 *
 * A kernel that is called by itself opens a parallel region of OpenMP for its blocks. A program opens one for all of its launches: one
 * thread goes on with the program, and the others wait for launches that are worth sharing, which takes less than a region for each.
 * Where another process has a core, the thread that goes on does not wait for one that has none.
 */

/** Defined in the file of launchers and programs alone: kernels for a vector unit must not bring functions for any CPU with them. */
export const LAUNCHERS_MACRO = "TOK_LAUNCHERS";

export const TEAM = `
#if !defined(__HIPCC__)
// How often a thread multiplies and adds while it goes over one element: in products of matrices vectors do all of it.
#define TOK_PRODUCTS_PER_ELEMENT 16

// A thread of those that share a launch, and which blocks of a grid it runs. Rows of blocks that lie together are of
// one thread: what it writes of them is in its own cache when the next kernel reads it, and no two threads write to one
// line but where their rows meet.
struct tok_team {
  int64_t thread, threads;

  // Of so many blocks the first that it runs; those up to the first one of the next thread follow.
  template <typename Index>
  Index first(Index count) const {
    return (Index)(((int64_t)count * thread + threads - 1) / threads);
  }

  template <typename Index>
  Index end(Index count) const {
    return (Index)(((int64_t)count * (thread + 1) + threads - 1) / threads);
  }

  // Whether it runs the block of this number, of so many.
  bool runs(int64_t block, int64_t count) const { return block * threads / count == thread; }

  // Of a grid of rows of blocks (x), each of several (y): as many blocks as any other thread, one row after the other.
  bool runs(int64_t x, int64_t y, int64_t grid_x, int64_t grid_y) const {
    return runs(x * grid_y + y, grid_x * grid_y);
  }

  // Of several such grids (z), of which each has an unknown number of rows that are not empty, the first ones: rows are
  // dealt out in turn. Where there are more threads than grids, several share the blocks of a row; where a row has two
  // for each thread, all do, since their parts are then equal whatever the number of rows.
  bool runs(int64_t x, int64_t y, int64_t z, int64_t, int64_t grid_y, int64_t grid_z) const {
    const int64_t wanted = grid_y >= 2 * threads ? threads : (threads + grid_z - 1) / grid_z;
    const int64_t sharing = wanted < grid_y ? wanted : grid_y;
    return (z + x) % (threads / sharing) * sharing + y * sharing / grid_y == thread;
  }
};

// Runs the blocks of a launch that are of a thread.
typedef void (*tok_member)(const tok_launch &launch, const tok_team &own);

// Runs a launch on tensors of so many elements: on several threads if it has several blocks, and is worth it.
void tok_share(bool several, double elements, const tok_launch &launch, tok_member member);
#endif
`;

/** What posts launches to threads, and has them wait. */
export const CREW = `
#if defined(${LAUNCHERS_MACRO}) && defined(_OPENMP)
extern "C" int omp_get_thread_num(void);
extern "C" int omp_get_num_threads(void);
extern "C" int omp_get_max_threads(void);
extern "C" int omp_in_parallel(void);

namespace tok {
namespace {

// Until it is done: at first without giving up the core, since a launch takes some microseconds; then others have their
// turn.
template <typename Done>
void await(const Done &done) {
  for (int round = 0; !done(); ++round) {
    if (round < 4096) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    } else if (round < 8192) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }
}

// The threads of a program. One of them posts a launch and runs its own blocks; then it runs those of threads that have
// not begun, since another process may have their cores, and waits for those that have.
class Crew {
 public:
  void has(int64_t threads) {
    threads_ = threads;
    parts_ = std::vector<Part>(threads);
  }

  void share(const tok_launch &launch, tok_member member) {
    launch_ = &launch;
    member_ = member;
    finished_.store(0, std::memory_order_relaxed);
    const uint64_t post = posts_.load(std::memory_order_relaxed) + 1;
    posts_.store(post, std::memory_order_release);
    member(launch, {0, threads_});
    int64_t begun = 0;
    for (int64_t thread = 1; thread < threads_; ++thread) {
      if (claim(thread, post)) {
        member(launch, {thread, threads_});
      } else {
        ++begun;
      }
    }
    await([this, begun] { return finished_.load(std::memory_order_acquire) == begun; });
  }

  void end() {
    over_.store(true, std::memory_order_relaxed);
    posts_.store(posts_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // What the thread of this number does, other than that which posts.
  void work(int64_t thread) {
    for (uint64_t seen = 0;;) {
      await([this, seen] { return posts_.load(std::memory_order_acquire) != seen; });
      seen = posts_.load(std::memory_order_acquire);
      if (over_.load(std::memory_order_relaxed)) return;
      // A launch that somebody else has finished may be gone; one that this thread has begun is not.
      if (!claim(thread, seen)) continue;
      member_(*launch_, {thread, threads_});
      finished_.fetch_add(1, std::memory_order_release);
    }
  }

 private:
  // The last post whose blocks of a thread somebody runs: of each post one does.
  struct alignas(64) Part {
    std::atomic<uint64_t> claimed{0};
  };

  bool claim(int64_t thread, uint64_t post) {
    uint64_t before = post - 1;
    return parts_[thread].claimed.compare_exchange_strong(before, post, std::memory_order_acq_rel);
  }

  int64_t threads_ = 1;
  std::vector<Part> parts_;
  const tok_launch *launch_ = nullptr;
  tok_member member_ = nullptr;
  // On lines of their own: one is read by all that wait, the other written by all that have finished.
  alignas(64) std::atomic<uint64_t> posts_{0};
  alignas(64) std::atomic<int64_t> finished_{0};
  std::atomic<bool> over_{false};
};

// That of the program which this thread runs: none outside programs, and in those that are not worth any.
thread_local Crew *own_crew = nullptr;

// Whether so many elements are worth other threads: to wake one takes some microseconds, in which a thread goes over
// 2^15 elements; for one that waits for launches an eighth of them is enough. TOKITAI_WAKE_ELEMENTS is another number.
bool worth_sharing(double elements) {
  static const double least = [] {
    const char *given = getenv("TOKITAI_WAKE_ELEMENTS");
    return given == nullptr ? 32768.0 : strtod(given, nullptr);
  }();
  return elements >= (own_crew == nullptr ? least : least / 8);
}

// Runs the launches of a program, with threads that wait for them where buffers of so many bytes are worth it.
template <typename Launches>
tok_status with_crew(int64_t bytes, const Launches &launches) {
  if (!worth_sharing((double)bytes / 4) || omp_get_max_threads() == 1 || omp_in_parallel()) return launches();
  tok_status status = TOK_OK;
  Crew crew;
#pragma omp parallel
  {
#pragma omp single
    crew.has(omp_get_num_threads());
    if (omp_get_thread_num() == 0) {
      own_crew = &crew;
      status = launches();
      own_crew = nullptr;
      crew.end();
    } else {
      crew.work(omp_get_thread_num());
    }
  }
  return status;
}

}  // namespace
}  // namespace tok

void tok_share(bool several, double elements, const tok_launch &launch, tok_member member) {
  if (!several || !tok::worth_sharing(elements)) return member(launch, {0, 1});
  if (tok::own_crew != nullptr) return tok::own_crew->share(launch, member);
#pragma omp parallel
  member(launch, {omp_get_thread_num(), omp_get_num_threads()});
}
#else
#if defined(${LAUNCHERS_MACRO})
void tok_share(bool, double, const tok_launch &launch, tok_member member) { member(launch, {0, 1}); }
#endif

namespace tok {

template <typename Launches>
tok_status with_crew(int64_t, const Launches &launches) {
  return launches();
}

}  // namespace tok
#endif
`;
