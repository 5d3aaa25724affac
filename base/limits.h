/* limits.h - every limit that Weir has, in one place: each has a name, a default, a hard cap and a declared policy.
 *
 * LIMIT_NAME is the default as a constant, LIMIT_NAME_CAP the most that a setting may make of it; where both are equal
 * the limit is fixed. Modules that have a constant of their own for one of these keep it equal (tests/unit/limits.c
 * holds them to it). The docs' table is this one. A new limit is a new line here. */
#ifndef WEIR_BASE_LIMITS_H
#define WEIR_BASE_LIMITS_H

#include <stdint.h>

/* X(NAME, default, hard cap, unit, "why, and what happens when it is reached") */
/* clang-format off */
#define WEIR_LIMITS(X)                                                                                                 \
  /* records */                                                                                                        \
  X(RECORD_BYTES, 1048576, 1048576, "bytes", "a longer record is refused: dead letter `too_long`")                     \
  X(RECORD_DEPTH, 64, 64, "levels", "deeper nesting in a record is refused: dead letter `too_deep`")                   \
  X(LIST_ELEMENTS, 64, 64, "elements", "a list value with more is a bad field: null, counted")                         \
  X(FRACTION_DIGITS, 6, 6, "digits", "times are microseconds; time text with more digits is bad")                      \
  X(DECIMAL_DIGITS, 18, 18, "digits", "after the point of a decimal type; more is an error in the rules")              \
  X(EVENT_FIELDS, 4096, 4096, "per event type", "more are an error in the rules")                                      \
  X(EVENT_VALUES, 65534, 65534, "per event type", "its fields, and what counters are asked for its events: more are an error in the rules") \
  X(HELD_VALUES, 32767, 32767, "per event type", "those of them that open matches keep of an event: more are an error in the rules") \
  X(DEAD_LETTERS, 10, 10, "per second, on a terminal", "further ones are counted, not printed")                        \
  X(INPUTS, 4096, 4096, "partitions", "more `--input` are refused; each push looks at all of them once")               \
  X(DERIVED_PER_EVENT, 4096, 4096, "per event", "further derived events of one cause are dropped, counted")            \
  X(CSV_COLUMNS, 16384, 16384, "per file", "a CSV header with more is refused")                                        \
  X(SOURCES, 256, 256, "names", "inputs with more different source names are refused")                                 \
  X(BAD_FIELD_SAMPLES, 4096, 4096, "per partition", "further pairs of field and reason are counted without a sample")  \
  X(WINDOW_PARTS, 100000, 100000, "per key", "`sliding D every S`, `count N every M`, `every key known for K`: more windows at once (D / S, N / M, K / size) are an error in the rules") \
  X(LAST_EVENTS, 1000000, 1000000, "events", "`over last N` and `nth(f, N)` of a counter: more are an error in the rules")  \
  X(WINDOW_COUNT, 2147483647, 2147483647, "events", "`window count N every M`, `early every N events`: more are an error in the rules") \
  X(PREVIOUS_IDLE_DAYS, 365, 365, "days", "`previous(f)` of a key that was silent longer is null: its state has gone")   \
  /* rule text */                                                                                                      \
  X(RULE_FILE_BYTES, 268435456, 268435456, "bytes", "a longer rule file is refused")                                   \
  X(RULE_FILES, 32767, 32767, "per rule set", "more files are refused")                                                \
  X(RULE_LINES, 2097151, 2097151, "per file", "a rule file with more lines is refused")                                \
  X(RULE_COLUMNS, 1048575, 1048575, "per line", "what stands further to the right is told with this column")           \
  X(RULE_ERRORS, 20, 20, "per file", "further errors of a file are not printed")                                       \
  X(BLOCK_ENTRIES, 65535, 65535, "per block or list", "more entries, fields, literals are an error in the rules")      \
  X(PARSE_DEPTH, 256, 256, "levels", "deeper nesting of parentheses and blocks is an error")                           \
  X(PATTERN_DEPTH, 64, 64, "levels", "deeper nesting of groups in a pattern is an error")                              \
  X(EXPRESSION_DEPTH, 200, 200, "levels", "a deeper expression (`let` expanded) is an error")                          \
  X(EXPRESSION_NODES, 20000, 20000, "per expression", "a larger expression (`let` expanded) is an error")              \
  X(EXPRESSION_CODE, 60000, 60000, "instructions", "a longer expression is an error in the rules")                     \
  X(EXPRESSION_VALUES, 240, 240, "per expression", "more values in hand at once are an error in the rules")            \
  X(CLAUSE_DURATION_DAYS, 3650000, 3650000, "days", "a longer duration in a clause is an error in the rules")          \
  X(KEY_PARTS, 64, 64, "per key", "more are an error in the rules")                                                      \
  X(FUNCTION_ARGUMENTS, 64, 64, "per call", "more are an error in the rules")                                          \
  X(EVENT_TYPES, 65534, 65534, "per rule set", "more are an error in the rules")                                       \
  X(DECLARATIONS, 65534, 65534, "rules, lists, tables, named counters, models, groups, each", "more are an error in the rules") \
  X(COUNTERS, 65534, 65534, "per rule set", "different counters that are asked: more are an error in the rules")       \
  X(STAGES, 64, 64, "one upon the other", "windows, joins, rules whose alerts are events, groups, lists that rules fill: more are an error in the rules") \
  X(LIST_FILE_BYTES, 1073741824, 1073741824, "bytes", "a larger list or table file is refused")                        \
  X(LIST_ENTRIES, 50000000, 50000000, "per list", "more entries are refused when the list is read")                    \
  X(TABLE_ROWS, 50000000, 50000000, "per table", "more rows are refused when the table is read")                       \
  X(TABLE_COLUMNS, 1024, 1024, "per table", "more are refused")                                                        \
  X(RULE_JSON_BYTES, 67108864, 67108864, "bytes", "a larger canonical JSON form is refused")                           \
  X(TEST_ALERTS, 100000, 100000, "per test", "more fail the test")                                                     \
  X(INFER_RECORDS, 10000, 10000, "per file", "`weir infer` looks at the first ones")                                   \
  X(INFER_TYPES, 64, 64, "event types", "`weir infer` proposes the first ones, and says how many records are of others") \
  X(INFER_FIELDS, 256, 256, "per event type", "`weir infer` proposes the first ones, and says that there are more")    \
  /* patterns */                                                                                                       \
  X(PATTERN_STEPS, 256, 256, "per rule", "more steps are an error in the rules")                                       \
  X(PATTERN_WAYS, 64, 64, "per place in a pattern", "more ways to go on from one place are an error in the rules")     \
  X(PATTERN_SKIPS, 48, 48, "in a row", "more parts that may be left out are an error in the rules")                    \
  X(PATTERN_LOOPS, 64, 64, "per rule", "more loops and groups are an error in the rules")                              \
  X(PATTERN_ELEMENTS, 1024, 1024, "per rule", "more steps, absences and groups are an error in the rules")             \
  X(STEP_VALUES, 4096, 4096, "per rule", "reading more values of steps is an error in the rules")                      \
  X(RUNS, 100000, 10000000, "per rule and key",                                                                        \
    "`runs_max`: no new run starts (later starts are parts of it), nor a fork of one; what is complete is told; "      \
    "counted")                                                                                                         \
  X(MATCH_EVENTS, 100000, 10000000, "per partial match",                                                               \
    "`match_events_max`: one that would take more is dropped, counted; later starts go on")                            \
  X(PART_EVENTS, 100000, 100000, "of all matches that one event completes before `at key`",                            \
    "the match that began first goes on at the new key, and those that began last, as many as fit; the others are "    \
    "dropped, counted")                                                                                                \
  X(GRAPH_NODES, 16777216, 16777216, "per rule and key",                                                               \
    "in the compact set: further links between events; the oldest start is dropped, counted")                          \
  X(REPORT_ALL, 100, 100000, "per completion",                                                                         \
    "`report all limit N`: above it only the one that `report first` would tell, with \"cut\":\"limit\"")              \
  X(MATCHED, 64, 64, "per alert", "`matched_max`: the first 63 and the last stay, `more` says how many are left out")  \
  X(BECAUSE_VALUES, 64, 64, "per condition", "`with because`: further values are not told")                            \
  /* what is counted */                                                                                                \
  X(COUNTER_WINDOW_EVENTS, 10000000, 10000000, "in one window of a counter, at one key",                               \
    "the oldest event leaves early, counted")                                                                          \
  X(SEEN_VALUES, 1000000, 1000000, "different values, at one key",                                                     \
    "`seen` forgets the one that was there longest ago, counted")                                                      \
  X(DISTINCT_EXACT, 1024, 1024, "different values in a window",                                                        \
    "more are estimated by HyperLogLog (standard error 1.6 %), and the window of a counter moves by a sixteenth")      \
  X(TOP_VALUES, 1000000, 1000000, "different values in a window of events or of `today`",                              \
    "`top` leaves further ones out, counted")                                                                          \
  X(PERCENTILE_VALUES, 10000000, 10000000, "in a window of events or of `today`",                                      \
    "`median` and `percentile` of more are estimated by DDSketch (relative error 1 %)")                                \
  X(GROUP_ALERTS, 16384, 16384, "alerts that a group keeps of one key", "the oldest is forgotten, counted")            \
  /* functions and regular expressions: what is hit is null or false, and counted on the rule */                       \
  X(STRING_BYTES, 1048576, 1048576, "bytes", "a longer string made by replace or concat is null")                      \
  X(EDIT_DISTANCE_CHARACTERS, 256, 256, "code points a side", "levenshtein and jaro_winkler of longer ones are null")  \
  X(REGEX_PATTERN_BYTES, 8192, 8192, "bytes", "a longer pattern is an error in the rules")                             \
  X(REGEX_NESTING, 100, 100, "levels", "deeper parentheses in a pattern are an error in the rules")                    \
  X(REGEX_STEPS, 100000, 100000, "per match", "a match that takes more backtracking steps counts as false")            \
  X(REGEX_DEPTH, 5000, 5000, "per match", "the same, for nested backtracking points")                                  \
  X(REGEX_HEAP_KIB, 1024, 1024, "KiB per match", "the same, for memory")                                               \
  X(REGEX_GROUPS, 99, 99, "per pattern", "more capturing groups are an error in the rules")                            \
  X(REGEX_STACK_BYTES, 262144, 262144, "bytes", "a match whose JIT stack would grow beyond it counts as false")        \
  /* the engine */                                                                                                     \
  X(BATCH_EVENTS, 64, 64, "events", "events that are worked on together; no effect on what is told")
/* clang-format on */

/* What follows from `memory`, the most that everything in a run may use: each part may take so many thousandths of it
 * (less a reserve), and so has so many entries, which are what is counted. Without `memory` they are those of 4 GiB;
 * what only waits or is open then has no limit.
 * X(NAME, thousandths, bytes for each entry, unit, "why, and what happens when it is reached") */
/* clang-format off */
#define WEIR_MEMORY_LIMITS(X)                                                                                          \
  X(ORDER_MEMORY, 250, 1, "bytes of events that wait for earlier ones",                                                \
    "half of it is for the events, the rest for sorting them: from half of that on, inputs that are ahead are not "      \
    "read until the one furthest behind has come nearer; beyond it, "                                                   \
    "the events furthest in the future wait in a file in `TMPDIR`, counted")                                           \
  X(STATE_MEMORY, 600, 1, "bytes of what is open and counted, less the shares of `unique` and `suppress` if rules have them",\
    "in equal parts for each rule with a pattern (each part of one whose key changes), counters over the same events, window, join, group, list, table. "    \
    "Of a pattern's, six tenths for partial matches: beyond, the oldest key's of that rule are dropped, "              \
    "counted; four tenths for the events that they hold (64 bytes of one are a unit): the oldest key's of the rule "   \
    "that holds most are dropped, counted; `match_events` is at most a 16th of these units")                           \
  X(COUNTER_KEYS, 600, 384, "keys of counters over the same events; a part of `state_memory`",                         \
    "the one that was silent longest, about, is forgotten, counted")                                                   \
  X(COUNTER_EVENTS, 600, 64, "events and different values that counters over the same events keep, of all keys (where a key and what it keeps take more than 64 bytes for each, each 64 bytes count as one, and so do texts, lists and sketches); a part of `state_memory`", \
    "the key that was silent longest, about, is forgotten, counted; of the only key the oldest event, or what it keeps over `today` and `ever`")                 \
  X(OPEN_WINDOWS, 600, 512, "open windows of one window declaration (of more than 512 bytes on average, or 640 with the event that is made of one: fewer; of half as many where panes are merged, or what they keep grows); a part of `state_memory`",                        \
    "the oldest are told no more, counted")                                                                            \
  X(JOIN_EVENTS, 600, 512, "events that wait in one join (one of more than 512 bytes counts as several); a part of `state_memory`", "the oldest one leaves, counted") \
  X(GROUP_ENTRIES, 600, 512, "alerts that one group keeps; a part of `state_memory`",                                  \
    "those of the key that had none for longest are forgotten, counted")                                               \
  X(LIST_CHANGES, 600, 512, "entries of a list that rules fill, rows of a table from events (one of more than 512 bytes counts as several); a part of `state_memory`",\
    "the one that changed longest ago is forgotten, counted")                                                          \
  X(UNIQUE_IDS, 125, 60, "ids of `unique`, in equal parts for all types that say it",                                   \
    "the oldest id is forgotten, counted; of whole numbers that stand close together, and with `approx`, the same "     \
    "memory has ten times as many")                                                                                     \
  X(SUPPRESS_KEYS, 125, 160, "keys of `suppress`, in equal parts for all rules that say it",                           \
    "the oldest count that was not said yet, then the oldest key of that rule is forgotten, counted")                  \
  X(ALERT_MEMORY, 60, 1, "bytes of alerts of one moment, which are sorted before they leave",                          \
    "beyond, they are sorted through a file in `TMPDIR`")                                                              \
  X(MATCH_LISTING, 60, 1, "bytes for listing the matches that one event completes",                                    \
    "in the compact set a key holds so many events that twice as many matches as may be told fit")
/* clang-format on */

#define MEMORY_RESERVE (UINT64_C(4) << 20) /* or half of the memory, if that is less: what every run needs */
#define MEMORY_ASSUMED (UINT64_C(4) << 30) /* where no `memory` is set */

#define WEIR_MEMORY_CONSTANTS(name, thousandths, each, unit, text)                                                     \
  MEMORY_SHARE_##name = (thousandths), MEMORY_EACH_##name = (each),
enum weir_memory_limit { WEIR_MEMORY_LIMITS(WEIR_MEMORY_CONSTANTS) };
#undef WEIR_MEMORY_CONSTANTS

#define WEIR_LIMIT_CONSTANTS(name, normal, cap, unit, text) LIMIT_##name = (normal), LIMIT_##name##_CAP = (cap),
enum weir_limit { WEIR_LIMITS(WEIR_LIMIT_CONSTANTS) };
#undef WEIR_LIMIT_CONSTANTS

#endif
