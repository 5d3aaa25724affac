/* json_form_read.h - what the files of the JSON form's reader share; nobody else includes it.
 *
 * The reader walks the cJSON tree and makes a rule tree without places. The first thing that is wrong is said with its
 * path and sets `failed`; from there on all is harmless. A path is kept as a chain of steps on the C stack. */
#ifndef WEIR_RULES_JSON_FORM_READ_H
#define WEIR_RULES_JSON_FORM_READ_H

#include <cjson/cJSON.h>

#include "rules/json_form_core.h"
#include "rules/tree.h"

struct json_step { /* from the parent to a value */
  const struct json_step *parent;
  const char *name; /* NULL: element `index` of an array */
  unsigned index;
};

struct json_at { /* a value and where it stands; item NULL = absent */
  const cJSON *item;
  const struct json_step *step;
};

struct reader {
  struct arena *arena;
  struct mem *mem;
  struct err *err;
  bool failed;
  unsigned depth;
};

void json_fail(struct reader *reader, const struct json_step *step, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says what is wrong unless the value is an object whose members are all among `words` (separated by spaces), each
 * once. */
bool json_object(struct reader *reader, struct json_at at, const char *words);
/* Member `name` of the object at *parent; `step` is filled and must live as long as what is returned. */
struct json_at json_member(struct json_at at, const char *name, struct json_step *step);
bool json_has(struct json_at at, const char *name);

/* Values. Each says what is wrong and gives something harmless. */
struct slice json_text(struct reader *reader, struct json_at at);
struct name json_name(struct reader *reader, struct json_at at);
int64_t json_int(struct reader *reader, struct json_at at, int64_t least, int64_t most);
int64_t json_duration(struct reader *reader, struct json_at at);
bool json_flag(struct reader *reader, struct json_at at);
/* The index of a text among `words`, "" being none of them. */
unsigned json_choice(struct reader *reader, struct json_at at, const char *const *words, unsigned count);

/* The same of a member that may be absent: then {NULL, 0}, an empty name, -1 (ints, durations), false. */
struct slice json_member_text(struct reader *reader, struct json_at at, const char *name);
struct name json_member_name(struct reader *reader, struct json_at at, const char *name);
int64_t json_member_int(struct reader *reader, struct json_at at, const char *name, int64_t least, int64_t most);
int64_t json_member_duration(struct reader *reader, struct json_at at, const char *name);
bool json_member_flag(struct reader *reader, struct json_at at, const char *name);
/* An absent name is wrong. */
struct name json_needed_name(struct reader *reader, struct json_at at, const char *name);

/* Arrays: how many elements (said if it is none), and a loop over them. */
unsigned json_array(struct reader *reader, struct json_at at, unsigned most);
#define JSON_EACH(element, array_at, step)                                                                             \
  for (struct json_at element = json_first((array_at), (step)); element.item != NULL;                                  \
       element = json_next(element, (step)))
struct json_at json_first(struct json_at array, struct json_step *step);
struct json_at json_next(struct json_at element, struct json_step *step);
struct name *json_names(struct reader *reader, struct json_at at, uint16_t *count);

/* Parts of declarations. */
struct type json_type(struct reader *reader, struct json_at at, enum time_unit *unit);
struct comment *json_comments(struct reader *reader, struct json_at object); /* members comments, comment_after */
struct comment *json_before_comments(struct reader *reader, struct json_at object, const char *name);
#define JSON_COMMENT_WORDS " comments comment_after"

struct tree_expr *json_expr(struct reader *reader, struct json_at at);
struct tree_expr *json_member_expr(struct reader *reader, struct json_at at, const char *name); /* NULL = absent */
struct tree_expr *json_needed_expr(struct reader *reader, struct json_at at, const char *name);
void json_use(struct reader *reader, struct json_at object, struct use *use); /* members event, where */
struct key_tree *json_key(struct reader *reader, struct json_at at);
struct tree_entry *json_entries(struct reader *reader, struct json_at at, uint16_t *count);
struct tree_entry *json_values(struct reader *reader, struct json_at at, uint16_t *count);
int64_t json_time(struct reader *reader, struct json_at at);

/* json_form_rule.c, json_form_decl.c */
struct rule_tree *json_rule(struct reader *reader, struct json_at at);
void json_declaration(struct reader *reader, struct json_at at, struct decl *decl);

#endif
