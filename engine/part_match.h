/* part_match.h - the events of a match as bytes: what a part of a rule whose key changes hands to the next one.
 *
 * The bytes are plain data, without pointers, in the event that the match makes (count_plan.h, struct part_event). The
 * matches of later parts are told with them: as if one pattern had taken all events. */
#ifndef WEIR_ENGINE_PART_MATCH_H
#define WEIR_ENGINE_PART_MATCH_H

#include "nfa/nfa.h"
#include "rules/ruleset.h"

/* What a held event kept of each is in them. They live in the arena. */
struct slice part_match_pack(const struct nfa_match *match, struct arena *arena);

/* A match of one part with the events of those before, by the steps of the whole rule: in *whole, whose items live in
 * the arena and borrow the bytes. */
void part_match_whole(const struct rule *rule, const struct schema *schemas, const struct nfa_match *match,
                      struct arena *arena, struct nfa_match *whole);

#endif
