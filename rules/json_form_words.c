/* json_form_words.c - the words of the JSON form: see json_form_core.h. */
#include "rules/json_form_core.h"

const char *const json_form_kinds[JSON_FORM_KINDS] = {
    [DECL_EVENT] = "event", [DECL_LIST] = "list",       [DECL_TABLE] = "table", [DECL_LOOKUP] = "lookup",
    [DECL_MODEL] = "model", [DECL_COUNTER] = "counter", [DECL_LET] = "let",     [DECL_RULE] = "rule",
    [DECL_GROUP] = "group", [DECL_ACTIONS] = "actions", [DECL_TEST] = "test",
};

const char *const json_form_event_clauses[EVENT_CLAUSES] = {
    [EVENT_CLAUSE_TIME] = "event_time", [EVENT_CLAUSE_NAMED] = "named",   [EVENT_CLAUSE_DISORDER] = "disorder",
    [EVENT_CLAUSE_LATE] = "late",       [EVENT_CLAUSE_UNIQUE] = "unique", [EVENT_CLAUSE_WATERMARK] = "watermark",
    [EVENT_CLAUSE_CLOCK] = "clock",     [EVENT_CLAUSE_JUMP] = "jump",
};

const char *const json_form_clauses[CLAUSES] = {
    [CLAUSE_SEVERITY] = "severity",
    [CLAUSE_SCORE] = "score",
    [CLAUSE_ACTION] = "action",
    [CLAUSE_MODE] = "mode",
    [CLAUSE_CANARY] = "canary",
    [CLAUSE_ACTIVE] = "active",
    [CLAUSE_SCHEDULE] = "schedule",
    [CLAUSE_OWNER] = "owner",
    [CLAUSE_RUNBOOK] = "runbook",
    [CLAUSE_TAGS] = "tags",
    [CLAUSE_COLD_OK] = "cold_ok",
    [CLAUSE_BECAUSE] = "with_because",
    [CLAUSE_MATCHED_FIELDS] = "matched_fields",
    [CLAUSE_ALLOW] = "allow",
    [CLAUSE_ON] = "on",
    [CLAUSE_KEY] = "key",
    [CLAUSE_WHEN] = "when",
    [CLAUSE_MATCH] = "match",
    [CLAUSE_WITHIN] = "within",
    [CLAUSE_REPORT] = "report",
    [CLAUSE_AFTER] = "after_match",
    [CLAUSE_EMIT] = "emit",
    [CLAUSE_MESSAGE] = "message",
    [CLAUSE_ADD] = "add",
    [CLAUSE_REMOVE] = "remove",
    [CLAUSE_SUPPRESS] = "suppress",
    [CLAUSE_TO] = "to",
    [CLAUSE_ON_CHANGE] = "on_change",
};

const char *const json_form_group_clauses[GROUP_CLAUSES] = {
    [GROUP_CLAUSE_KEY] = "key",     [GROUP_CLAUSE_OVER] = "over",   [GROUP_CLAUSE_RULES] = "rules",
    [GROUP_CLAUSE_SCORE] = "score", [GROUP_CLAUSE_DECAY] = "decay", [GROUP_CLAUSE_TO] = "to",
};

const char *const json_form_windows[WINDOW_TODAY + 1] = {
    [WINDOW_TUMBLING] = "tumbling", [WINDOW_SLIDING] = "sliding", [WINDOW_SESSION] = "session",
    [WINDOW_COUNT] = "count",       [WINDOW_TODAY] = "today",
};

const char *const json_form_connectors[CONNECT_NEXT_NO + 1] = {
    [CONNECT_START] = "",    [CONNECT_THEN] = "then",       [CONNECT_THEN_ANY] = "then any",
    [CONNECT_NEXT] = "next", [CONNECT_THEN_NO] = "then no", [CONNECT_NEXT_NO] = "next no",
};

const char *const json_form_severities[SEVERITY_CRITICAL + 1] = {"", "low", "medium", "high", "critical"};
const char *const json_form_modes[MODE_OFF + 1] = {"", "live", "shadow", "off"};
const char *const json_form_reports[REPORT_TIMEOUT_ONLY + 1] = {"first", "all", "longest", "timeout", "timeout only"};
const char *const json_form_afters[AFTER_OVERLAP + 1] = {
    "", "skip past last", "skip to next", "skip to first", "skip to last", "overlap",
};
const char *const json_form_changes[CHANGE_DROP + 1] = {"", "carry", "finish", "drop"};

const struct json_form_op json_form_binary_ops[JSON_FORM_BINARY_OPS] = {
    {"+", EXPR_ADD},         {"-", EXPR_SUBTRACT}, {"*", EXPR_MULTIPLY},       {"/", EXPR_DIVIDE},
    {"%", EXPR_MODULO},      {"==", EXPR_EQUAL},   {"!=", EXPR_NOT_EQUAL},     {"<", EXPR_LESS},
    {"<=", EXPR_LESS_EQUAL}, {">", EXPR_GREATER},  {">=", EXPR_GREATER_EQUAL},
};
