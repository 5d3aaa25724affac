/* test_report.c - writes what `weir test` found, in the forms that programs read. */
#include "cli/test_report.h"

#include "base/utf8.h"
#include "cli/cli.h"

/* ---- JUnit ---- */

/* XML 1.0 has no way to say most control characters: they become U+FFFD. */
static void xml_text(struct buf *out, struct slice text) {
  for (size_t i = 0; i < text.length; i++) {
    unsigned char byte = (unsigned char)text.data[i];
    if (byte == '&')
      buf_str(out, "&amp;");
    else if (byte == '<')
      buf_str(out, "&lt;");
    else if (byte == '>')
      buf_str(out, "&gt;");
    else if (byte == '"')
      buf_str(out, "&quot;");
    else if (byte < 0x20 && byte != '\n' && byte != '\t')
      buf_str(out, "\xEF\xBF\xBD");
    else
      buf_byte(out, (char)byte);
  }
}

static void seconds(struct buf *out, int64_t us) {
  buf_printf(out, "%lld.%06lld", (long long)us / 1000000, (long long)us % 1000000);
}

void test_report_junit(struct buf *out, const struct test_cases *cases) {
  size_t failed = 0;
  int64_t us = 0;
  for (size_t i = 0; i < cases->count; i++) {
    failed += !cases->items[i].passed;
    us += cases->items[i].us;
  }
  buf_printf(out,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"weir\" tests=\"%zu\" "
             "failures=\"%zu\" "
             "errors=\"0\" skipped=\"0\" time=\"",
             cases->count, failed);
  seconds(out, us);
  buf_str(out, "\">\n");
  for (size_t i = 0; i < cases->count; i++) {
    const struct test_case *test = &cases->items[i];
    buf_str(out, "<testcase name=\"");
    xml_text(out, test->name);
    buf_str(out, "\" classname=\"");
    xml_text(out, test->file);
    buf_printf(out, "\" line=\"%u\" time=\"", test->line);
    seconds(out, test->us);
    if (test->passed && test->text.length == 0) {
      buf_str(out, "\"/>\n");
      continue;
    }
    if (test->passed) { /* notes */
      buf_str(out, "\">\n<system-out>");
      xml_text(out, test->text);
      buf_str(out, "</system-out>\n</testcase>\n");
      continue;
    }
    const char *end = test->text.length == 0 ? NULL : memchr(test->text.data, '\n', test->text.length);
    buf_str(out, "\">\n<failure message=\"");
    xml_text(out, end == NULL ? test->text : (struct slice){test->text.data, (size_t)(end - test->text.data)});
    buf_str(out, "\">");
    xml_text(out, test->text);
    buf_str(out, "</failure>\n</testcase>\n");
  }
  buf_str(out, "</testsuite>\n</testsuites>\n");
}

void test_report_json(struct buf *out, const struct test_case *test) {
  buf_str(out, "{\"test\":");
  buf_json_string(out, test->name);
  buf_str(out, ",\"file\":");
  buf_json_string(out, test->file);
  buf_printf(out, ",\"line\":%u,\"passed\":%s", test->line, test->passed ? "true" : "false");
  if (test->text.length > 0) {
    buf_str(out, ",\"text\":");
    buf_json_string(out, test->text);
  }
  buf_str(out, "}\n");
}

/* ---- coverage ---- */

struct coverage {
  unsigned tests;
  bool fired, quiet;
};

static bool names(const struct test_tree *test, struct slice rule) {
  for (uint16_t i = 0; i < test->rule_count; i++)
    if (slice_equal(test->rules[i].text, rule)) return true;
  return false;
}

static struct coverage coverage_of(const struct test_cases *cases, struct slice rule) {
  struct coverage coverage = {0};
  for (size_t i = 0; i < cases->count; i++) {
    const struct test_tree *test = cases->items[i].tree;
    if (!names(test, rule)) continue;
    coverage.tests++;
    if (!cases->items[i].passed) continue;
    bool fired = false, bounded = false;
    for (uint16_t l = 0; l < test->line_count; l++) {
      const struct test_line *line = &test->lines[l];
      if (line->kind != TEST_EXPECT) continue;
      fired = fired || (!line->nothing && !line->nothing_else && slice_equal(line->name.text, rule));
      bounded = bounded || line->nothing || line->nothing_else;
    }
    coverage.fired = coverage.fired || fired;
    coverage.quiet = coverage.quiet || (bounded && !fired);
  }
  return coverage;
}

/* `rule`: its place in the tree. */
static struct coverage coverage_of_block(const struct test_cases *cases, uint16_t rule) {
  struct coverage coverage = {0};
  for (size_t i = 0; i < cases->count; i++) {
    const struct test_case *test = &cases->items[i];
    if (test->ran == NULL || !test->ran[rule]) continue;
    coverage.tests++;
    coverage.fired |= test->passed && test->matched[rule];
    coverage.quiet |= test->passed && !test->matched[rule];
  }
  return coverage;
}

struct coverage_table {
  struct buf *out;
  bool json;
  size_t width;
};

static void coverage_row(struct coverage_table *table, const char *kind, struct slice name, struct coverage coverage) {
  struct buf *out = table->out;
  if (table->json) {
    buf_printf(out, "{\"%s\":", kind);
    buf_json_string(out, name);
    buf_printf(out, ",\"tests\":%u,\"fires\":%s,\"quiet\":%s}\n", coverage.tests, coverage.fired ? "true" : "false",
               coverage.quiet ? "true" : "false");
    return;
  }
  const char *before = strcmp(kind, "group") == 0 ? "group " : "";
  buf_printf(out, "%s" SLICE_FMT, before, SLICE_ARG(name));
  for (size_t width = strlen(before) + utf8_count(name); width < table->width; width++) buf_byte(out, ' ');
  buf_printf(out, "  %5u  %-5s  %s\n", coverage.tests, coverage.fired ? "yes" : "-", coverage.quiet ? "yes" : "-");
}

static size_t names_width(const struct tree *tree, uint32_t *groups) {
  size_t width = strlen("rule");
  *groups = 0;
  for (uint32_t i = 0; i < tree->decl_count; i++) {
    const struct decl *decl = &tree->decls[i];
    size_t length = decl->kind == DECL_RULE    ? utf8_count(decl->rule->name.text)
                    : decl->kind == DECL_GROUP ? utf8_count(decl->group->name.text) + strlen("group ")
                                               : 0;
    if (length > width) width = length;
    *groups += decl->kind == DECL_GROUP;
  }
  return width;
}

void test_report_coverage(struct buf *out, const struct tree *tree, const struct test_cases *cases, bool json,
                          bool colour) {
  uint32_t groups, covered = 0, groups_covered = 0;
  struct coverage_table table = {.out = out, .json = json, .width = names_width(tree, &groups)};
  if (!json)
    buf_printf(out, "\n%s%-*s  tests  fires  stays quiet%s\n", cli_style(colour, STYLE_BOLD), (int)table.width, "rule",
               cli_style(colour, STYLE_OFF));
  for (uint16_t i = 0; i < tree->rule_count; i++) {
    const struct rule_tree *rule = tree->rules[i];
    struct coverage coverage = rule->to_nothing ? coverage_of_block(cases, i) : coverage_of(cases, rule->name.text);
    covered += coverage.fired;
    coverage_row(&table, "rule", rule->name.text, coverage);
  }
  for (uint32_t i = 0; i < tree->decl_count; i++) {
    if (tree->decls[i].kind != DECL_GROUP) continue;
    struct slice name = tree->decls[i].group->name.text;
    struct coverage coverage = coverage_of(cases, name);
    groups_covered += coverage.fired;
    coverage_row(&table, "group", name, coverage);
  }
  if (json) return;
  buf_printf(out, "%u of %u rule%s seen to fire", covered, tree->rule_count, tree->rule_count == 1 ? " was" : "s were");
  if (groups > 0) buf_printf(out, ", %u of %u group%s", groups_covered, groups, groups == 1 ? "" : "s");
  buf_str(out, "\n\n");
}
