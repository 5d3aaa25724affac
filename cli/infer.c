/* infer.c - `weir infer`: proposes event declarations from sample records. */
#include "base/infer.h"

#include "base/decode.h"
#include "base/line_reader.h"
#include "cli/load.h"
#include "rules/json_form.h"
#include "rules/parse.h"
#include "rules/print.h"

struct infer_options {
  const char *event, *format, *type_field;
  bool json;
};

/* "data/cards-2026.csv.gz" -> "cards-2026"; infer makes a name of it. */
static struct slice event_name_of(const char *path) {
  if (strcmp(path, "-") == 0) return SLICE("event_type");
  const char *slash = strrchr(path, '/');
  const char *start = slash == NULL ? path : slash + 1;
  size_t length = strcspn(start, ".");
  return length == 0 ? SLICE("event_type") : (struct slice){start, length};
}

/* The header is one of the file: an error in it has a place. */
static int read_header(struct cli *cli, struct infer *infer, const struct line_batch *batch, struct err *err) {
  int status = infer_csv_header(infer, batch->header, err);
  if (status == 0 && decode_csv_other_separator(batch->header))
    cli_say(cli, "note: the header of %s has one column only: cells stand between commas", batch->path);
  if (status != 0) snprintf(err->file, sizeof err->file, "%s", batch->path);
  return status;
}

static enum line_format format_of(const struct infer_options *options, const char *path) {
  if (options->format == NULL) return line_format_of(path);
  return strcmp(options->format, "csv") == 0 ? LINE_CSV : LINE_JSON;
}

static int read_samples(struct cli *cli, struct infer *infer, const char *path, enum line_format format,
                        struct err *err) {
  struct line_reader *reader = line_reader_new(cli->mem, cli->env, &path, 1, format, err);
  if (reader == NULL) return ERR_ABORT;
  struct line_batch batch;
  int status = 0;
  for (uint32_t read = 0; read < INFER_RECORDS;) {
    status = line_reader_next(reader, LINE_BATCH_MAX, &batch, err);
    if (status <= 0) break;
    status = batch.header.length > 0 ? read_header(cli, infer, &batch, err) : 0;
    if (status != 0) break;
    for (uint32_t i = 0; i < batch.count && read < INFER_RECORDS; i++, read++) {
      if (format == LINE_CSV)
        infer_csv(infer, batch.records[i]);
      else
        infer_json(infer, batch.records[i]);
    }
  }
  line_reader_free(reader);
  return status < 0 ? status : 0;
}

/* The proposal in the one layout of rule files, or as the canonical JSON form. */
static void lay_out(struct cli *cli, struct buf *text, bool json) {
  struct loaded loaded = {0};
  arena_init(&loaded.arena, cli->mem, 1 << 14);
  diags_init(&loaded.diags, &loaded.arena);
  loaded.tree = arena_new(&loaded.arena, struct tree);
  loaded.tree->arena = &loaded.arena;
  if (parse_file(loaded.tree, SLICE("inferred"), buf_view(text), &loaded.diags) != 0) return;
  struct buf laid_out;
  buf_init(&laid_out, cli->mem);
  if (json)
    json_form_write(&laid_out, loaded.tree, 0);
  else
    print_file(&laid_out, loaded.tree, 0);
  *text = laid_out;
}

static int nothing_found(struct cli *cli, const char *path, enum line_format format, const char *why) {
  cli_say(cli, "%s: %serror:%s %s", strcmp(path, "-") == 0 ? "standard input" : path,
          cli_style(cli->err_colour, STYLE_RED), cli_style(cli->err_colour, STYLE_OFF), why);
  if (format == LINE_CSV)
    cli_say(cli, "the first line of a CSV file is its header");
  else
    cli_say(cli, "records are JSON objects, one a line; CSV is what ends in `.csv` (or `.csv.gz`, `.csv.zst`), or is "
                 "said to be by `--format csv`");
  return EXIT_FINDINGS;
}

static int infer_run(struct cli *cli, const void *given, char **operands, unsigned count) {
  const struct infer_options *options = given;
  (void)count;
  struct slice name = options->event != NULL ? slice_of(options->event) : event_name_of(operands[0]);
  struct slice type_field = options->type_field != NULL ? slice_of(options->type_field) : SLICE("type");
  struct infer *infer = infer_new(cli->mem, name, type_field);
  struct err err;
  err_clear(&err);
  enum line_format format = format_of(options, operands[0]);
  int status = read_samples(cli, infer, operands[0], format, &err);
  if (status != 0) return cli_fail(cli, &err);
  struct buf out;
  buf_init(&out, cli->mem);
  if (!infer_found(infer, &out)) return nothing_found(cli, operands[0], format, buf_text(&out));
  infer_write(infer, &out);
  lay_out(cli, &out, options->json);
  return cli_end(cli, &out, EXIT_FINE);
}

static const struct option infer_option_table[] = {
    {.name = "event",
     .argument = "NAME",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct infer_options, event),
     .help = "how the event type is called where the records do not say it; default: the file's name"},
    {.name = "format",
     .argument = "FORMAT",
     .kind = OPTION_CHOICE,
     .choices = "json csv",
     .offset = offsetof(struct infer_options, format),
     .help = "json or csv: what the records are, whatever the file's name says"},
    {.name = "type-field",
     .argument = "FIELD",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct infer_options, type_field),
     .help = "the member of a record that names its event type; default `type`"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct infer_options, json),
     .help = "the declarations in their canonical JSON form"},
    {0}};

const struct verb verb_infer = {
    .name = "infer",
    .summary = "propose event declarations from sample records",
    .operands = "FILE",
    .operands_least = 1,
    .operands_most = 1,
    .operands_missing = "no file is given; `-` is standard input",
    .details =
        "Looks at up to 10,000 records of a file (JSON lines or CSV, packed too) and writes declarations that can "
        "be used as they are, with comments on what was seen. `-` is standard input (JSON lines).",
    .output =
        "Declarations on standard output; the exit code is 1, and nothing is printed there, if no record can be read.",
    .examples = "weir infer payments.jsonl > payments.weir",
    .options = infer_option_table,
    .options_size = sizeof(struct infer_options),
    .run = infer_run,
};
