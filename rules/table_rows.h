/* table_rows.h - the rows of a `table … from file`: a CSV file with a header line, typed columns and a key.
 *
 * Immutable after it is read, in the arena given; read by any number of threads. */
#ifndef WEIR_RULES_TABLE_ROWS_H
#define WEIR_RULES_TABLE_ROWS_H

#include "base/err.h"
#include "base/event.h"

enum { TABLE_ROWS_MAX = 50 * 1000 * 1000, TABLE_COLUMNS_MAX = 1024 };

struct table_rows;

struct table_column {
  struct slice name; /* as in the header line */
  struct type type;
  enum time_unit unit;
  bool asked; /* the key's: nobody declared the type, it is that of what asks the table */
};

/* The text of a CSV file (RFC 4180: quotes, doubled quotes, line ends inside of quotes; CRLF and a byte order mark are
 * taken). The header names the columns, in any order; columns that nobody declared are passed over. An empty cell
 * without quotes is null. The key is a column of its own; a key that is null or stands twice is an error.
 * NULL and `err` with file, line and column (of the cell, in code points) if something is wrong. */
struct table_rows *table_rows_parse(struct arena *arena, const struct table_column *key,
                                    const struct table_column *columns, uint16_t column_count, struct slice text,
                                    const char *file, struct err *err);

/* The value in `column` of the row with `key` (not null); null if there is no such row. */
struct value table_rows_get(const struct table_rows *rows, uint16_t column, struct value key);
uint32_t table_rows_count(const struct table_rows *rows);
size_t table_rows_bytes(const struct table_rows *rows); /* about, for explain */

#endif
