/* fuzz_main.c - runs a fuzz target over the files of its corpus, where libFuzzer is not built in. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 4 << 20, PATH_BYTES = 4096 };

int main(int argc, char **argv) {
  DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
  static uint8_t data[INPUT_MAX];
  int passed = 0;
  LLVMFuzzerTestOneInput(data, 0);
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return 1;
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    uint8_t *exact = malloc(size + 1); /* so that the sanitizer sees a read past the end */
    for (size_t i = 0; i < size; i++) exact[i] = data[i];
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    passed++;
  }
  if (folder != NULL) closedir(folder);
  printf("%d passed, %d failed\n", passed, passed == 0);
  return passed == 0;
}
