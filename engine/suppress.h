/* suppress.h - `suppress D [unless …]`: which alerts of a rule and key are told, and which are only counted.
 *
 * Told at T; what comes before T + D is counted, unless the condition holds, and the count is said in the next one
 * told. It keeps one entry for each rule and key that told something in the last D, or that has a count not yet said.
 * engine.c asks in the order of moments; one thread. */
#ifndef WEIR_ENGINE_SUPPRESS_H
#define WEIR_ENGINE_SUPPRESS_H

#include "base/hash.h"
#include "rules/ruleset.h"

struct suppress;

/* `keys_max`: entries of one rule; beyond it the oldest goes (first of those that only have a count). */
struct suppress *suppress_new(struct mem *mem, const struct ruleset *ruleset, uint64_t keys_max);

/* Whether this alert of `rule` (which has a suppress clause) is told; then *before is how many were not told since the
 * last one. `emit` are its emitted fields; env has the banks of key and emit set, the one of the alert told before is
 * set here. */
bool suppress_tells(struct suppress *suppress, const struct rule *rule, struct hash128 key, int64_t time,
                    const struct value *emit, struct expr_env *env, uint64_t *before);

uint64_t suppress_count(const struct suppress *suppress);     /* entries now */
uint64_t suppress_forgotten(const struct suppress *suppress); /* entries that keys_max drove out */

#endif
