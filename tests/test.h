/* test.h - the little that a unit test needs. TEST(name) { EXPECT(...); } and TEST_MAIN at the end.
 * Each test function counts as one test; a failed EXPECT is printed with its place and the test goes on. */
#ifndef WEIR_TESTS_TEST_H
#define WEIR_TESTS_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct test_case {
  const char *name;
  void (*run)(void);
  struct test_case *next;
};

static struct test_case *test_cases;
static bool test_failed;

#define TEST(test_name)                                                                                                \
  static void test_##test_name(void);                                                                                  \
  static struct test_case test_case_##test_name = {#test_name, test_##test_name, NULL};                                \
  __attribute__((constructor)) static void test_register_##test_name(void) {                                           \
    struct test_case **end = &test_cases;                                                                              \
    while (*end != NULL) end = &(*end)->next;                                                                          \
    *end = &test_case_##test_name;                                                                                     \
  }                                                                                                                    \
  static void test_##test_name(void)

#define EXPECT(condition)                                                                                              \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      printf("%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                                                  \
      test_failed = true;                                                                                              \
    }                                                                                                                  \
  } while (0)

#define EXPECT_INT(actual, expected)                                                                                   \
  do {                                                                                                                 \
    long long test_a = (long long)(actual), test_e = (long long)(expected);                                            \
    if (test_a != test_e) {                                                                                            \
      printf("%s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, #actual, test_a, test_e);                       \
      test_failed = true;                                                                                              \
    }                                                                                                                  \
  } while (0)

#define EXPECT_TEXT(actual, expected)                                                                                  \
  do {                                                                                                                 \
    const char *test_a = (actual), *test_e = (expected);                                                               \
    if (strcmp(test_a, test_e) != 0) {                                                                                 \
      printf("%s:%d: %s is\n  %s\nexpected\n  %s\n", __FILE__, __LINE__, #actual, test_a, test_e);                     \
      test_failed = true;                                                                                              \
    }                                                                                                                  \
  } while (0)

#define TEST_MAIN                                                                                                      \
  int main(int argc, char **argv) {                                                                                    \
    int passed = 0, failed = 0;                                                                                        \
    for (struct test_case *t = test_cases; t != NULL; t = t->next) {                                                   \
      if (argc > 1 && strstr(t->name, argv[1]) == NULL) continue;                                                      \
      test_failed = false;                                                                                             \
      t->run();                                                                                                        \
      if (test_failed) printf("FAILED %s\n", t->name);                                                                 \
      test_failed ? failed++ : passed++;                                                                               \
    }                                                                                                                  \
    printf("%d passed, %d failed\n", passed, failed);                                                                  \
    return failed > 0 || passed == 0;                                                                                  \
  }

#endif
