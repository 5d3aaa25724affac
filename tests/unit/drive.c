/* floors: adapters engine rules nfa base */
/* drive and adapters: files in, files out; patterns and lists of files; sides; sinks that fail; options. */
#include <stdlib.h>
#include <unistd.h>

#include "adapters/registry.h"
#include "base/env.h"
#include "engine/drive.h"
#include "test.h"

static char folder[] = "weir-drive-XXXXXX";

static const char *path_of(const char *name) {
  static char paths[16][256];
  static unsigned next;
  char *path = paths[next++ % 16];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static void write_file(const char *name, const char *text) {
  FILE *file = fopen(path_of(name), "w");
  if (file == NULL) return;
  fputs(text, file);
  fclose(file);
}

static const char *read_file(const char *name) {
  static char text[1 << 16];
  FILE *file = fopen(path_of(name), "r");
  if (file == NULL) return "(no file)";
  size_t length = fread(text, 1, sizeof text - 1, file);
  text[length] = '\0';
  fclose(file);
  return text;
}

static int times(const char *text, const char *part) {
  int count = 0;
  for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part)) count++;
  return count;
}

static const char rules[] = "event p { event_time at late side lates at time(s) n int }\n"
                            "rule a { on p(n == 1) key none to alerts, pager }\n"
                            "rule b { on p(n == 2) key none mode shadow }\n"
                            "rule c { on p(n == 3) key none }\n";

struct setup {
  struct adapter_setting in, out, dead, lates, pager, shadow;
  struct drive_input input;
  struct drive_sink sides[3];
  struct drive_options options;
};

static struct setup *set_up(const char *input) {
  static struct setup s;
  const struct adapter *file = registry_find("file");
  s = (struct setup){.in = {"path", input},
                     .out = {"path", path_of("alerts")},
                     .dead = {"path", path_of("dead")},
                     .lates = {"path", path_of("lates")},
                     .pager = {"path", path_of("pager")},
                     .shadow = {"path", path_of("shadow")}};
  s.input = (struct drive_input){file, &s.in, 1, NULL};
  s.sides[0] = (struct drive_sink){"lates", file, &s.lates, 1, 0};
  s.sides[1] = (struct drive_sink){"pager", file, &s.pager, 1, 0};
  s.sides[2] = (struct drive_sink){"shadow", file, &s.shadow, 1, 0};
  s.options = (struct drive_options){.inputs = &s.input,
                                     .input_count = 1,
                                     .alerts = {NULL, file, &s.out, 1, 0},
                                     .dead_letters = {NULL, file, &s.dead, 1, 0}};
  return &s;
}

static int run(struct setup *setup, struct err *err, struct drive_counts *counts) {
  struct drive *drive = drive_new(&setup->options, err);
  if (drive == NULL) return err->class;
  struct weir *weir = weir_new(&(struct weir_options){.drain = drive_drain, .drain_context = drive}, err);
  int status = weir_load_text(weir, "t.weir", rules, strlen(rules), err);
  if (status == 0) status = drive_run(drive, weir, err);
  if (counts != NULL) *counts = drive_counts(drive);
  weir_free(weir);
  drive_free(drive);
  return status;
}

TEST(files_of_a_pattern_are_one_log) {
  write_file("in-2.jsonl", "{\"at\":3,\"n\":3}\n{\"at\":4,\"n\":3}");
  write_file("in-1.jsonl", "{\"at\":1,\"n\":3}\n\n{\"at\":2,\"n\":3}\n");
  write_file("other.txt", "nonsense\n");
  struct err err;
  EXPECT_INT(run(set_up(path_of("in-*.jsonl")), &err, NULL), 0);
  const char *alerts = read_file("alerts");
  EXPECT_INT(times(alerts, "\n"), 4);
  EXPECT(strstr(alerts, "00:00:04Z\",\"source\":\"file\",\"partition\":0,\"offset\":3}") != NULL);
  EXPECT_INT(times(read_file("dead"), "\n"), 0);
  char list[600];
  snprintf(list, sizeof list, "%s,%s", path_of("in-2.jsonl"), path_of("in-1.jsonl"));
  EXPECT_INT(run(set_up(list), &err, NULL), 0);
  EXPECT_INT(times(read_file("alerts"), "\n"), 4); /* in byte order of name, so none is late */
  EXPECT_INT(run(set_up(path_of("in-[3-9]*")), &err, NULL), ERR_ABORT);
  EXPECT(strstr(err.text, "no file fits") != NULL);
  EXPECT_INT(run(set_up(path_of("missing")), &err, NULL), ERR_ABORT);
}

TEST(rows_go_to_their_sinks) {
  write_file("in.csv", "at,n\n10,1\n10,2\n10,3\n9,1\nx,1\n");
  struct setup *s = set_up(path_of("in.csv"));
  struct err err;
  struct drive_counts counts;
  EXPECT_INT(run(s, &err, &counts), 0);
  EXPECT_INT(times(read_file("alerts"), "\n"), 2); /* all names without a sink of their own are this one, once */
  EXPECT_INT(times(read_file("dead"), "{\"dead_letter\":\"bad_time\""), 1);
  EXPECT_INT(times(read_file("dead"), "{\"late\""), 1);
  EXPECT_INT(counts.shadow_dropped, 1);
  s = set_up(path_of("in.csv"));
  s->options.sides = s->sides;
  s->options.side_count = 3;
  EXPECT_INT(run(s, &err, &counts), 0);
  EXPECT_INT(times(read_file("alerts"), "\n"), 2);
  EXPECT_INT(times(read_file("pager"), "{\"rule\":\"a\""), 1);
  EXPECT_INT(times(read_file("shadow"), "{\"rule\":\"b\""), 1);
  EXPECT_INT(times(read_file("lates"), "{\"late\":\"p\""), 1);
  EXPECT_INT(times(read_file("dead"), "\n"), 1);
  EXPECT_INT(counts.shadow_dropped, 0);
  EXPECT_INT(counts.alerts, 4);
}

TEST(a_sink_that_fails_stops_the_run) {
  write_file("in.jsonl", "{\"at\":1,\"n\":3}\n");
  struct setup *s = set_up(path_of("in.jsonl"));
  s->out.value = "/dev/full";
  struct err err;
  EXPECT_INT(run(s, &err, NULL), ERR_FATAL);
  EXPECT(strstr(err.text, "/dev/full") != NULL);
  s = set_up(path_of("in.jsonl"));
  s->out.value = path_of("no/such/folder");
  EXPECT_INT(run(s, &err, NULL), ERR_ABORT);
}

TEST(rules_with_errors_or_missing_inputs_empty_no_file) {
  write_file("alerts", "precious\n");
  struct err err;
  EXPECT_INT(run(set_up(path_of("missing")), &err, NULL), ERR_ABORT);
  EXPECT_TEXT(read_file("alerts"), "precious\n");
}

TEST(a_stop_takes_no_more_input_and_decides_nothing) {
  write_file("in.jsonl", "{\"at\":1,\"n\":3}\n");
  static volatile sig_atomic_t stop = 1;
  struct setup *s = set_up(path_of("in.jsonl"));
  s->options.stop = &stop;
  struct err err;
  EXPECT_INT(run(s, &err, NULL), 0);
  EXPECT_TEXT(read_file("alerts"), "");
}

TEST(too_many_dead_letters_a_second_are_counted) {
  static char lines[4000];
  for (int i = 0; i < 500; i++) memcpy(lines + 2 * i, "x\n", 2);
  write_file("in.jsonl", lines);
  struct setup *s = set_up(path_of("in.jsonl"));
  s->options.dead_letters.rows_per_second_max = 10;
  struct err err;
  struct drive_counts counts;
  EXPECT_INT(run(s, &err, &counts), 0);
  EXPECT(counts.dead_letters >= 10 && counts.refused_dropped > 0);
  EXPECT_INT(counts.dead_letters + counts.refused_dropped, 500);
  EXPECT_INT(times(read_file("dead"), "\n"), (int)counts.dead_letters);
}

TEST(the_template_works) {
  struct adapter_setting settings[] = {{"record", "{\"at\":1,\"n\":3}"}, {"count", "130"}};
  struct setup *s = set_up("");
  s->input = (struct drive_input){registry_find("template"), settings, 2, "p"};
  struct err err;
  EXPECT_INT(run(s, &err, NULL), 0);
  EXPECT_INT(times(read_file("alerts"), "\"source\":\"template\""), 130);
  settings[1].value = "-1";
  EXPECT_INT(run(s, &err, NULL), ERR_ABORT);
}

TEST(options_are_read_and_refused_by_name) {
  const struct adapter *file = registry_find("file");
  static char options[256];
  struct err err;
  struct adapter_setting none = {"path", "x"};
  EXPECT(file != NULL && file->options_bytes <= sizeof options);
  EXPECT_INT(adapter_options_read(file, NULL, 0, options, &err), ERR_ABORT);
  EXPECT(strstr(err.text, "needs the option `path`") != NULL);
  EXPECT_INT(adapter_options_read(file, &none, 1, options, &err), 0);
  static const struct adapter_setting wrong[] = {
      {"paht", "x"}, {"buffer", "12 KiB"}, {"buffer", "-1"}, {"buffer", "99999999999TiB"}, {"append", "yes"}};
  for (unsigned i = 0; i < 5; i++) {
    struct adapter_setting both[] = {none, wrong[i]};
    EXPECT_INT(adapter_options_read(file, both, 2, options, &err), ERR_ABORT);
    EXPECT(strstr(err.text, wrong[i].name) != NULL);
  }
  size_t cursor = 0;
  const struct adapter *before = NULL;
  for (const struct adapter *at; (at = registry_next(&cursor)) != NULL; before = at)
    EXPECT(before == NULL || strcmp(before->name, at->name) < 0);
  EXPECT(registry_find("nobody") == NULL);
}

__attribute__((constructor)) static void make_folder(void) {
  if (mkdtemp(folder) == NULL) printf("no folder for files\n");
}

__attribute__((destructor)) static void remove_folder(void) {
  static const char *const names[] = {"in-1.jsonl", "in-2.jsonl", "other.txt", "in.csv", "in.jsonl",
                                      "alerts",     "dead",       "lates",     "pager",  "shadow"};
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) unlink(path_of(names[i]));
  rmdir(folder);
}

TEST_MAIN
