/* check.h - check() is for what cannot happen: it stays on in release and ends the program with exit code 4.
 * It is never used for input. */
#ifndef WEIR_BASE_CHECK_H
#define WEIR_BASE_CHECK_H

_Noreturn void check_failed(const char *expression, const char *file, int line);

#define check(expression)                                                                                              \
  (__builtin_expect(!!(expression), 1) ? (void)0 : check_failed(#expression, __FILE__, __LINE__))

#endif
