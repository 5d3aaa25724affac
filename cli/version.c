/* version.c - `weir version`: the program's version, that of the rules' meaning, and those of the libraries and data
 * that can make a difference. */
#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

#include "base/regex.h"
#include "base/zone.h"
#include "cli/cli.h"
#include "rules/json_form.h"

/* Raised by any change after which the same rules and events give other alerts. */
enum { SEMANTICS_VERSION = 1, VERSION_TEXT_MAX = 64 };

struct version_options {
  bool json;
};

struct part {
  const char *name;
  char version[VERSION_TEXT_MAX];
};

enum { PARTS = 7 };

static void parts_of(struct cli *cli, struct part parts[PARTS]) {
  char regex[32], zones[ZONE_VERSION_MAX];
  regex_version(regex);
  zone_data_version(cli->mem, cli->env, zones);
  unsigned xxhash = XXH_versionNumber();
  const char *crypto = OpenSSL_version(OPENSSL_VERSION);
  if (strncmp(crypto, "OpenSSL ", 8) == 0) crypto += 8;
  for (int i = 0; i < PARTS; i++) parts[i].version[0] = '\0';
  parts[0].name = "pcre2";
  snprintf(parts[0].version, VERSION_TEXT_MAX, "%.*s", (int)strcspn(regex, " "), regex);
  parts[1].name = "zone data";
  snprintf(parts[1].version, VERSION_TEXT_MAX, "%s", zones);
  parts[2].name = "zlib";
  snprintf(parts[2].version, VERSION_TEXT_MAX, "%s", zlibVersion());
  parts[3].name = "zstd";
  snprintf(parts[3].version, VERSION_TEXT_MAX, "%s", ZSTD_versionString());
  parts[4].name = "xxhash";
  snprintf(parts[4].version, VERSION_TEXT_MAX, "%u.%u.%u", xxhash / 10000, xxhash / 100 % 100, xxhash % 100);
  parts[5].name = "cjson";
  snprintf(parts[5].version, VERSION_TEXT_MAX, "%s", cJSON_Version());
  parts[6].name = "openssl";
  snprintf(parts[6].version, VERSION_TEXT_MAX, "%.*s", (int)strcspn(crypto, " "), crypto);
}

static int version_run(struct cli *cli, const void *given, char **operands, unsigned count) {
  const struct version_options *options = given;
  (void)operands, (void)count;
  struct part parts[PARTS];
  parts_of(cli, parts);
  struct buf out;
  buf_init(&out, cli->mem);
  if (!options->json) {
    buf_printf(&out, "weir %s\nsemantics %d\nformat %d\n", WEIR_VERSION, SEMANTICS_VERSION, JSON_FORM_VERSION);
    for (int i = 0; i < PARTS; i++) buf_printf(&out, "%s %s\n", parts[i].name, parts[i].version);
    return cli_end(cli, &out, EXIT_FINE);
  }
  buf_printf(&out, "{\"weir\":\"%s\",\"semantics\":%d,\"format_version\":%d,\"libraries\":{", WEIR_VERSION,
             SEMANTICS_VERSION, JSON_FORM_VERSION);
  for (int i = 0; i < PARTS; i++) {
    buf_str(&out, i == 0 ? "" : ",");
    buf_json_string(&out, slice_of(parts[i].name));
    buf_byte(&out, ':');
    buf_json_string(&out, slice_of(parts[i].version));
  }
  buf_str(&out, "}}\n");
  return cli_end(cli, &out, EXIT_FINE);
}

static const struct option version_option_table[] = {
    {.name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct version_options, json), .help = "as a JSON object"},
    {0}};

const struct verb verb_version = {
    .name = "version",
    .summary = "say which weir this is, and which libraries it uses",
    .details =
        "`semantics` is raised by any change after which the same rules and events give other alerts; `format` is "
        "the `format_version` of the canonical JSON form.",
    .output =
        "`NAME VERSION`, one a line. `--json`: `{\"weir\":…,\"semantics\":…,\"format_version\":…,\"libraries\":{…}}`.",
    .options = version_option_table,
    .options_size = sizeof(struct version_options),
    .run = version_run,
};
