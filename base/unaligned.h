/* unaligned.h - numbers at any address, aligned or not: one load or store each. In the byte order of the host, unless
 * the name says another. Pure. */
#ifndef WEIR_BASE_UNALIGNED_H
#define WEIR_BASE_UNALIGNED_H

#include <stdint.h>
#include <string.h>

static inline uint32_t read_u32(const void *at) {
  uint32_t number;
  memcpy(&number, at, sizeof number);
  return number;
}
static inline uint64_t read_u64(const void *at) {
  uint64_t number;
  memcpy(&number, at, sizeof number);
  return number;
}
static inline int64_t read_i64(const void *at) { return (int64_t)read_u64(at); }
static inline void write_u32(void *at, uint32_t number) { memcpy(at, &number, sizeof number); }
static inline void write_u64(void *at, uint64_t number) { memcpy(at, &number, sizeof number); }

/* The byte at the lowest address is the lowest. */
static inline uint64_t read_u64_little(const void *at) {
  uint64_t number = read_u64(at);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  number = __builtin_bswap64(number);
#endif
  return number;
}

#endif
