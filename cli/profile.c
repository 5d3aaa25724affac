/* profile.c - rows of a profile, sorted by what they cost. Called by progress.c at the end of a run. */
#include "cli/profile.h"

#include "base/utf8.h"

enum { ROWS_SHOWN = 20, NAME_SHOWN_MAX = 60, NAME_TAIL = 24, BYTES_TEXT_MAX = 32 };

struct row {
  struct weir_profile_row figures;
  const char *kind, *name; /* copies */
  bool rule, counted;      /* counted: counters, windows, … ; neither: a part of the program */
};

struct rows {
  struct row *items;
  size_t count;
  uint64_t total_ns;
};

static const char *copied(struct cli *cli, struct weir_bytes bytes) {
  char *copy = mem_alloc(cli->mem, bytes.length + 1);
  if (bytes.length > 0) memcpy(copy, bytes.data, bytes.length);
  return copy;
}

static void add(struct cli *cli, struct rows *rows, const struct weir_profile_row *figures) {
  if (rows->count % 64 == 0)
    rows->items = mem_realloc(cli->mem, rows->items, (2 * rows->count + 64) * sizeof *rows->items);
  struct row *row = &rows->items[rows->count++];
  *row = (struct row){*figures, copied(cli, figures->kind), copied(cli, figures->name), false, false};
  row->rule = strcmp(row->kind, "rule") == 0;
  row->counted = !row->rule && row->name[0] != '\0';
  rows->total_ns += figures->cpu_ns;
}

/* Rules, what is counted, the parts; in each what costs most first. */
static int compare(const void *left, const void *right) {
  const struct row *a = left, *b = right;
  if (a->rule != b->rule) return b->rule - a->rule;
  if (a->counted != b->counted) return b->counted - a->counted;
  if (a->figures.cpu_ns != b->figures.cpu_ns) return a->figures.cpu_ns < b->figures.cpu_ns ? 1 : -1;
  int order = strcmp(a->kind, b->kind);
  return order != 0 ? order : strcmp(a->name, b->name);
}

/* 1536 -> "1.5 KiB". */
static const char *bytes_text(char out[BYTES_TEXT_MAX], uint64_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  unsigned unit = 0;
  double number = (double)bytes;
  for (; number >= 1024 && unit < 4; unit++) number /= 1024;
  snprintf(out, BYTES_TEXT_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", number, units[unit]);
  return out;
}

/* Shares in tenths of a percent that add up to the whole: the sum so far is rounded, not each. */
struct share {
  uint64_t total, before;
};
static unsigned share_of(struct share *share, uint64_t ns) {
  uint64_t after = share->before + ns;
  double of = share->total == 0 ? 0 : 1000.0 / (double)share->total;
  unsigned tenths = (unsigned)((double)after * of + 0.5) - (unsigned)((double)share->before * of + 0.5);
  share->before = after;
  return tenths;
}

static const char *shown(char out[COUNT_TEXT_MAX], uint64_t count, bool has) {
  if (has) return count_text(out, count);
  return "";
}

/* What stands in the first column. */
static struct slice name_of(struct buf *text, const struct row *row) {
  buf_clear(text);
  if (!row->rule) buf_str(text, row->kind);
  if (!row->rule && row->name[0] != '\0') buf_byte(text, ' ');
  buf_str(text, row->name);
  return buf_view(text);
}

static size_t name_width(struct slice name) {
  size_t count = utf8_count(name);
  return count > NAME_SHOWN_MAX ? NAME_SHOWN_MAX : count;
}

/* A long one keeps both ends: the key of counters stands last. */
static void add_name(struct buf *out, struct slice name, size_t width) {
  size_t count = utf8_count(name);
  if (count > NAME_SHOWN_MAX) {
    size_t tail = utf8_offset(name, count - NAME_TAIL);
    buf_add(out, name.data, utf8_offset(name, NAME_SHOWN_MAX - NAME_TAIL - 1));
    buf_str(out, "…");
    buf_add(out, name.data + tail, name.length - tail);
  } else {
    buf_slice(out, name);
  }
  for (size_t i = name_width(name); i < width; i++) buf_byte(out, ' ');
}

struct table {
  struct buf out, text;
  struct share share;
  size_t width; /* of the first column */
};

static void add_line(struct table *table, const struct row *row) {
  struct buf *out = &table->out;
  char events[COUNT_TEXT_MAX], matches[COUNT_TEXT_MAX], told[COUNT_TEXT_MAX], open[COUNT_TEXT_MAX],
      bytes[BYTES_TEXT_MAX];
  const struct weir_profile_row *f = &row->figures;
  unsigned tenths = share_of(&table->share, f->cpu_ns);
  add_name(out, name_of(&table->text, row), table->width);
  buf_printf(out, "%15s %12s %12s %12s %10s %6u.%u\n", shown(events, f->events, row->rule || row->counted),
             shown(matches, f->matches, row->rule), shown(told, f->told, row->rule), shown(open, f->open, row->rule),
             f->state_bytes > 0 || row->rule || row->counted ? bytes_text(bytes, f->state_bytes) : "", tenths / 10,
             tenths % 10);
}

/* Those of one sort end before the row that is returned. */
static size_t sort_end(const struct rows *rows, size_t from) {
  size_t end = from;
  while (end < rows->count && rows->items[end].rule == rows->items[from].rule &&
         rows->items[end].counted == rows->items[from].counted)
    end++;
  return end;
}

/* One row for all that are not shown. */
static void add_others(struct table *table, const struct rows *rows, size_t from, size_t end) {
  char count[COUNT_TEXT_MAX], name[COUNT_TEXT_MAX + 32];
  snprintf(name, sizeof name, "… %s more", count_text(count, end - from));
  struct row others = {.rule = rows->items[from].rule, .counted = rows->items[from].counted, .kind = "", .name = ""};
  if (others.rule)
    others.name = name;
  else
    others.kind = name;
  for (size_t i = from; i < end; i++) {
    const struct weir_profile_row *f = &rows->items[i].figures;
    others.figures.events += f->events;
    others.figures.matches += f->matches;
    others.figures.told += f->told;
    others.figures.open += f->open;
    others.figures.state_bytes += f->state_bytes;
    others.figures.cpu_ns += f->cpu_ns;
  }
  add_line(table, &others);
}

static size_t shown_end(const struct rows *rows, size_t from) {
  size_t end = sort_end(rows, from);
  bool part = !rows->items[from].rule && !rows->items[from].counted;
  return part || end - from <= ROWS_SHOWN ? end : from + ROWS_SHOWN;
}

static void add_table(struct cli *cli, struct table *table, const struct rows *rows) {
  struct slice title = SLICE("rule");
  for (size_t at = 0; at < rows->count; at = sort_end(rows, at))
    for (size_t i = at; i < shown_end(rows, at); i++) {
      size_t width = name_width(name_of(&table->text, &rows->items[i]));
      if (width > table->width) table->width = width;
    }
  table->share.total = rows->total_ns;
  buf_str(&table->out, cli_style(cli->err_colour, STYLE_BOLD));
  add_name(&table->out, title, table->width);
  buf_printf(&table->out, "%15s %12s %12s %12s %10s %8s%s\n", "events", "matches", "told", "open", "state", "CPU %",
             cli_style(cli->err_colour, STYLE_OFF));
  for (size_t at = 0, end; at < rows->count; at = end) {
    size_t shown = shown_end(rows, at);
    end = sort_end(rows, at);
    for (size_t i = at; i < shown; i++) add_line(table, &rows->items[i]);
    if (shown < end) add_others(table, rows, shown, end);
  }
}

static void add_json(struct buf *out, const struct rows *rows) {
  struct share share = {.total = rows->total_ns};
  for (size_t i = 0; i < rows->count; i++) {
    const struct row *row = &rows->items[i];
    const struct weir_profile_row *f = &row->figures;
    buf_str(out, "{\"profile\":");
    buf_json_string(out, slice_of(row->kind));
    if (row->name[0] != '\0') {
      buf_str(out, ",\"name\":");
      buf_json_string(out, slice_of(row->name));
    }
    if (row->rule || row->counted) buf_printf(out, ",\"events\":%llu", (unsigned long long)f->events);
    if (row->rule)
      buf_printf(out, ",\"matches\":%llu,\"told\":%llu,\"open\":%llu", (unsigned long long)f->matches,
                 (unsigned long long)f->told, (unsigned long long)f->open);
    unsigned tenths = share_of(&share, f->cpu_ns);
    buf_printf(out, ",\"state_bytes\":%zu,\"cpu_us\":%llu.%03u,\"cpu_percent\":%u.%u}\n", f->state_bytes,
               (unsigned long long)(f->cpu_ns / 1000), (unsigned)(f->cpu_ns % 1000), tenths / 10, tenths % 10);
  }
}

void profile_tell(struct cli *cli, struct weir *weir, int64_t cpu_us, bool json) {
  struct rows rows = {0};
  struct weir_profile_row figures;
  for (uint64_t cursor = 0; weir_next_profile(weir, &cursor, &figures);) add(cli, &rows, &figures);
  uint64_t cpu_ns = cpu_us < 0 ? 0 : (uint64_t)cpu_us * 1000;
  static const char input_output[] = "reading, unpacking, writing";
  figures = (struct weir_profile_row){.kind = {input_output, sizeof input_output - 1},
                                      .cpu_ns = cpu_ns > rows.total_ns ? cpu_ns - rows.total_ns : 0};
  if (rows.count == 0) return;
  add(cli, &rows, &figures);
  qsort(rows.items, rows.count, sizeof *rows.items, compare);
  struct table table = {.width = 16};
  buf_init(&table.out, cli->mem);
  buf_init(&table.text, cli->mem);
  if (json)
    add_json(&table.out, &rows);
  else
    add_table(cli, &table, &rows);
  cli_tell(&table.out);
}
