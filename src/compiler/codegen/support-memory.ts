/**
 * The constant text of `tokitai_support.hpp`, on memory: vectors, atomic steps and the barrier of a wave, as kernels use
 * them. The same names stand for both targets.
 *
 * Atomic steps are relaxed: they order no other access, as the race obligation assumes. On the GPU a step on global
 * memory is seen by the whole device, one on shared memory by the block. On the CPU one thread runs all threads of a
 * block, so that a step on shared memory is plain.
 */

export const MEMORY = `
// The integer or float whose vectors move elements of a type.
template <typename Element>
struct tok_lane {
  typedef Element type;
};

template <>
struct tok_lane<tok_half> {
  typedef uint16_t type;
};

template <>
struct tok_lane<tok_bf16> {
  typedef uint16_t type;
};

// What one access moves: all of a vector, or 16 bytes of a longer one.
template <typename Element, int Lanes>
struct tok_access {
  static constexpr int total = Lanes * (int)sizeof(Element);
  static constexpr int bytes = total < 16 ? total : 16;
  static constexpr int count = total / bytes;
  static constexpr int lanes = Lanes / count;
  typedef typename tok_lane<Element>::type type __attribute__((vector_size(bytes), may_alias));
};

// registers[0..Lanes) = place[0..Lanes), whose address is a multiple of the access.
template <typename Element, int Lanes>
TOK_DEVICE static inline void tok_load_vector(Element (&registers)[Lanes], const Element *place) {
  typedef tok_access<Element, Lanes> Access;
  for (int i = 0; i < Access::count; ++i) {
    const typename Access::type loaded = ((const typename Access::type *)place)[i];
    __builtin_memcpy(&registers[i * Access::lanes], &loaded, sizeof loaded);
  }
}

// place[0..Lanes) = registers[0..Lanes)
template <typename Element, int Lanes>
TOK_DEVICE static inline void tok_store_vector(Element *place, const Element (&registers)[Lanes]) {
  typedef tok_access<Element, Lanes> Access;
  for (int i = 0; i < Access::count; ++i) {
    typename Access::type stored;
    __builtin_memcpy(&stored, &registers[i * Access::lanes], sizeof stored);
    ((typename Access::type *)place)[i] = stored;
  }
}

// Atomic steps on integers: relaxed, and without a result. An addition wraps at the element's width.
#if defined(__HIPCC__)
template <typename Element>
__device__ inline void tok_atomic_add_global(Element *place, Element value) {
  typedef typename std::make_unsigned<Element>::type Bits;
  __hip_atomic_fetch_add((Bits *)place, (Bits)value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

template <typename Element>
__device__ inline void tok_atomic_min_global(Element *place, Element value) {
  __hip_atomic_fetch_min(place, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

template <typename Element>
__device__ inline void tok_atomic_max_global(Element *place, Element value) {
  __hip_atomic_fetch_max(place, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

template <typename Element>
__device__ inline void tok_atomic_add_shared(Element *place, Element value) {
  typedef typename std::make_unsigned<Element>::type Bits;
  __hip_atomic_fetch_add((Bits *)place, (Bits)value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_WORKGROUP);
}

template <typename Element>
__device__ inline void tok_atomic_min_shared(Element *place, Element value) {
  __hip_atomic_fetch_min(place, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_WORKGROUP);
}

template <typename Element>
__device__ inline void tok_atomic_max_shared(Element *place, Element value) {
  __hip_atomic_fetch_max(place, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_WORKGROUP);
}

// Orders the accesses of the threads of a wave, and waits for no other.
__device__ inline void tok_wave_barrier() {
  __builtin_amdgcn_fence(__ATOMIC_RELEASE, "wavefront");
  __builtin_amdgcn_wave_barrier();
  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "wavefront");
}
#else
template <typename Element>
static inline void tok_atomic_add_global(Element *place, Element value) {
  typedef typename std::make_unsigned<Element>::type Bits;
  __atomic_fetch_add((Bits *)place, (Bits)value, __ATOMIC_RELAXED);
}

// A failed exchange reads the element anew.
template <typename Element>
static inline void tok_atomic_min_global(Element *place, Element value) {
  Element found = __atomic_load_n(place, __ATOMIC_RELAXED);
  while (value < found &&
         !__atomic_compare_exchange_n(place, &found, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

template <typename Element>
static inline void tok_atomic_max_global(Element *place, Element value) {
  Element found = __atomic_load_n(place, __ATOMIC_RELAXED);
  while (value > found &&
         !__atomic_compare_exchange_n(place, &found, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

template <typename Element>
static inline void tok_atomic_add_shared(Element *place, Element value) {
  typedef typename std::make_unsigned<Element>::type Bits;
  *place = (Element)((Bits)*place + (Bits)value);
}

template <typename Element>
static inline void tok_atomic_min_shared(Element *place, Element value) {
  if (value < *place) *place = value;
}

template <typename Element>
static inline void tok_atomic_max_shared(Element *place, Element value) {
  if (value > *place) *place = value;
}
#endif
`;
