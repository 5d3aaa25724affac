/* registry.h - all adapters by name. Read-only; any thread. */
#ifndef WEIR_ADAPTERS_REGISTRY_H
#define WEIR_ADAPTERS_REGISTRY_H

#include "engine/adapter.h"

const struct adapter *registry_find(const char *name); /* NULL = there is none */
const struct adapter *registry_next(size_t *cursor);   /* one after the other, in byte order of name; NULL = the end */

/* Name, help, and a table of the options, for `weir adapters NAME`. */
void registry_describe(const struct adapter *adapter, struct buf *out);

#endif
