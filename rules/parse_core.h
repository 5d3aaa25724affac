/* parse_core.h - what the files of the parser share; nobody else includes it.
 *
 * How errors work: the first error of a construct is said and turns on `panic`. In panic every token reads as the end
 * of the file, so that all loops end and nothing more is said, and the callers need no error paths. The loop over
 * clauses (or declarations) then skips to the next border with one of the parse_sync functions, which ends the panic.
 * What is wrong but well understood is said with parse_complain() and the parser goes on as if it were right. */
#ifndef WEIR_RULES_PARSE_CORE_H
#define WEIR_RULES_PARSE_CORE_H

#include "rules/lex.h"
#include "rules/parse.h"

enum { PARSE_AHEAD = 4 }; /* tokens that can be looked at */

struct parser {
  struct tree *tree;
  struct arena *arena;
  struct diags *diags;
  struct lexer lexer;
  struct token ring[PARSE_AHEAD];
  unsigned first, held; /* of the ring */
  struct token last;    /* taken last */
  bool panic;
  bool window_block; /* in a window's block: `over` is left out */
  bool field_list;   /* between an event's fields: `approx` may be a field */
  unsigned depth;    /* of expressions */
  unsigned pattern_depth;
  uint16_t file;
  unsigned braces;                    /* that are open */
  unsigned item_braces;               /* where the block's item began, for parse_sync_block() */
  uint32_t item_number;               /* its first token's number */
  struct span clause_spans[CLAUSES];  /* of the rule at hand */
  unsigned clause;                    /* of the rule at hand: the last one that was known */
  bool counted;                       /* an aggregate stands in that clause */
  struct slice only_type;             /* the event type of the rule or derived event at hand, where one is known */
  struct arena scratch;               /* lists that still grow: emptied after each declaration */
  uint32_t *line_ends, line_capacity; /* [line]: the column behind its last token, for spans over several lines */
  uint32_t *line_starts, line_count;  /* for struct source_file */
};

/* A list that grows in the scratch arena. */
struct parse_list {
  void *items;
  uint32_t count, capacity;
  size_t size; /* of an item */
};
/* Room for one more item of `size` bytes, zeroed. */
void *parse_list_add(struct parser *parser, struct parse_list *list, size_t size);
/* The items at their final place in the tree's arena, no byte too many; nothing is added any more. */
void *parse_list_end(struct parser *parser, const struct parse_list *list);
/* The count as the tree keeps it; more than PARSE_LIST_MAX is said to be too many. */
uint16_t parse_list_count(struct parser *parser, const struct parse_list *list);

/* ---- tokens ---- */
const struct token *parse_ahead(struct parser *parser, unsigned distance); /* 0 = the next; in panic: the end */
static inline enum token_kind parse_kind(struct parser *parser) { return parse_ahead(parser, 0)->kind; }
struct token parse_take(struct parser *parser);
bool parse_accept(struct parser *parser, enum token_kind kind);
/* A name with this text stands `distance` ahead. */
bool parse_word_ahead(struct parser *parser, unsigned distance, const char *word);
static inline bool parse_is_word(struct parser *parser, const char *word) { return parse_word_ahead(parser, 0, word); }
bool parse_accept_word(struct parser *parser, const char *word);

/* "expected {what}, found …" and panic. `what` as "a duration after `within`". */
void parse_expected(struct parser *parser, const char *what);
void parse_error(struct parser *parser, struct span span, const char *code, const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void parse_complain(struct parser *parser, struct span span, const char *code, const char *hint, const char *format,
                    ...) __attribute__((format(printf, 5, 6)));

/* What may help (parse_hint.c), NULL if nothing is known. In parse_hint_expected() `found` is the next token; the
 * others are about a word that is no clause, a token behind a clause, and one that begins no declaration. */
const char *parse_hint_expected(struct parser *parser, const char *what, const struct token *found);
const char *parse_hint_clause(struct parser *parser, const struct token *found);
const char *parse_hint_behind_use(struct parser *parser, const struct token *found);
/* A word that is no type, behind a name; `near` where nothing else is known. */
const char *parse_hint_type(struct parser *parser, const struct token *found, const char *near,
                            const char *const *words, unsigned count);
const char *parse_hint_declaration(struct parser *parser, const struct token *found);
const char *parse_hint_behind_declaration(struct parser *parser, const struct token *found);
bool parse_is_aggregate(struct slice name); /* of those that count events; parse_expr.c */
extern const char parse_hint_one_type[];    /* of a rule that says `on a, b` */
extern const char parse_hint_group[];       /* the order of a group's clauses */

/* Each takes a token of its kind, or says what was expected and gives something harmless. */
bool parse_expect(struct parser *parser, enum token_kind kind, const char *what);
bool parse_expect_word(struct parser *parser, const char *word, const char *what);
struct name parse_name(struct parser *parser, const char *what);
struct slice parse_string(struct parser *parser, const char *what);
int64_t parse_duration(struct parser *parser, const char *what);
int64_t parse_int(struct parser *parser, const char *what, int64_t least, int64_t most);
/* One of `count` words: its index. Another name is said (with the nearest) and taken for the first. */
unsigned parse_choice(struct parser *parser, const char *const *words, unsigned count, const char *what);
/* `=` of an entry; `==` and `:` are said and taken for it. */
void parse_assign(struct parser *parser, const char *what);

/* From a first token to the token taken last, on the first line. */
struct span parse_span(struct parser *parser, struct span first);
const char *parse_token_text(struct parser *parser, const struct token *token); /* for messages */
const char *parse_nearest_hint(struct parser *parser, struct slice wrong, const char *const *words, unsigned count);
#define PARSE_WORDS(array) (array), (unsigned)(sizeof(array) / sizeof((array)[0]))

/* ---- blocks and borders ---- */
/* Whether the next token begins a declaration (as `rule x {`): then a `}` is missing where we are. */
bool parse_declaration_ahead(struct parser *parser);
/* Ends a panic: to the next token that is first on its line and may begin an item (`starts` says so; NULL = any name),
 * or to the block's `}`, which is left, or to a declaration. */
void parse_sync_block(struct parser *parser, bool (*starts)(struct parser *parser));
/* True while the block goes on: false at its `}`, the end, or a declaration that shows that the `}` is missing. */
bool parse_in_block(struct parser *parser);
/* The `}`, or an error that says what began where. */
void parse_close(struct parser *parser, const char *what, struct span opened);

/* Comments: those before the next token, from here on this item's. */
struct comment *parse_comments(struct parser *parser);
/* At the end of an item: comments inside it go before it, the one behind its last token on that line stays there. */
void parse_comments_end(struct parser *parser, struct comment **comments);

/* ---- constructs ---- */
struct tree_expr *parse_expr(struct parser *parser);
struct tree_expr *parse_literal(struct parser *parser, bool lists, const char *what);
void parse_use(struct parser *parser, struct use *use, const char *what);
struct key_tree *parse_key(struct parser *parser);    /* behind `key` */
struct element *parse_pattern(struct parser *parser); /* behind `match` */
struct type parse_type(struct parser *parser, enum time_unit *unit, struct span *span);
bool parse_type_ahead(struct parser *parser, unsigned distance);
/* `word` stands here as an option (`required`, `approx`), not as the next field's name. */
bool parse_option_ahead(struct parser *parser, const char *word);
/* NAME % ",": at least one. */
struct name *parse_names(struct parser *parser, const char *what, uint16_t *count);
/* `{ NAME = expr … }` behind `{`, to before `}`; `literals`: the values are literals. `ends` (may be NULL): what comes
 * is no entry any more, the `}` was forgotten. */
struct tree_entry *parse_entries(struct parser *parser, bool literals, bool (*ends)(struct parser *parser),
                                 uint16_t *count);

void parse_event(struct parser *parser, struct decl *decl, struct comment *comments);
void parse_rule(struct parser *parser, struct decl *decl, struct comment *comments);
void parse_list_decl(struct parser *parser, struct decl *decl, struct comment *comments);
void parse_table(struct parser *parser, struct decl *decl, struct comment *comments);
void parse_lookup(struct parser *parser, struct decl *decl, struct comment *comments);
void parse_model(struct parser *parser, struct decl *decl, struct comment *comments);
void parse_counter(struct parser *parser, struct decl *decl, struct comment *comments);
void parse_let(struct parser *parser, struct decl *decl, struct comment *comments);
void parse_group(struct parser *parser, struct decl *decl, struct comment *comments);
void parse_actions(struct parser *parser, struct decl *decl, struct comment *comments);
void parse_test(struct parser *parser, struct decl *decl, struct comment *comments);

#endif
