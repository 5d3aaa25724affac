/* progress.c - the progress line, the summary and the notes of a run. */
#include "cli/progress.h"

#include "base/time_text.h"
#include "cli/profile.h"

enum { PROGRESS_EVERY_US = 200000, RATE_TEXT_MAX = 32, ABSENT_SHOWN_MAX = 10 };

static int64_t now_us(const struct progress *progress) {
  return progress->cli->env->monotonic_us(progress->cli->env->context);
}

static int64_t cpu_us(const struct progress *progress) {
  return progress->cli->env->cpu_us(progress->cli->env->context);
}

void progress_begin(struct progress *progress) {
  progress->begun_us = progress->told_us = now_us(progress);
  progress->begun_cpu_us = cpu_us(progress);
}

/* 2134567.0 -> "2.13 M". */
static const char *rate_text(char out[RATE_TEXT_MAX], uint64_t events, int64_t us) {
  double rate = us <= 0 ? 0 : (double)events * 1e6 / (double)us;
  if (rate >= 1e6)
    snprintf(out, RATE_TEXT_MAX, "%.2f M", rate / 1e6);
  else if (rate >= 1e4)
    snprintf(out, RATE_TEXT_MAX, "%.0f k", rate / 1e3);
  else
    snprintf(out, RATE_TEXT_MAX, "%.0f", rate);
  return out;
}

void progress_tell(void *context, struct weir *weir, const struct drive_progress *state) {
  struct progress *progress = context;
  progress->bytes = state->bytes;
  if (!progress->cli->err_terminal || progress->json || state->last) return;
  int64_t now = now_us(progress), since = now - progress->told_us;
  if (since < PROGRESS_EVERY_US) return;
  struct weir_stats stats;
  weir_stats(weir, &stats);
  char events[COUNT_TEXT_MAX], alerts[COUNT_TEXT_MAX], rate[RATE_TEXT_MAX], watermark[TIME_TEXT_MAX] = "-",
                                                                            percent[16] = "";
  if (stats.frontier_us > TIME_MIN_US && stats.frontier_us < TIME_MAX_US) time_text(watermark, stats.frontier_us);
  if (state->bytes_total > 0)
    snprintf(percent, sizeof percent, "  %u %%", (unsigned)(state->bytes * 100 / state->bytes_total));
  char line[200];
  snprintf(line, sizeof line, "%s events  %s/s  watermark %s  %s alerts%s", count_text(events, stats.read),
           rate_text(rate, stats.read - progress->told_events, since), watermark, count_text(alerts, stats.alerts),
           percent);
  live_line(progress->live, line);
  progress->told_us = now;
  progress->told_events = stats.read;
}

/* ---- the end ---- */

static void count_word(struct buf *out, uint64_t count, const char *word) {
  char text[COUNT_TEXT_MAX];
  if (count > 0) buf_printf(out, ", %s %s", count_text(text, count), word);
}

/* A count among others in parentheses: of more than have room the first ones. `field` may be empty. */
enum { NAMES_SHOWN = 6 };
static void add_named(struct buf *out, unsigned number, struct weir_bytes name, struct weir_bytes field,
                      uint64_t count) {
  char text[COUNT_TEXT_MAX];
  if (number > NAMES_SHOWN) return;
  buf_printf(out, "%s%.*s%s%.*s %s", number == 1 ? " (" : ", ", (int)name.length, name.data,
             field.length > 0 ? "." : "", (int)field.length, field.length > 0 ? field.data : "",
             count_text(text, count));
}
static void end_named(struct buf *out, unsigned count) {
  if (count > NAMES_SHOWN) buf_str(out, ", …");
  if (count > 0) buf_byte(out, ')');
}

/* Which derived events there were. */
static void derived_names(struct buf *out, struct weir *weir) {
  struct weir_derived derived;
  unsigned count = 0;
  for (uint64_t cursor = 0; weir_next_derived(weir, &cursor, &derived);)
    if (derived.made > 0) add_named(out, ++count, derived.event, (struct weir_bytes){0}, derived.made);
  end_named(out, count);
}

/* Which fields had bad values. */
static void bad_names(struct buf *out, struct weir *weir) {
  struct weir_bad_field bad;
  unsigned count = 0;
  for (uint64_t cursor = 0; weir_next_bad_field(weir, &cursor, &bad);)
    add_named(out, ++count, bad.type, bad.field, bad.count);
  end_named(out, count);
}

static void summary_text(struct progress *progress, struct weir *weir, const struct weir_stats *stats, int64_t us) {
  char events[COUNT_TEXT_MAX], alerts[COUNT_TEXT_MAX], rate[RATE_TEXT_MAX];
  struct buf out;
  buf_init(&out, progress->cli->mem);
  buf_printf(&out, "%s event%s in %.2f s (%s/s): %s alert%s", count_text(events, stats->read), plural(stats->read),
             (double)us / 1e6, rate_text(rate, stats->read, us), count_text(alerts, stats->alerts),
             plural(stats->alerts));
  count_word(&out, stats->shadow, "of them in shadow");
  count_word(&out, stats->suppressed, "suppressed");
  count_word(&out, stats->to_nothing, "`to nothing`");
  count_word(&out, stats->derived, stats->derived == 1 ? "derived event" : "derived events");
  if (stats->derived > 0) derived_names(&out, weir);
  count_word(&out, stats->late, "late");
  count_word(&out, stats->late_in_windows, "of them into windows");
  count_word(&out, stats->dead, "refused");
  count_word(&out, stats->duplicate, "duplicate");
  count_word(&out, stats->ignored, "of no declared type");
  count_word(&out, stats->bad_fields, stats->bad_fields == 1 ? "bad value" : "bad values");
  bad_names(&out, weir);
  fprintf(stderr, "%s%s%s\n", cli_style(progress->cli->err_colour, STYLE_DIM), buf_text(&out),
          cli_style(progress->cli->err_colour, STYLE_OFF));
}

static void bad_json(struct buf *out, struct weir *weir) {
  struct weir_bad_field bad;
  bool any = false;
  for (uint64_t cursor = 0; weir_next_bad_field(weir, &cursor, &bad); any = true) {
    buf_str(out, any ? ",{\"event\":" : "{\"event\":");
    buf_json_string(out, (struct slice){bad.type.data, bad.type.length});
    buf_str(out, ",\"field\":");
    buf_json_string(out, (struct slice){bad.field.data, bad.field.length});
    buf_printf(out, ",\"count\":%llu", (unsigned long long)bad.count);
    if (bad.absent > 0) buf_printf(out, ",\"absent\":%llu", (unsigned long long)bad.absent);
    buf_byte(out, '}');
  }
}

static void overflow_json(struct buf *out, const struct weir_stats *stats) {
  const struct weir_bytes *what = &stats->overflow_in, *rule = &stats->overflow_rule;
  if (what->length == 0) return;
  buf_str(out, "\"overflow_in\":");
  buf_json_string(out, (struct slice){what->data, what->length});
  buf_str(out, ",");
  if (rule->length == 0) return;
  buf_str(out, "\"overflow_rule\":");
  buf_json_string(out, (struct slice){rule->data, rule->length});
  buf_str(out, ",");
}

static void summary_json(struct progress *progress, struct weir *weir, const struct weir_stats *stats, int64_t us) {
  struct buf out;
  buf_init(&out, progress->cli->mem);
  buf_printf(
      &out,
      "{\"summary\":{\"read\":%llu,\"processed\":%llu,\"late\":%llu,\"dead\":%llu,\"duplicate\":%llu,\"ignored\":%llu,"
      "\"held\":%llu,\"bad_fields\":%llu,\"derived\":%llu,\"alerts\":%llu,\"suppressed\":%llu,"
      "\"to_nothing\":%llu,\"shadow\":%llu,\"overflow\":%llu,\"seconds\":%.6f,"
      "\"memory_peak\":%zu,",
      (unsigned long long)stats->read, (unsigned long long)stats->processed, (unsigned long long)stats->late,
      (unsigned long long)stats->dead, (unsigned long long)stats->duplicate, (unsigned long long)stats->ignored,
      (unsigned long long)stats->held, (unsigned long long)stats->bad_fields, (unsigned long long)stats->derived,
      (unsigned long long)stats->alerts, (unsigned long long)stats->suppressed, (unsigned long long)stats->to_nothing,
      (unsigned long long)stats->shadow, (unsigned long long)stats->overflow, (double)us / 1e6, stats->memory_peak);
  overflow_json(&out, stats);
  buf_printf(&out,
             "\"late_in_windows\":%llu,\"dropped\":{\"unique_ids\":%llu,\"suppress_keys\":%llu,\"derived\":%llu,"
             "\"counter_keys\":%llu,\"counter_events\":%llu,\"counter_values\":%llu,\"windows\":%llu,\"joins\":%llu,"
             "\"groups\":%llu,\"lists\":%llu},\"rules\":[",
             (unsigned long long)stats->late_in_windows, (unsigned long long)stats->unique_ids_forgotten,
             (unsigned long long)stats->suppress_keys_forgotten, (unsigned long long)stats->derived_left_out,
             (unsigned long long)stats->dropped.counter_keys, (unsigned long long)stats->dropped.counter_events,
             (unsigned long long)stats->dropped.counter_values, (unsigned long long)stats->dropped.windows,
             (unsigned long long)stats->dropped.joins, (unsigned long long)stats->dropped.groups,
             (unsigned long long)stats->dropped.lists);
  for (int i = 0; i < weir_rule_count(weir); i++) {
    struct weir_rule_stats rule;
    if (!weir_rule_stats(weir, i, &rule)) continue;
    buf_str(&out, i == 0 ? "{\"rule\":" : ",{\"rule\":");
    buf_json_string(&out, (struct slice){rule.rule.data, rule.rule.length});
    buf_printf(
        &out,
        ",\"told\":%llu,\"to_nothing\":%llu,\"shadow\":%llu,\"suppressed\":%llu,\"matches\":%llu,\"inactive\":%"
        "llu,\"open\":%llu,"
        "\"runs_dropped\":%llu,\"entries_dropped\":%llu,\"match_events_dropped\":%llu,"
        "\"matches_dropped\":%llu,\"overflow\":%llu,\"regex_limit\":%llu,\"report_limit\":%llu,\"null_key\":%llu}",
        (unsigned long long)(rule.told - rule.to_nothing), (unsigned long long)rule.to_nothing,
        (unsigned long long)rule.shadow, (unsigned long long)rule.suppressed, (unsigned long long)rule.matches,
        (unsigned long long)rule.inactive, (unsigned long long)rule.open, (unsigned long long)rule.runs_dropped,
        (unsigned long long)rule.entries_dropped, (unsigned long long)rule.match_events_dropped,
        (unsigned long long)rule.matches_dropped, (unsigned long long)rule.overflow,
        (unsigned long long)rule.regex_limit, (unsigned long long)rule.report_limit, (unsigned long long)rule.null_key);
  }
  buf_str(&out, "],\"groups\":[");
  struct weir_group_stats group;
  for (uint64_t cursor = 0; weir_next_group(weir, &cursor, &group);) {
    buf_str(&out, cursor == 1 ? "{\"group\":" : ",{\"group\":");
    buf_json_string(&out, (struct slice){group.group.data, group.group.length});
    buf_printf(&out, ",\"told\":%llu,\"alerts\":%llu,\"null_key\":%llu,\"dropped\":%llu}",
               (unsigned long long)group.told, (unsigned long long)group.alerts, (unsigned long long)group.null_key,
               (unsigned long long)group.dropped);
  }
  buf_str(&out, "],\"derived_events\":[");
  struct weir_derived derived;
  bool any = false;
  for (uint64_t cursor = 0; weir_next_derived(weir, &cursor, &derived); any = true) {
    buf_str(&out, any ? ",{\"event\":" : "{\"event\":");
    buf_json_string(&out, (struct slice){derived.event.data, derived.event.length});
    buf_printf(&out, ",\"made\":%llu}", (unsigned long long)derived.made);
  }
  buf_str(&out, "],\"bad_values\":[");
  bad_json(&out, weir);
  buf_str(&out, "]}}\n");
  cli_tell(&out);
}

/* `{one|several}` in the text is what fits the count. */
static void add_counted(struct buf *out, const char *what, uint64_t count) {
  for (const char *at = what; *at != '\0'; at++) {
    const char *middle = *at == '{' ? strchr(at, '|') : NULL, *end = middle == NULL ? NULL : strchr(middle, '}');
    if (end == NULL) {
      buf_byte(out, *at);
      continue;
    }
    if (count == 1)
      buf_add(out, at + 1, (size_t)(middle - at - 1));
    else
      buf_add(out, middle + 1, (size_t)(end - middle - 1));
    at = end;
  }
}

/* What a user must know, as a line or as an object; `text` is freed. */
static void say_note(struct progress *progress, struct buf *text) {
  if (!progress->json) {
    cli_say(progress->cli, "note: %s", buf_text(text));
  } else {
    struct buf out;
    buf_init(&out, progress->cli->mem);
    buf_str(&out, "{\"note\":");
    buf_json_string(&out, buf_view(text));
    buf_str(&out, "}\n");
    cli_tell(&out);
    buf_free(&out);
  }
  buf_free(text);
}

void progress_note(struct progress *progress, const char *text) {
  struct buf said;
  buf_init(&said, progress->cli->mem);
  buf_str(&said, text);
  say_note(progress, &said);
}

static void note(struct progress *progress, const char *rule, int rule_length, uint64_t count, const char *what) {
  char text[COUNT_TEXT_MAX];
  if (count == 0) return;
  struct buf said;
  buf_init(&said, progress->cli->mem);
  if (rule_length > 0) buf_printf(&said, "rule `%.*s`: ", rule_length, rule);
  buf_printf(&said, "%s ", count_text(text, count));
  add_counted(&said, what, count);
  say_note(progress, &said);
}

static void note_overflow(struct progress *progress, const struct weir_stats *stats) {
  char text[COUNT_TEXT_MAX];
  if (stats->overflow == 0) return;
  struct buf said;
  buf_init(&said, progress->cli->mem);
  buf_printf(&said, "%s ", count_text(text, stats->overflow));
  add_counted(&said,
              "{value of a counter, window or derived event was|values of counters, windows and derived events were} "
              "out of range, or a division by zero ({it is|they are} null)",
              stats->overflow);
  const struct weir_bytes *what = &stats->overflow_in, *rule = &stats->overflow_rule;
  if (what->length > 0) buf_printf(&said, ": first in `%.*s`", (int)what->length, what->data);
  if (rule->length > 0) buf_printf(&said, " of rule `%.*s`", (int)rule->length, rule->data);
  say_note(progress, &said);
}

/* A field that no record of a CSV file can have is null, and rules on it are silent. */
static void note_absent(struct progress *progress, struct weir *weir) {
  struct weir_bad_field bad;
  char text[COUNT_TEXT_MAX];
  unsigned shown = 0;
  for (uint64_t cursor = 0; shown < ABSENT_SHOWN_MAX && weir_next_bad_field(weir, &cursor, &bad);) {
    if (bad.absent == 0) continue;
    shown++;
    struct buf said;
    buf_init(&said, progress->cli->mem);
    buf_printf(&said, "%s CSV header%s no column for `%.*s` of `%.*s`, which is null there",
               count_text(text, bad.absent), bad.absent == 1 ? " has" : "s have", (int)bad.field.length, bad.field.data,
               (int)bad.type.length, bad.type.data);
    say_note(progress, &said);
  }
}

/* Limits that were reached can change what is told: never silently. */
static void notes(struct progress *progress, struct weir *weir, const struct weir_stats *stats, bool cut_short) {
  if (stats->read > 0 && stats->ignored == stats->read)
    progress_note(progress, "no record was of a type that the rules declare; `--input EVENT=FILE` says the type, "
                            "`--type-field` which member names it");
  else if (stats->read > 0 && stats->dead == stats->read)
    progress_note(progress, "all records were refused; the dead letters say why");
  else if (stats->read == 0 && progress->bytes > 0 && !cut_short)
    progress_note(progress, "the input has no records (of a CSV file the first line is the header)");
  if (stats->read > stats->dead) note_absent(progress, weir);
  if (weir_rule_count(weir) == 0) progress_note(progress, "the rule files have no rule: nothing can be told");
  note(progress, NULL, 0, stats->order_spilled,
       "{event|events} waited in a file: more than `order_memory` has room for");
  note(progress, NULL, 0, stats->unique_ids_forgotten,
       "{id of `unique` was|ids of `unique` were} forgotten early: the limit of memory was reached");
  note(progress, NULL, 0, stats->suppress_keys_forgotten,
       "{key of `suppress` was|keys of `suppress` were} forgotten early: the limit of memory was reached");
  note(progress, NULL, 0, stats->derived_left_out,
       "{derived event was|derived events were} left out: one event made too many");
  const struct weir_dropped *dropped = &stats->dropped;
  note(progress, NULL, 0, dropped->counter_keys,
       "{key of counters was|keys of counters were} forgotten early: the limit of memory was reached");
  note(progress, NULL, 0, dropped->counter_events,
       "{event|events} left the windows of counters early: more than one window may have");
  note(progress, NULL, 0, dropped->counter_values,
       "different {value was|values were} not kept by `seen`, `top`, percentiles: more than one may have");
  note(progress, NULL, 0, dropped->windows,
       "{window was|windows were} dropped untold: the limit of memory was reached");
  note(progress, NULL, 0, dropped->joins,
       "{event left joins before its partner|events left joins before their partners} could come: the limit of memory "
       "was reached");
  note(progress, NULL, 0, dropped->groups, "{alert was|alerts were} forgotten early by groups: a limit was reached");
  note(progress, NULL, 0, dropped->lists,
       "{entry of a list or row of a table was|entries of lists and rows of tables were} forgotten early: the limit of "
       "memory was reached");
  note_overflow(progress, stats);
  for (int i = 0; i < weir_rule_count(weir); i++) {
    struct weir_rule_stats rule;
    if (!weir_rule_stats(weir, i, &rule)) continue;
    int length = (int)rule.rule.length;
    if (rule.matches == 0 && rule.started == 0)
      note(progress, rule.rule.data, length, rule.null_key,
           "{event|events} had no key: the rule did not see {it|them}");
    note(progress, rule.rule.data, length, rule.inactive,
         "{match|matches} outside of its `active` or `schedule` (not told)");
    note(progress, rule.rule.data, length, rule.runs_dropped,
         "partial {match was|matches were} not begun: the limit per key was reached");
    note(progress, rule.rule.data, length, rule.entries_dropped,
         "partial {match was|matches were} dropped: the limit of memory was reached");
    note(progress, rule.rule.data, length, rule.match_events_dropped,
         "partial {match was|matches were} dropped: {it|they} held as many events as one may");
    note(progress, rule.rule.data, length, rule.matches_dropped,
         "{match|matches} did not go on at the new key: what one event completed had more events than may");
    note(progress, rule.rule.data, length, rule.regex_limit,
         "regex {match was|matches were} given up ({it counts|they count} as false)");
    note(progress, rule.rule.data, length, rule.overflow,
         "{value was|values were} out of range, or a division by zero ({it is|they are} null)");
  }
}

static uint64_t open_matches(struct weir *weir) {
  uint64_t open = 0;
  struct weir_rule_stats rule;
  for (int i = 0; i < weir_rule_count(weir); i++)
    if (weir_rule_stats(weir, i, &rule)) open += rule.open;
  return open;
}

void progress_end(struct progress *progress, struct weir *weir, const struct drive_counts *counts, bool stopped,
                  bool failed) {
  struct weir_stats stats;
  weir_stats(weir, &stats);
  int64_t us = now_us(progress) - progress->begun_us;
  char held[COUNT_TEXT_MAX], open[COUNT_TEXT_MAX];
  uint64_t open_count = stopped ? open_matches(weir) : 0;
  if (stopped && !progress->json)
    cli_say(progress->cli, "stopped: %s event%s still waited for earlier ones, %s partial %s open",
            count_text(held, stats.held), plural(stats.held), count_text(open, open_count),
            open_count == 1 ? "match was" : "matches were");
  notes(progress, weir, &stats, stopped || failed);
  note(progress, NULL, 0, counts->refused_dropped, "further dead {letter is|letters are} not shown");
  if (progress->profile) profile_tell(progress->cli, weir, cpu_us(progress) - progress->begun_cpu_us, progress->json);
  if (progress->summary && progress->json) summary_json(progress, weir, &stats, us);
  if (progress->summary && !progress->json) summary_text(progress, weir, &stats, us);
}
