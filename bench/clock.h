/* clock.h - what every benchmark has: CPU time, a random number, medians of 5, a calibration figure. Header only. */
#ifndef WEIR_BENCH_CLOCK_H
#define WEIR_BENCH_CLOCK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BENCH_RUNS = 5 };

static inline double bench_cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline uint64_t bench_random(uint64_t *state) { /* xorshift64* by Vigna */
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545F4914F6CDD1Du;
}

static inline int bench_by_number(const void *a, const void *b) {
  const double *left = a, *right = b;
  return (*left > *right) - (*left < *right);
}

static inline double bench_median(double figures[BENCH_RUNS]) {
  qsort(figures, BENCH_RUNS, sizeof *figures, bench_by_number);
  return figures[BENCH_RUNS / 2];
}

/* A fixed loop, so that figures of different machines and moments can be compared. */
static inline void bench_calibrate(void) {
  enum { STEPS = 50000000 };
  double figures[BENCH_RUNS];
  uint64_t state = 88172645463325252u, sum = 0;
  for (int run = 0; run < BENCH_RUNS; run++) {
    double start = bench_cpu_ns();
    for (int i = 0; i < STEPS; i++) sum += bench_random(&state);
    figures[run] = (bench_cpu_ns() - start) / STEPS;
  }
  printf("%-64s %9.2f ns/step (%d)\n", "calibration: xorshift64*", bench_median(figures), (int)(sum & 1));
}

#endif
