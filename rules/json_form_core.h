/* json_form_core.h - the words of the JSON form, which its writer and its reader share; nobody else includes it. */
#ifndef WEIR_RULES_JSON_FORM_CORE_H
#define WEIR_RULES_JSON_FORM_CORE_H

#include "rules/tree.h"

/* Indexed by the enums of tree.h. An entry that is "" is no word of the form. */
enum { JSON_FORM_KINDS = DECL_TEST + 1, JSON_FORM_BINARY_OPS = 11 };
extern const char *const json_form_kinds[JSON_FORM_KINDS];
extern const char *const json_form_event_clauses[EVENT_CLAUSES];
extern const char *const json_form_clauses[CLAUSES];
extern const char *const json_form_group_clauses[GROUP_CLAUSES];
extern const char *const json_form_windows[WINDOW_TODAY + 1];
extern const char *const json_form_connectors[CONNECT_NEXT_NO + 1];
extern const char *const json_form_severities[SEVERITY_CRITICAL + 1];
extern const char *const json_form_modes[MODE_OFF + 1];
extern const char *const json_form_reports[REPORT_TIMEOUT_ONLY + 1];
extern const char *const json_form_afters[AFTER_OVERLAP + 1];
extern const char *const json_form_changes[CHANGE_DROP + 1];
extern const struct json_form_op {
  const char *text;
  enum expr_op op;
} json_form_binary_ops[JSON_FORM_BINARY_OPS];

#endif
