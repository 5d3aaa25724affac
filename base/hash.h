/* hash.h - XXH3, inlined. One place, so that every hash of the program is of one kind. */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "hashes are told, so they must be the same on every host");

struct hash128 {
  uint64_t low, high;
};

/* XXH3-64 of bytes. `data` may be NULL if `length` is 0. */
static inline uint64_t hash_bytes(const void *data, size_t length) { return XXH3_64bits(data, length); }
static inline uint64_t hash_bytes_seed(const void *data, size_t length, uint64_t seed) {
  return XXH3_64bits_withSeed(data, length, seed);
}
/* XXH3-64 of the eight bytes of a number, lowest first. */
static inline uint64_t hash_u64(uint64_t number) { return XXH3_64bits(&number, sizeof number); }
/* The same for tables alone, in a few instructions: the finaliser of MurmurHash3. Different numbers stay different. */
static inline uint64_t hash_mixed(uint64_t bits) {
  bits ^= bits >> 33;
  bits *= UINT64_C(0xff51afd7ed558ccd);
  bits ^= bits >> 33;
  bits *= UINT64_C(0xc4ceb9fe1a85ec53);
  return bits ^ bits >> 33;
}
static inline struct hash128 hash_bytes_128(const void *data, size_t length) {
  XXH128_hash_t hash = XXH3_128bits(data, length);
  return (struct hash128){.low = hash.low64, .high = hash.high64};
}
/* 32 hex digits in the order that xxhsum prints (high half first), and a NUL. */
static inline void hash_128_text(struct hash128 hash, char out[33]) {
  static const char hex[] = "0123456789abcdef";
  for (unsigned i = 0; i < 16; i++) {
    out[i] = hex[hash.high >> (60 - 4 * i) & 15];
    out[16 + i] = hex[hash.low >> (60 - 4 * i) & 15];
  }
  out[32] = '\0';
}

#endif
