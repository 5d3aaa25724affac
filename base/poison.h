/* poison.h - tells the address sanitizer which bytes of an arena or a pool may be touched; nothing without it. */
#ifndef WEIR_BASE_POISON_H
#define WEIR_BASE_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define WEIR_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_POISONS 1
#endif
#endif

#ifdef WEIR_POISONS
#include <sanitizer/asan_interface.h>
#define poison(block, bytes) __asan_poison_memory_region((block), (bytes))
#define unpoison(block, bytes) __asan_unpoison_memory_region((block), (bytes))
#else
#define poison(block, bytes) ((void)(block), (void)(bytes))
#define unpoison(block, bytes) ((void)(block), (void)(bytes))
#endif

#endif
