/* function_table.h - the table itself, as an X-macro: F(name, op, nulls, result, help, example, its result,
 * parameters…).
 *
 * `nulls` is true where a null argument makes the result null. Each F with op EXPR_CALL has an implementation
 * function_NAME() in function_number.c, function_string.c, function_time.c. Included by those and by function.c only.
 */
#ifndef WEIR_BASE_FUNCTION_TABLE_H
#define WEIR_BASE_FUNCTION_TABLE_H

#define FUNCTION_TABLE(F)                                                                                              \
  F(abs, EXPR_CALL, true, RESULT_FIRST, "The magnitude; keeps the type.", "abs(-2.50)", "2.50",                        \
    {"x", PARAMETER_MEASURE, TIMES_ONCE})                                                                              \
  F(sqrt, EXPR_CALL, true, RESULT_FLOAT, "The square root; null of a negative number.", "sqrt(2.25)", "1.5",           \
    {"x", PARAMETER_FLOAT, TIMES_ONCE})                                                                                \
  F(ln, EXPR_CALL, true, RESULT_FLOAT, "The natural logarithm; null of a negative number; of 0 null, counted.",        \
    "ln(1)", "0", {"x", PARAMETER_FLOAT, TIMES_ONCE})                                                                  \
  F(exp, EXPR_CALL, true, RESULT_FLOAT, "e to the power x.", "exp(0)", "1", {"x", PARAMETER_FLOAT, TIMES_ONCE})        \
  F(power, EXPR_CALL, true, RESULT_FLOAT,                                                                              \
    "x to the power y; null of a negative x unless y is a whole number; power(x, 0) is 1.", "power(2, 10)", "1024",    \
    {"x", PARAMETER_FLOAT, TIMES_ONCE}, {"y", PARAMETER_FLOAT, TIMES_ONCE})                                            \
  F(min, EXPR_CALL, true, RESULT_COMMON, "The lesser of two.", "min(2, 1.5)", "1.5",                                   \
    {"a", PARAMETER_ORDERED, TIMES_ONCE}, {"b", PARAMETER_ORDERED, TIMES_ONCE})                                        \
  F(max, EXPR_CALL, true, RESULT_COMMON, "The greater of two.", "max(2, 1.5)", "2.0",                                  \
    {"a", PARAMETER_ORDERED, TIMES_ONCE}, {"b", PARAMETER_ORDERED, TIMES_ONCE})                                        \
  F(round, EXPR_CALL, true, RESULT_FIRST,                                                                              \
    "Rounded half away from zero to n digits after the point (0 if left out; -2 gives hundreds); keeps the type and "  \
    "the number of digits shown.",                                                                                     \
    "round(2.345, 2)", "2.350", {"x", PARAMETER_NUMBER, TIMES_ONCE}, {"n", PARAMETER_INT, TIMES_OPTIONAL})             \
  F(floor, EXPR_CALL, true, RESULT_INT, "The greatest int that is not above x.", "floor(-2.5)", "-3",                  \
    {"x", PARAMETER_NUMBER, TIMES_ONCE})                                                                               \
  F(ceil, EXPR_CALL, true, RESULT_INT, "The least int that is not below x.", "ceil(-2.5)", "-2",                       \
    {"x", PARAMETER_NUMBER, TIMES_ONCE})                                                                               \
  F(length, EXPR_CALL, true, RESULT_INT, "How many code points a string has, or elements a list.",                     \
    "length(\"na\\u00efve\")", "5", {"x", PARAMETER_COUNTABLE, TIMES_ONCE})                                            \
  F(lower, EXPR_CALL, true, RESULT_STRING, "A to Z as a to z; all else as it is.", "lower(\"ABC\")", "\"abc\"",        \
    {"text", PARAMETER_STRING, TIMES_ONCE})                                                                            \
  F(upper, EXPR_CALL, true, RESULT_STRING, "a to z as A to Z; all else as it is.", "upper(\"abc\")", "\"ABC\"",        \
    {"text", PARAMETER_STRING, TIMES_ONCE})                                                                            \
  F(trim, EXPR_CALL, true, RESULT_STRING, "Without spaces, tabs and line ends at both ends.", "trim(\" a b \")",       \
    "\"a b\"", {"text", PARAMETER_STRING, TIMES_ONCE})                                                                 \
  F(substr, EXPR_CALL, true, RESULT_STRING,                                                                            \
    "`count` code points (all that follow if left out) from `start`, which counts from 1, or if negative from the "    \
    "end; a start before the first is the first.",                                                                     \
    "substr(\"abcdef\", -3, 2)", "\"de\"", {"text", PARAMETER_STRING, TIMES_ONCE},                                     \
    {"start", PARAMETER_INT, TIMES_ONCE}, {"count", PARAMETER_INT, TIMES_OPTIONAL})                                    \
  F(split_part, EXPR_CALL, true, RESULT_STRING,                                                                        \
    "The n-th part of a text that is cut at each separator, from 1, or if n is negative from the end; null if there "  \
    "is none.",                                                                                                        \
    "split_part(\"a@b.c\", \"@\", 2)", "\"b.c\"", {"text", PARAMETER_STRING, TIMES_ONCE},                              \
    {"separator", PARAMETER_STRING, TIMES_ONCE}, {"n", PARAMETER_INT, TIMES_ONCE})                                     \
  F(starts_with, EXPR_CALL, true, RESULT_BOOL, "Whether the text starts with these bytes.",                            \
    "starts_with(\"abc\", \"ab\")", "true", {"text", PARAMETER_STRING, TIMES_ONCE},                                    \
    {"part", PARAMETER_STRING, TIMES_ONCE})                                                                            \
  F(ends_with, EXPR_CALL, true, RESULT_BOOL, "Whether the text ends with these bytes.", "ends_with(\"abc\", \"bc\")",  \
    "true", {"text", PARAMETER_STRING, TIMES_ONCE}, {"part", PARAMETER_STRING, TIMES_ONCE})                            \
  F(contains, EXPR_CALL, true, RESULT_BOOL, "Whether these bytes occur in the text.", "contains(\"abc\", \"b\")",      \
    "true", {"text", PARAMETER_STRING, TIMES_ONCE}, {"part", PARAMETER_STRING, TIMES_ONCE})                            \
  F(replace, EXPR_CALL, true, RESULT_STRING,                                                                           \
    "Each `from`, found from left to right, as `to`; an empty `from` changes nothing.",                                \
    "replace(\"a-b-c\", \"-\", \"+\")", "\"a+b+c\"", {"text", PARAMETER_STRING, TIMES_ONCE},                           \
    {"from", PARAMETER_STRING, TIMES_ONCE}, {"to", PARAMETER_STRING, TIMES_ONCE})                                      \
  F(concat, EXPR_CALL, true, RESULT_STRING, "The texts one behind the other; null if one is null.",                    \
    "concat(\"a\", \"-\", \"b\")", "\"a-b\"", {"text", PARAMETER_STRING, TIMES_REPEATED})                              \
  F(extract, EXPR_CALL, true, RESULT_STRING,                                                                           \
    "What the group (0, or left out: all) of the first match took; null without a match.",                             \
    "extract(\"id=42;\", /id=(\\d+)/, 1)", "\"42\"", {"text", PARAMETER_STRING, TIMES_ONCE},                           \
    {"pattern", PARAMETER_REGEX, TIMES_ONCE}, {"group", PARAMETER_INT, TIMES_OPTIONAL})                                \
  F(coalesce, EXPR_COALESCE, false, RESULT_COMMON, "The first that is not null; later ones are not computed.",         \
    "coalesce(null, 2, 3)", "2", {"x", PARAMETER_ANY, TIMES_REPEATED})                                                 \
  F(if, EXPR_IF, false, RESULT_COMMON, "a where the condition holds, b where it is false or unknown.",                 \
    "if(1 < 2, \"yes\", \"no\")", "\"yes\"", {"condition", PARAMETER_BOOL, TIMES_ONCE},                                \
    {"a", PARAMETER_ANY, TIMES_ONCE}, {"b", PARAMETER_ANY, TIMES_ONCE})                                                \
  F(hour, EXPR_CALL, true, RESULT_INT, "The hour of the day, 0 to 23.", "hour(@2026-11-21T10:05:00Z)", "10",           \
    {"t", PARAMETER_TIME, TIMES_ONCE}, {"zone", PARAMETER_ZONE, TIMES_OPTIONAL})                                       \
  F(minute, EXPR_CALL, true, RESULT_INT, "The minute of the hour, 0 to 59.", "minute(@2026-11-21T10:05:00Z)", "5",     \
    {"t", PARAMETER_TIME, TIMES_ONCE}, {"zone", PARAMETER_ZONE, TIMES_OPTIONAL})                                       \
  F(day_of_week, EXPR_CALL, true, RESULT_INT, "Monday is 1, Sunday 7.", "day_of_week(@2026-11-21T10:05:00Z)", "6",     \
    {"t", PARAMETER_TIME, TIMES_ONCE}, {"zone", PARAMETER_ZONE, TIMES_OPTIONAL})                                       \
  F(day_of_month, EXPR_CALL, true, RESULT_INT, "The day of the month, from 1.", "day_of_month(@2026-11-21T10:05:00Z)", \
    "21", {"t", PARAMETER_TIME, TIMES_ONCE}, {"zone", PARAMETER_ZONE, TIMES_OPTIONAL})                                 \
  F(month, EXPR_CALL, true, RESULT_INT, "The month, from 1.", "month(@2026-11-21T10:05:00Z)", "11",                    \
    {"t", PARAMETER_TIME, TIMES_ONCE}, {"zone", PARAMETER_ZONE, TIMES_OPTIONAL})                                       \
  F(year, EXPR_CALL, true, RESULT_INT, "The year.", "year(@2026-11-21T10:05:00Z)", "2026",                             \
    {"t", PARAMETER_TIME, TIMES_ONCE}, {"zone", PARAMETER_ZONE, TIMES_OPTIONAL})                                       \
  F(date, EXPR_CALL, true, RESULT_STRING, "The date as text.", "date(@2026-11-21T23:30:00Z, \"Europe/Berlin\")",       \
    "\"2026-11-22\"", {"t", PARAMETER_TIME, TIMES_ONCE}, {"zone", PARAMETER_ZONE, TIMES_OPTIONAL})                     \
  F(distance_km, EXPR_CALL, true, RESULT_FLOAT,                                                                        \
    "The great-circle distance of two places in degrees (haversine, radius 6371.0088 km); null if a latitude is "      \
    "beyond 90 or a longitude beyond 360.",                                                                            \
    "round(distance_km(52.52, 13.405, 48.137, 11.575), 1)", "504.3", {"lat1", PARAMETER_FLOAT, TIMES_ONCE},            \
    {"lon1", PARAMETER_FLOAT, TIMES_ONCE}, {"lat2", PARAMETER_FLOAT, TIMES_ONCE},                                      \
    {"lon2", PARAMETER_FLOAT, TIMES_ONCE})                                                                             \
  F(speed_kmh, EXPR_CALL, true, RESULT_FLOAT,                                                                          \
    "That distance by the time between, whichever is first; at equal times 0 where the places are equal, else 1e9.",   \
    "speed_kmh(0, 0, @2026-11-21T10:00:00Z, 0, 0, @2026-11-21T11:00:00Z)", "0", {"lat1", PARAMETER_FLOAT, TIMES_ONCE}, \
    {"lon1", PARAMETER_FLOAT, TIMES_ONCE}, {"t1", PARAMETER_TIME, TIMES_ONCE}, {"lat2", PARAMETER_FLOAT, TIMES_ONCE},  \
    {"lon2", PARAMETER_FLOAT, TIMES_ONCE}, {"t2", PARAMETER_TIME, TIMES_ONCE})                                         \
  F(in_network, EXPR_CALL, true, RESULT_BOOL, "Whether the address is in the network.",                                \
    "in_network(10.1.2.3, 10.0.0.0/8)", "true", {"address", PARAMETER_IP, TIMES_ONCE},                                 \
    {"network", PARAMETER_NETWORK, TIMES_ONCE})                                                                        \
  F(hash, EXPR_CALL, true, RESULT_INT,                                                                                 \
    "XXH3-64 as an int: of a string's bytes; of other values so that equal ones are equal (1, 1.0).",                  \
    "hash(\"a\") == hash(\"b\")", "false", {"x", PARAMETER_ANY, TIMES_ONCE})                                           \
  F(luhn_valid, EXPR_CALL, true, RESULT_BOOL,                                                                          \
    "Whether the digits (two or more; spaces and hyphens are passed over) have a right Luhn check digit.",             \
    "luhn_valid(\"4111 1111 1111 1111\")", "true", {"text", PARAMETER_STRING, TIMES_ONCE})                             \
  F(levenshtein, EXPR_CALL, true, RESULT_INT,                                                                          \
    "The least number of code points inserted, removed or changed; null, counted, beyond 256 code points.",            \
    "levenshtein(\"kitten\", \"sitting\")", "3", {"a", PARAMETER_STRING, TIMES_ONCE},                                  \
    {"b", PARAMETER_STRING, TIMES_ONCE})                                                                               \
  F(jaro_winkler, EXPR_CALL, true, RESULT_FLOAT,                                                                       \
    "Likeness from 0 to 1 (prefix of up to 4, weight 0.1); null, counted, beyond 256 code points.",                    \
    "round(jaro_winkler(\"martha\", \"marhta\"), 4)", "0.9611", {"a", PARAMETER_STRING, TIMES_ONCE},                   \
    {"b", PARAMETER_STRING, TIMES_ONCE})

#define FUNCTION_DECLARE(name, ...) function_call function_##name;
FUNCTION_TABLE(FUNCTION_DECLARE)
#undef FUNCTION_DECLARE

#endif
