/* json_form_rule.c - rules of the JSON form, their patterns too. */
#include "base/limits.h"
#include "rules/json_form_read.h"
#include "rules/lex.h"
#include "rules/parse.h"

#define WORDS(array) (array), (unsigned)(sizeof(array) / sizeof((array)[0]))

/* ---- patterns ---- */

static struct element **read_elements(struct reader *reader, struct json_at at, uint16_t *count, unsigned depth,
                                      bool sequence);

static void read_times(struct reader *reader, struct json_at at, struct element *element) {
  int64_t min = json_member_int(reader, at, "min", 0, INT32_MAX - 1),
          max = json_member_int(reader, at, "max", 1, INT32_MAX - 1);
  element->min = element->max = 1;
  if (min < 0 && max >= 0) json_fail(reader, at.step, "a \"max\" needs a \"min\"");
  if (min < 0) return;
  element->has_quantifier = true;
  element->min = (int32_t)min;
  element->max = max < 0 ? TIMES_UNLIMITED : (int32_t)max;
}

static void read_rekey(struct reader *reader, struct json_at at, struct element *element) {
  struct json_step step;
  struct json_at rekey = json_member(at, "at_key", &step);
  if (rekey.item == NULL || !json_object(reader, rekey, "field step step_field")) return;
  element->rekey = arena_new(reader->arena, struct rekey);
  element->rekey->field = json_needed_name(reader, rekey, "field");
  element->rekey->step = json_needed_name(reader, rekey, "step");
  element->rekey->step_field = json_needed_name(reader, rekey, "step_field");
}

static struct element *read_element(struct reader *reader, struct json_at at, unsigned depth, bool first,
                                    bool sequence) {
  static const struct {
    const char *member;
    enum element_kind kind;
  } groups[] = {{"group", ELEMENT_GROUP}, {"or", ELEMENT_OR}, {"and", ELEMENT_AND}};
  struct element *element = arena_new(reader->arena, struct element);
  struct json_step step;
  element->gap_us = element->for_us = -1;
  if (!json_object(reader, at,
                   "connector group or and step event where at_key among min max strict each any greedy until gap "
                   "for" JSON_COMMENT_WORDS))
    return element;
  struct json_at connector = json_member(at, "connector", &step);
  bool needed = sequence && !first;
  if (needed && connector.item == NULL)
    json_fail(reader, at.step, "a \"connector\" is needed behind the first element");
  else if (!needed && connector.item != NULL)
    json_fail(reader, at.step, "no \"connector\" stands here");
  else if (needed)
    element->connector = (enum connector)json_choice(reader, connector, WORDS(json_form_connectors));
  element->kind =
      element->connector == CONNECT_THEN_NO || element->connector == CONNECT_NEXT_NO ? ELEMENT_ABSENCE : ELEMENT_STEP;
  for (unsigned i = 0; i < sizeof groups / sizeof groups[0]; i++) {
    struct json_at children = json_member(at, groups[i].member, &step);
    if (children.item == NULL) continue;
    if (element->kind != ELEMENT_STEP || json_has(at, "event") || json_has(at, "step"))
      json_fail(reader, at.step, "one of \"event\", \"group\", \"or\" and \"and\" is needed, no absence of a group");
    element->kind = groups[i].kind;
    element->children =
        read_elements(reader, children, &element->child_count, depth + 1, element->kind == ELEMENT_GROUP);
    if (!reader->failed && element->kind != ELEMENT_GROUP && element->child_count < 2)
      json_fail(reader, children.step, "at least two elements are needed");
  }
  if (element->kind == ELEMENT_STEP || element->kind == ELEMENT_ABSENCE) {
    element->name = json_member_name(reader, at, "step");
    json_use(reader, at, &element->use);
  } else if (json_has(at, "where") || json_has(at, "at_key") || json_has(at, "among")) {
    json_fail(reader, at.step, "\"where\", \"at_key\" and \"among\" stand at a step");
  }
  read_rekey(reader, at, element);
  element->among = json_member_expr(reader, at, "among");
  read_times(reader, at, element);
  element->strict = json_member_flag(reader, at, "strict");
  element->each = json_member_flag(reader, at, "each");
  element->any = json_member_flag(reader, at, "any");
  element->greedy = json_member_flag(reader, at, "greedy");
  element->until = json_member_expr(reader, at, "until");
  element->gap_us = json_member_duration(reader, at, "gap");
  element->for_us = json_member_duration(reader, at, "for");
  if (depth == 0)
    element->comments = json_comments(reader, at);
  else if (json_has(at, "comments") || json_has(at, "comment_after"))
    json_fail(reader, at.step, "comments stand at the outermost elements only");
  return element;
}

static struct element **read_elements(struct reader *reader, struct json_at at, uint16_t *count, unsigned depth,
                                      bool sequence) {
  struct json_step step;
  *count = (uint16_t)json_array(reader, at, PARSE_LIST_MAX);
  struct element **elements = arena_array(reader->arena, struct element *, *count);
  if (!reader->failed && *count == 0) json_fail(reader, at.step, "at least one element is needed");
  if (!reader->failed && depth > PATTERN_DEPTH_MAX)
    json_fail(reader, at.step, "groups are nested deeper than %d levels", (int)PATTERN_DEPTH_MAX);
  JSON_EACH(element, at, &step) {
    if (reader->failed) break;
    elements[step.index] = read_element(reader, element, depth, step.index == 0, sequence);
  }
  return elements;
}

/* ---- clauses ---- */

/* Marks a clause as given if its member is there. */
static bool given(struct rule_tree *rule, struct json_at at, enum clause clause, struct json_step *step,
                  struct json_at *member) {
  *member = json_member(at, json_form_clauses[clause], step);
  if (member->item == NULL) return false;
  rule->given |= 1u << clause;
  return true;
}

static void flag_clause(struct reader *reader, struct rule_tree *rule, struct json_at at, enum clause clause) {
  if (json_member_flag(reader, at, json_form_clauses[clause])) rule->given |= 1u << clause;
}

static void read_lints(struct reader *reader, struct rule_tree *rule, struct json_at at) {
  struct json_step step;
  rule->rare->allow_count = (uint16_t)json_array(reader, at, PARSE_LIST_MAX);
  rule->rare->allow = arena_array(reader->arena, struct name, rule->rare->allow_count);
  if (!reader->failed && rule->rare->allow_count == 0) json_fail(reader, at.step, "at least one name is needed");
  JSON_EACH(element, at, &step) {
    struct slice text = reader->failed ? SLICE("a") : json_text(reader, element);
    bool good = text.length > 0 && text.data[0] != '-';
    for (size_t i = 0; i < text.length; i++)
      good &= text.data[i] == '-' || (text.data[i] >= 'a' && text.data[i] <= 'z');
    if (!good && !reader->failed) json_fail(reader, element.step, "no name of a lint: letters and hyphens");
    if (reader->failed) return;
    rule->rare->allow[step.index].text = text;
  }
}

static void read_tags(struct reader *reader, struct rule_tree *rule, struct json_at at) {
  struct json_step step;
  rule->tag_count = (uint16_t)json_array(reader, at, PARSE_LIST_MAX);
  rule->tags = arena_array(reader->arena, struct slice, rule->tag_count);
  if (!reader->failed && rule->tag_count == 0) json_fail(reader, at.step, "at least one tag is needed");
  JSON_EACH(element, at, &step) {
    if (reader->failed) return;
    rule->tags[step.index] = json_text(reader, element);
  }
}

static void read_action(struct reader *reader, struct rule_tree *rule, struct json_at at) {
  if (!json_object(reader, at, "name for")) return;
  rule->rare->action = json_needed_name(reader, at, "name");
  rule->rare->action_for_us = json_member_duration(reader, at, "for");
}

/* severity to allow. */
static void read_telling(struct reader *reader, struct rule_tree *rule, struct json_at at) {
  struct json_step step;
  struct json_at member;
  if (given(rule, at, CLAUSE_SEVERITY, &step, &member))
    rule->severity = (enum severity)json_choice(reader, member, WORDS(json_form_severities));
  if (given(rule, at, CLAUSE_SCORE, &step, &member)) rule->score = json_int(reader, member, 0, INT64_MAX);
  if (given(rule, at, CLAUSE_ACTION, &step, &member)) read_action(reader, rule, member);
  if (given(rule, at, CLAUSE_MODE, &step, &member))
    rule->mode = (enum mode)json_choice(reader, member, WORDS(json_form_modes));
  if (given(rule, at, CLAUSE_CANARY, &step, &member)) rule->rare->canary_percent = json_int(reader, member, 0, 100);
  member = json_member(at, "active_from", &step);
  rule->rare->active_from_given = member.item != NULL;
  if (rule->rare->active_from_given) rule->rare->active_from_us = json_time(reader, member);
  member = json_member(at, "active_until", &step);
  rule->rare->active_until_given = member.item != NULL;
  if (rule->rare->active_until_given) rule->rare->active_until_us = json_time(reader, member);
  if (rule->rare->active_from_given || rule->rare->active_until_given) rule->given |= 1u << CLAUSE_ACTIVE;
  if (given(rule, at, CLAUSE_SCHEDULE, &step, &member)) rule->rare->schedule = json_text(reader, member);
  rule->rare->schedule_zone = json_member_text(reader, at, "zone");
  if (rule->rare->schedule_zone.data != NULL && rule->rare->schedule.data == NULL)
    json_fail(reader, at.step, "a \"zone\" stands beside a \"schedule\"");
  if (given(rule, at, CLAUSE_OWNER, &step, &member)) rule->rare->owner = json_text(reader, member);
  if (given(rule, at, CLAUSE_RUNBOOK, &step, &member)) rule->rare->runbook = json_text(reader, member);
  if (given(rule, at, CLAUSE_TAGS, &step, &member)) read_tags(reader, rule, member);
  flag_clause(reader, rule, at, CLAUSE_COLD_OK);
  flag_clause(reader, rule, at, CLAUSE_BECAUSE);
  flag_clause(reader, rule, at, CLAUSE_MATCHED_FIELDS);
  if (given(rule, at, CLAUSE_ALLOW, &step, &member)) read_lints(reader, rule, member);
}

static void read_to(struct reader *reader, struct rule_tree *rule, struct json_at at) {
  struct json_step step;
  rule->to_count = (uint16_t)json_array(reader, at, PARSE_LIST_MAX);
  rule->to = arena_array(reader->arena, struct name, rule->to_count);
  rule->to_quoted = arena_array(reader->arena, bool, rule->to_count);
  if (!reader->failed && rule->to_count == 0) json_fail(reader, at.step, "at least one sink is needed");
  JSON_EACH(element, at, &step) {
    if (reader->failed) return;
    rule->to_quoted[step.index] = cJSON_IsObject(element.item);
    if (!cJSON_IsObject(element.item)) {
      rule->to[step.index] = json_name(reader, element);
      continue;
    }
    struct json_step inner;
    if (json_object(reader, element, "text"))
      rule->to[step.index].text = json_text(reader, json_member(element, "text", &inner));
  }
}

static struct list_action *read_list_action(struct reader *reader, struct json_at at, bool add) {
  struct list_action *action = arena_new(reader->arena, struct list_action);
  action->for_us = -1;
  if (!json_object(reader, at, add ? "field list for" : "field list")) return action;
  action->field = json_needed_name(reader, at, "field");
  action->list = json_needed_name(reader, at, "list");
  action->for_us = json_member_duration(reader, at, "for");
  return action;
}

static void read_after(struct reader *reader, struct rule_tree *rule, struct json_at at, struct json_at member) {
  rule->after = (enum after_match)json_choice(reader, member, WORDS(json_form_afters));
  bool step = rule->after == AFTER_TO_FIRST || rule->after == AFTER_TO_LAST;
  if (step)
    rule->rare->after_step = json_needed_name(reader, at, "after_step");
  else if (json_has(at, "after_step") && !reader->failed)
    json_fail(reader, at.step, "no \"after_step\" stands beside this \"after_match\"");
}

static struct element *read_pattern(struct reader *reader, struct json_at at) {
  struct element *pattern = arena_new(reader->arena, struct element);
  pattern->kind = ELEMENT_GROUP;
  pattern->min = pattern->max = 1;
  pattern->gap_us = pattern->for_us = -1;
  pattern->children = read_elements(reader, at, &pattern->child_count, 0, true);
  return pattern;
}

/* on to within: what the rule looks for. */
static void read_matching(struct reader *reader, struct rule_tree *rule, struct json_at at) {
  struct json_step step;
  struct json_at member;
  if (given(rule, at, CLAUSE_ON, &step, &member) && json_object(reader, member, "event where"))
    json_use(reader, member, &rule->on);
  if (given(rule, at, CLAUSE_KEY, &step, &member)) rule->key = json_key(reader, member);
  if (given(rule, at, CLAUSE_WHEN, &step, &member)) rule->when = json_expr(reader, member);
  if (given(rule, at, CLAUSE_MATCH, &step, &member)) rule->pattern = read_pattern(reader, member);
  if (given(rule, at, CLAUSE_WITHIN, &step, &member)) rule->within_us = json_duration(reader, member);
  if (given(rule, at, CLAUSE_REPORT, &step, &member))
    rule->report = (enum report)json_choice(reader, member, WORDS(json_form_reports));
  rule->report_limit_given = json_has(at, "report_limit");
  if (rule->report_limit_given)
    rule->report_limit = json_member_int(reader, at, "report_limit", 1, LIMIT_REPORT_ALL_CAP);
  if (rule->report_limit_given && rule->report != REPORT_ALL && !reader->failed)
    json_fail(reader, at.step, "a \"report_limit\" stands beside \"report\":\"all\"");
  if (given(rule, at, CLAUSE_AFTER, &step, &member))
    read_after(reader, rule, at, member);
  else if (json_has(at, "after_step") && !reader->failed)
    json_fail(reader, at.step, "an \"after_step\" stands beside an \"after_match\"");
}

/* emit to on change: what it does. */
static void read_doing(struct reader *reader, struct rule_tree *rule, struct json_at at) {
  struct json_step step;
  struct json_at member;
  if (given(rule, at, CLAUSE_EMIT, &step, &member)) {
    rule->emit = json_entries(reader, member, &rule->emit_count);
    rule->emit_end_comments = json_before_comments(reader, at, "emit_end_comments");
  }
  if (given(rule, at, CLAUSE_MESSAGE, &step, &member)) rule->message = json_text(reader, member);
  if (given(rule, at, CLAUSE_ADD, &step, &member)) {
    rule->rare->add = read_list_action(reader, member, true);
    rule->rare->add_count = 1;
  }
  if (given(rule, at, CLAUSE_REMOVE, &step, &member)) {
    rule->rare->remove = read_list_action(reader, member, false);
    rule->rare->remove_count = 1;
  }
  if (given(rule, at, CLAUSE_SUPPRESS, &step, &member)) {
    rule->suppress_us = json_duration(reader, member);
    rule->suppress_unless = json_member_expr(reader, at, "suppress_unless");
  } else if (json_has(at, "suppress_unless")) {
    json_fail(reader, at.step, "a \"suppress_unless\" stands beside a \"suppress\"");
  }
  rule->to_nothing = json_member_flag(reader, at, "to_nothing");
  if (rule->to_nothing && json_has(at, "to")) json_fail(reader, at.step, "either \"to\" or \"to_nothing\"");
  if (rule->to_nothing) rule->given |= 1u << CLAUSE_TO;
  if (given(rule, at, CLAUSE_TO, &step, &member)) read_to(reader, rule, member);
  if (given(rule, at, CLAUSE_ON_CHANGE, &step, &member))
    rule->on_change = (enum on_change)json_choice(reader, member, WORDS(json_form_changes));
}

static void read_clause_comments(struct reader *reader, struct rule_tree *rule, struct json_at at) {
  struct json_step step, clause_step;
  struct json_at comments = json_member(at, "clause_comments", &step);
  if (comments.item == NULL) return;
  if (!json_object(reader, comments,
                   "severity score action mode canary active schedule owner runbook tags cold_ok with_because "
                   "matched_fields allow on key when "
                   "within report after_match emit message add remove suppress to on_change"))
    return;
  rule->clause_comments = arena_array(reader->arena, struct comment *, CLAUSES);
  for (unsigned i = 0; i < CLAUSES; i++) {
    struct json_at clause = json_member(comments, json_form_clauses[i], &clause_step);
    if (clause.item == NULL || i == CLAUSE_MATCH) continue;
    if ((rule->given & 1u << i) == 0) json_fail(reader, clause.step, "the rule has no such clause");
    if (!reader->failed && json_object(reader, clause, "comments comment_after"))
      rule->clause_comments[i] = json_comments(reader, clause);
  }
}

struct rule_tree *json_rule(struct reader *reader, struct json_at at) {
  struct rule_tree *rule = arena_new(reader->arena, struct rule_tree);
  rule->rare = arena_new(reader->arena, struct rule_rare);
  rule->rare->action_for_us = rule->within_us = rule->suppress_us = -1;
  rule->report_limit = 100;
  if (!json_object(reader, at,
                   "kind name was description severity score action mode canary active_from active_until schedule zone "
                   "owner runbook tags cold_ok "
                   "with_because matched_fields allow on key when match within report report_limit after_match "
                   "after_step emit emit_end_comments "
                   "message add remove suppress suppress_unless to to_nothing on_change clause_comments "
                   "end_comments" JSON_COMMENT_WORDS))
    return rule;
  rule->name = json_needed_name(reader, at, "name");
  rule->comments = json_comments(reader, at);
  rule->rare->was = json_member_name(reader, at, "was");
  rule->description = json_member_text(reader, at, "description");
  rule->has_description = rule->description.data != NULL;
  read_telling(reader, rule, at);
  read_matching(reader, rule, at);
  read_doing(reader, rule, at);
  read_clause_comments(reader, rule, at);
  rule->end_comments = json_before_comments(reader, at, "end_comments");
  return rule;
}
