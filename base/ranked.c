/* ranked.c - the counted B+ tree. Called by engine/ (counters, windows). Owns its nodes in the caller's pool. */
#include "base/ranked.h"

#include "base/check.h"
#include "base/exact.h"

enum {
  LEAF_KEYS = 63,      /* 512 bytes */
  INNER_CHILDREN = 42, /* 1 KiB */
  LEAF_MIN = LEAF_KEYS / 3,
  INNER_MIN = INNER_CHILDREN / 3, /* fewer: one with its neighbour, or they share evenly */
  ROOM_MIN = 3,                   /* of the only leaf: 3, 7, 15, 31, 63 keys */
  HEIGHT_MAX = 14,                /* nodes have 14 children at least: more than 10^15 keys */
};

struct leaf {
  uint64_t count;
  int64_t keys[];
};
struct inner {
  uint64_t count;
  int64_t greatest[INNER_CHILDREN]; /* key of each child, exactly */
  uint64_t counts[INNER_CHILDREN];  /* keys below each */
  void *children[INNER_CHILDREN];
};
_Static_assert(sizeof(struct inner) <= 1024, "a block of 1 KiB");

struct path { /* from the root down */
  struct inner *nodes[HEIGHT_MAX];
  unsigned at[HEIGHT_MAX];
};

static size_t leaf_bytes(unsigned room) { return sizeof(struct leaf) + room * sizeof(int64_t); }

/* The first key that is not less. */
static unsigned leaf_lower(const struct leaf *leaf, int64_t key) {
  unsigned low = 0, count = (unsigned)leaf->count;
  while (count > 0) {
    unsigned half = count / 2;
    bool less = leaf->keys[low + half] < key;
    low = less ? low + half + 1 : low;
    count = less ? count - half - 1 : half;
  }
  return low;
}

/* The first child whose greatest key is not less; the last one if there is none. */
static unsigned inner_lower(const struct inner *inner, int64_t key) {
  unsigned low = 0, count = (unsigned)inner->count - 1;
  while (count > 0) {
    unsigned half = count / 2;
    bool less = inner->greatest[low + half] < key;
    low = less ? low + half + 1 : low;
    count = less ? count - half - 1 : half;
  }
  return low;
}

/* `count` entries from `from` on go to place `to`, of the same or another node. */
static void inner_move(struct inner *into, unsigned to, const struct inner *inner, unsigned from, uint64_t count) {
  memmove(&into->greatest[to], &inner->greatest[from], count * sizeof inner->greatest[0]);
  memmove(&into->counts[to], &inner->counts[from], count * sizeof inner->counts[0]);
  memmove(&into->children[to], &inner->children[from], count * sizeof inner->children[0]);
}

static uint64_t inner_total(const struct inner *inner) {
  uint64_t total = 0;
  for (unsigned i = 0; i < inner->count; i++) total += inner->counts[i];
  return total;
}

/* What a parent knows of child `at`, taken anew from the child. */
static void inner_note(struct inner *parent, unsigned at, bool leaves) {
  if (leaves) {
    const struct leaf *leaf = parent->children[at];
    parent->counts[at] = leaf->count;
    parent->greatest[at] = leaf->keys[leaf->count - 1];
  } else {
    const struct inner *inner = parent->children[at];
    parent->counts[at] = inner_total(inner);
    parent->greatest[at] = inner->greatest[inner->count - 1];
  }
}

/* ---- insert ---- */

/* Room for one more in the only leaf. */
static struct leaf *root_leaf(struct pool *pool, struct ranked *ranked) {
  struct leaf *leaf = ranked->root;
  if (ranked->count < ranked->room) return leaf;
  unsigned room = ranked->room == 0 ? ROOM_MIN : ranked->room * 2u + 1;
  struct leaf *bigger = pool_alloc(pool, leaf_bytes(room));
  if (leaf != NULL) {
    memcpy(bigger, leaf, leaf_bytes(ranked->room));
    pool_free(pool, leaf, leaf_bytes(ranked->room));
  } else {
    bigger->count = 0;
  }
  ranked->root = bigger;
  ranked->room = (uint16_t)room;
  return bigger;
}

/* The upper half of a full leaf becomes a new one. */
static struct leaf *leaf_split(struct pool *pool, struct leaf *leaf) {
  struct leaf *right = pool_alloc(pool, leaf_bytes(LEAF_KEYS));
  right->count = leaf->count / 2;
  leaf->count -= right->count;
  memcpy(right->keys, &leaf->keys[leaf->count], right->count * sizeof leaf->keys[0]);
  return right;
}

static struct inner *inner_split(struct pool *pool, struct inner *inner) {
  struct inner *right = pool_alloc(pool, sizeof *right);
  right->count = inner->count / 2;
  inner->count -= right->count;
  inner_move(right, 0, inner, (unsigned)inner->count, right->count);
  return right;
}

static void root_grow(struct pool *pool, struct ranked *ranked) {
  struct inner *root = pool_alloc(pool, sizeof *root);
  root->count = 1;
  root->children[0] = ranked->root;
  inner_note(root, 0, ranked->height == 0);
  ranked->root = root;
  ranked->height++;
  ranked->room = 0;
  check(ranked->height < HEIGHT_MAX);
}

/* `right` is the new right half of child `at`. */
static void inner_insert(struct inner *parent, unsigned at, void *right, bool leaves) {
  inner_move(parent, at + 2, parent, at + 1, parent->count - at - 1);
  parent->count++;
  parent->children[at + 1] = right;
  inner_note(parent, at, leaves);
  inner_note(parent, at + 1, leaves);
}

static bool child_full(const struct inner *parent, unsigned at, bool leaves) {
  if (leaves) return ((const struct leaf *)parent->children[at])->count == LEAF_KEYS;
  return ((const struct inner *)parent->children[at])->count == INNER_CHILDREN;
}

static void leaf_insert(struct leaf *leaf, int64_t key) {
  unsigned at = leaf_lower(leaf, key);
  memmove(&leaf->keys[at + 1], &leaf->keys[at], (leaf->count - at) * sizeof leaf->keys[0]);
  leaf->keys[at] = key;
  leaf->count++;
}

/* Full nodes are split on the way down, so that each parent has room for a half. */
void ranked_insert(struct pool *pool, struct ranked *ranked, int64_t key) {
  if (ranked->height == 0 && ranked->count < LEAF_KEYS) {
    leaf_insert(root_leaf(pool, ranked), key);
    ranked->count++;
    return;
  }
  if (ranked->height == 0 || ((struct inner *)ranked->root)->count == INNER_CHILDREN) root_grow(pool, ranked);
  struct inner *node = ranked->root;
  for (unsigned height = ranked->height;; height--) {
    bool leaves = height == 1;
    unsigned at = inner_lower(node, key);
    if (child_full(node, at, leaves)) {
      void *child = node->children[at];
      inner_insert(node, at, leaves ? (void *)leaf_split(pool, child) : (void *)inner_split(pool, child), leaves);
      if (node->greatest[at] < key) at++;
    }
    node->counts[at]++;
    if (key > node->greatest[at]) node->greatest[at] = key;
    if (leaves) {
      leaf_insert(node->children[at], key);
      break;
    }
    node = node->children[at];
  }
  ranked->count++;
}

/* ---- remove ---- */

static void inner_drop(struct inner *parent, unsigned at) {
  inner_move(parent, at, parent, at + 1, parent->count - at - 1);
  parent->count--;
}

/* Children at and at + 1 become one, or share evenly. */
static void leaves_even(struct pool *pool, struct inner *parent, unsigned at) {
  struct leaf *left = parent->children[at], *right = parent->children[at + 1];
  uint64_t total = left->count + right->count, keep = total <= LEAF_KEYS ? total : total / 2;
  if (keep > left->count) {
    uint64_t moved = keep - left->count;
    memcpy(&left->keys[left->count], right->keys, moved * sizeof left->keys[0]);
    memmove(right->keys, &right->keys[moved], (right->count - moved) * sizeof left->keys[0]);
  } else {
    uint64_t moved = left->count - keep;
    memmove(&right->keys[moved], right->keys, right->count * sizeof left->keys[0]);
    memcpy(right->keys, &left->keys[keep], moved * sizeof left->keys[0]);
  }
  left->count = keep;
  right->count = total - keep;
  inner_note(parent, at, true);
  if (right->count > 0) {
    inner_note(parent, at + 1, true);
  } else {
    pool_free(pool, right, leaf_bytes(LEAF_KEYS));
    inner_drop(parent, at + 1);
  }
}

static void inners_even(struct pool *pool, struct inner *parent, unsigned at) {
  struct inner *left = parent->children[at], *right = parent->children[at + 1];
  uint64_t total = left->count + right->count, keep = total <= INNER_CHILDREN ? total : total / 2;
  if (keep > left->count) {
    uint64_t moved = keep - left->count;
    inner_move(left, (unsigned)left->count, right, 0, moved);
    inner_move(right, 0, right, (unsigned)moved, right->count - moved);
  } else {
    uint64_t moved = left->count - keep;
    inner_move(right, (unsigned)moved, right, 0, right->count);
    inner_move(right, 0, left, (unsigned)keep, moved);
  }
  left->count = keep;
  right->count = total - keep;
  inner_note(parent, at, false);
  if (right->count > 0) {
    inner_note(parent, at + 1, false);
  } else {
    pool_free(pool, right, sizeof *right);
    inner_drop(parent, at + 1);
  }
}

/* The only leaf gives back room; an empty one goes. */
static void root_shrink(struct pool *pool, struct ranked *ranked) {
  struct leaf *leaf = ranked->root;
  if (ranked->count == 0) {
    pool_free(pool, leaf, leaf_bytes(ranked->room));
    *ranked = (struct ranked){0};
    return;
  }
  unsigned room = ranked->room;
  if (room <= ROOM_MIN || ranked->count > room / 4) return;
  room /= 2;
  struct leaf *smaller = pool_alloc(pool, leaf_bytes(room));
  memcpy(smaller, leaf, leaf_bytes((unsigned)ranked->count));
  pool_free(pool, leaf, leaf_bytes(ranked->room));
  ranked->root = smaller;
  ranked->room = (uint16_t)room;
}

static bool leaf_remove(struct leaf *leaf, int64_t key) {
  unsigned at = leaf_lower(leaf, key);
  if (at >= leaf->count || leaf->keys[at] != key) return false;
  leaf->count--;
  memmove(&leaf->keys[at], &leaf->keys[at + 1], (leaf->count - at) * sizeof leaf->keys[0]);
  return true;
}

/* Upwards along the path, the lowest first: what parents know, and children that have become small. */
static void path_repair(struct pool *pool, struct ranked *ranked, const struct path *path) {
  for (unsigned level = ranked->height; level-- > 0;) {
    struct inner *parent = path->nodes[level];
    unsigned at = path->at[level];
    bool leaves = level + 1u == ranked->height;
    uint64_t count =
        leaves ? ((struct leaf *)parent->children[at])->count : ((struct inner *)parent->children[at])->count;
    bool is_small = count < (leaves ? LEAF_MIN : INNER_MIN);
    if (is_small) { /* a parent has two children at least */
      if (at + 1 == parent->count) at--;
      if (leaves)
        leaves_even(pool, parent, at);
      else
        inners_even(pool, parent, at);
    } else {
      parent->counts[at]--;
      parent->greatest[at] = leaves ? ((struct leaf *)parent->children[at])->keys[count - 1]
                                    : ((struct inner *)parent->children[at])->greatest[count - 1];
    }
  }
  struct inner *root = ranked->root;
  if (root->count > 1) return;
  ranked->root = root->children[0];
  pool_free(pool, root, sizeof *root);
  if (--ranked->height == 0) ranked->room = LEAF_KEYS;
}

bool ranked_remove(struct pool *pool, struct ranked *ranked, int64_t key) {
  if (ranked->count == 0) return false;
  struct path path;
  void *node = ranked->root;
  for (unsigned level = 0; level < ranked->height; level++) {
    struct inner *inner = node;
    path.nodes[level] = inner;
    path.at[level] = inner_lower(inner, key);
    node = inner->children[path.at[level]];
  }
  if (!leaf_remove(node, key)) return false;
  ranked->count--;
  if (ranked->height > 0)
    path_repair(pool, ranked, &path);
  else
    root_shrink(pool, ranked);
  return true;
}

/* ---- ask ---- */

void ranked_select_two(const struct ranked *ranked, uint64_t rank, int64_t keys[2]) {
  check(rank < ranked->count);
  const void *node = ranked->root;
  int64_t next_least = 0;
  const void *next = NULL; /* the subtree that follows, and its height */
  unsigned next_height = 0;
  bool last = rank + 1 == ranked->count;
  for (unsigned height = ranked->height; height > 0; height--) {
    const struct inner *inner = node;
    unsigned at = 0;
    while (inner->counts[at] <= rank) rank -= inner->counts[at++]; /* ends: rank < the keys below this node */
    if (at + 1 < inner->count) {
      next = inner->children[at + 1];
      next_height = height - 1;
    }
    node = inner->children[at];
  }
  const struct leaf *leaf = node;
  keys[0] = leaf->keys[rank];
  if (rank + 1 < leaf->count) {
    next_least = leaf->keys[rank + 1];
  } else if (last) {
    next_least = keys[0];
  } else {
    for (; next_height > 0; next_height--) next = ((const struct inner *)next)->children[0];
    next_least = ((const struct leaf *)next)->keys[0];
  }
  keys[1] = next_least;
}

int64_t ranked_select(const struct ranked *ranked, uint64_t rank) {
  int64_t keys[2];
  ranked_select_two(ranked, rank, keys);
  return keys[0];
}

uint64_t ranked_below(const struct ranked *ranked, int64_t key) {
  if (ranked->count == 0) return 0;
  const void *node = ranked->root;
  uint64_t below = 0;
  for (unsigned height = ranked->height; height > 0; height--) {
    const struct inner *inner = node;
    unsigned at = inner_lower(inner, key);
    for (unsigned i = 0; i < at; i++) below += inner->counts[i];
    node = inner->children[at];
  }
  return below + leaf_lower(node, key);
}

/* ---- all keys in order, and all nodes ---- */

struct walk {
  struct path path;
  const struct leaf *leaf;
  uint64_t at; /* of the next key in the leaf */
  unsigned height;
};

static void walk_down(struct walk *walk, const void *node, unsigned level) {
  for (; level < walk->height; level++) {
    walk->path.nodes[level] = (struct inner *)node;
    walk->path.at[level] = 0;
    node = ((const struct inner *)node)->children[0];
  }
  walk->leaf = node;
  walk->at = 0;
}

static void walk_start(struct walk *walk, const struct ranked *ranked) {
  walk->height = ranked->height;
  walk->leaf = NULL;
  if (ranked->count > 0) walk_down(walk, ranked->root, 0);
}

/* The next leaf, once all keys of this one were taken; NULL at the end. */
static void walk_next_leaf(struct walk *walk) {
  for (unsigned level = walk->height; level-- > 0;) {
    struct inner *inner = walk->path.nodes[level];
    if (walk->path.at[level] + 1 >= inner->count) continue;
    void *child = inner->children[++walk->path.at[level]];
    walk_down(walk, child, level + 1);
    return;
  }
  walk->leaf = NULL;
}

/* walk->leaf is not NULL. */
static inline int64_t walk_key(const struct walk *walk) { return walk->leaf->keys[walk->at]; }
static inline void walk_step(struct walk *walk) {
  if (++walk->at == walk->leaf->count) walk_next_leaf(walk);
}

void ranked_each(const struct ranked *ranked, void (*each)(void *context, int64_t key), void *context) {
  struct walk walk;
  for (walk_start(&walk, ranked); walk.leaf != NULL; walk_step(&walk)) each(context, walk_key(&walk));
}

/* Bytes of all blocks; freed on the way if `pool` is given, children before their parent. */
static size_t all_blocks(struct pool *pool, const struct ranked *ranked) {
  if (ranked->count == 0) return 0;
  if (ranked->height == 0) {
    pool_free(pool, pool == NULL ? NULL : ranked->root, leaf_bytes(ranked->room));
    return leaf_bytes(ranked->room);
  }
  size_t bytes = 0;
  struct path path;
  unsigned level = 0;
  path.nodes[0] = ranked->root;
  path.at[0] = 0;
  for (;;) {
    struct inner *inner = path.nodes[level];
    if (level + 1u == ranked->height) {
      bytes += inner->count * leaf_bytes(LEAF_KEYS) + sizeof *inner;
      for (unsigned i = 0; pool != NULL && i < inner->count; i++)
        pool_free(pool, inner->children[i], leaf_bytes(LEAF_KEYS));
    } else if (path.at[level] < inner->count) {
      path.nodes[level + 1] = inner->children[path.at[level]++];
      path.at[++level] = 0;
      continue;
    } else {
      bytes += sizeof *inner;
    }
    if (pool != NULL) pool_free(pool, inner, sizeof *inner);
    if (level == 0) return bytes;
    level--;
  }
}

void ranked_free(struct pool *pool, struct ranked *ranked) {
  all_blocks(pool, ranked);
  *ranked = (struct ranked){0};
}

size_t ranked_bytes(const struct ranked *ranked) { return all_blocks(NULL, ranked); }

/* ---- merge ---- */

/* A tree of `total` keys that come in order: the nodes of each height have equally many children, but for one. */
struct building {
  struct pool *pool;
  struct leaf *leaf;
  struct inner *nodes[HEIGHT_MAX]; /* [height - 1]: the one that is being filled */
  uint64_t counts[HEIGHT_MAX + 1]; /* of nodes at each height, 0 the leaves */
  uint64_t done[HEIGHT_MAX + 1];
  uint64_t total;
  unsigned height;
};

/* Children of the next node at a height. */
static uint64_t share(const struct building *b, unsigned height) {
  uint64_t below = height == 0 ? b->total : b->counts[height - 1], nodes = b->counts[height];
  return below / nodes + (b->done[height] < below % nodes);
}

static void building_attach(struct building *b, void *child, unsigned child_height) {
  for (unsigned height = child_height + 1; height <= b->height; height++) { /* goes on where a node became full */
    struct inner *inner = b->nodes[height - 1];
    if (inner == NULL) {
      inner = b->nodes[height - 1] = pool_alloc(b->pool, sizeof *inner);
      inner->count = 0;
    }
    inner->children[inner->count] = child;
    inner_note(inner, (unsigned)inner->count++, height == 1);
    if (inner->count < share(b, height)) return;
    b->done[height]++;
    if (height == b->height) return;
    b->nodes[height - 1] = NULL;
    child = inner;
  }
}

static void building_add(struct building *b, int64_t key) {
  if (b->leaf == NULL) {
    b->leaf = pool_alloc(b->pool, leaf_bytes(LEAF_KEYS));
    b->leaf->count = 0;
  }
  b->leaf->keys[b->leaf->count++] = key;
  if (b->leaf->count < share(b, 0)) return;
  b->done[0]++;
  if (b->height == 0) return;
  building_attach(b, b->leaf, 0);
  b->leaf = NULL;
}

static struct ranked merged(struct pool *pool, const struct ranked *a, const struct ranked *b) {
  struct building building = {.pool = pool, .total = a->count + b->count};
  building.counts[0] = (building.total + LEAF_KEYS - 1) / LEAF_KEYS;
  while (building.counts[building.height] > 1) {
    building.height++;
    check(building.height < HEIGHT_MAX);
    building.counts[building.height] = (building.counts[building.height - 1] + INNER_CHILDREN - 1) / INNER_CHILDREN;
  }
  struct walk left, right;
  walk_start(&left, a);
  walk_start(&right, b);
  while (left.leaf != NULL || right.leaf != NULL) { /* ends: each step takes a key */
    struct walk *from =
        right.leaf == NULL || (left.leaf != NULL && walk_key(&left) <= walk_key(&right)) ? &left : &right;
    building_add(&building, walk_key(from));
    walk_step(from);
  }
  return (struct ranked){.root =
                             building.height == 0 ? (void *)building.leaf : (void *)building.nodes[building.height - 1],
                         .count = building.total,
                         .height = (uint16_t)building.height,
                         .room = building.height == 0 ? LEAF_KEYS : 0};
}

void ranked_merge(struct pool *pool, struct ranked *into, const struct ranked *from) {
  enum { SMALL_SHARE = 8 }; /* an insert costs as much as about so many steps of a merge */
  if (from->count == 0) return;
  if (from->count < into->count / SMALL_SHARE || into->count + from->count <= LEAF_KEYS) {
    struct walk walk;
    for (walk_start(&walk, from); walk.leaf != NULL; walk_step(&walk)) ranked_insert(pool, into, walk_key(&walk));
    return;
  }
  struct ranked whole = merged(pool, into, from);
  ranked_free(pool, into);
  *into = whole;
}

/* ---- values ---- */

struct value ranked_value(int64_t key, struct type type) {
  struct value value = {.i = key, .kind = type.kind, .scale = type.scale};
  if (type.kind == VALUE_FLOAT) value.i = key ^ (int64_t)((uint64_t)(key >> 63) >> 1);
  return value;
}

/* `product` without its lowest `bits` bits, made odd if one of them was set. */
static exact_int odd_below(exact_int product, int bits) {
  if (product == 0) return 0;
  if (bits > 64) return 1;
  exact_int kept = product >> bits;
  return kept << bits == product ? kept : kept | 1;
}

/* low * (100 - hundredths) + high * hundredths, over 100: exact, rounded once. What is more than FAR bits below the
 * other one is held in its units: it cannot reach what is rounded to, so of what falls off only one bit matters, that
 * there was something. */
static double between_floats(double low, double high, unsigned hundredths) {
  enum { FAR = 60 };
  uint64_t a, b;
  int a_exponent, b_exponent;
  bool a_negative = exact_split(low, &a, &a_exponent), b_negative = exact_split(high, &b, &b_exponent);
  if (a == 0) a_exponent = b_exponent;
  if (b == 0) b_exponent = a_exponent;
  int apart = a_exponent - b_exponent;
  exact_int left = (exact_int)a * (100 - hundredths), right = (exact_int)b * hundredths;
  if (apart > FAR) {
    right = odd_below(right, apart - FAR);
    apart = FAR;
  } else if (apart < -FAR) {
    left = odd_below(left, -apart - FAR);
    apart = -FAR;
  }
  left <<= apart > 0 ? apart : 0;
  right <<= apart < 0 ? -apart : 0;
  exact_int both = (a_negative ? -left : left) + (b_negative ? -right : right);
  int unit = apart > 0 ? a_exponent - apart : b_exponent + apart;
  return exact_ratio(both < 0, exact_magnitude(both), 100, unit);
}

struct value ranked_between(int64_t low, int64_t high, unsigned hundredths, struct type type) {
  if (type.kind == VALUE_FLOAT) {
    struct value a = ranked_value(low, type), b = ranked_value(high, type);
    return hundredths == 0 || low == high ? a : value_float(between_floats(a.f, b.f, hundredths));
  }
  exact_int both = (exact_int)low * (100 - (int)hundredths) + (exact_int)high * (int)hundredths;
  if (type.kind == VALUE_DURATION) return value_duration((int64_t)exact_round_away(both, 100));
  exact_uint divisor = (exact_uint)100 * (exact_uint)exact_power10[type.scale];
  return value_float(exact_ratio(both < 0, exact_magnitude(both), divisor, 0));
}

struct value ranked_percentile(const struct ranked *ranked, unsigned percent, struct type type) {
  check(percent <= 100);
  if (ranked->count == 0) return value_null();
  exact_uint hundredths = (exact_uint)(ranked->count - 1) * percent;
  int64_t keys[2];
  ranked_select_two(ranked, (uint64_t)(hundredths / 100), keys);
  return ranked_between(keys[0], keys[1], (unsigned)(hundredths % 100), type);
}
