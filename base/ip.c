/* ip.c - addresses and networks as text. Called by the decoders, the lexer, list files, value.c and the evaluator. */
#include "base/ip.h"

#include <string.h>

#include "base/check.h"
#include "base/number_text.h"

enum { V4_BYTES = 4, V6_BYTES = 16, V6_GROUPS = 8, ADDRESS_TEXT_MAX = 45 };

static const char *const bad_address = "expected an ip address as 10.0.0.1 or 2001:db8::1";
static const char *const bad_network = "expected a network as 10.0.0.0/8 or 2001:db8::/32";

static bool is_digit(char c) { return (unsigned char)(c - '0') <= 9; }

static bool parse_v4(const char *p, const char *end, uint8_t out[V4_BYTES]) {
  for (int i = 0; i < V4_BYTES; i++) {
    if (i > 0 && (p == end || *p++ != '.')) return false;
    const char *start = p;
    unsigned number = 0;
    while (p < end && is_digit(*p) && p - start < 3) number = number * 10 + (unsigned)(*p++ - '0');
    /* A leading zero is refused: some read it as octal. */
    if (p == start || number > 255 || (*start == '0' && p - start > 1)) return false;
    out[i] = (uint8_t)number;
  }
  return p == end;
}

static int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 4291, 2.2: groups, one `::` for one or more groups of zeros, the last 32 bits perhaps as v4. */
static bool parse_v6(const char *p, const char *end, uint8_t out[V6_BYTES]) {
  uint8_t bytes[V6_BYTES] = {0};
  int count = 0, gap = -1; /* bytes so far; where the `::` stood */
  if (end - p >= 2 && p[0] == ':' && p[1] == ':') gap = 0, p += 2;
  while (p < end) {
    const char *start = p;
    unsigned group = 0;
    while (p < end && p - start < 4 && hex_value(*p) >= 0) group = group * 16 + (unsigned)hex_value(*p++);
    if (p == start) return false;
    if (p < end && *p == '.') {
      if (count > V6_BYTES - V4_BYTES || !parse_v4(start, end, bytes + count)) return false;
      count += V4_BYTES;
      break;
    }
    if (count == V6_BYTES) return false;
    bytes[count++] = (uint8_t)(group >> 8);
    bytes[count++] = (uint8_t)(group & 0xff);
    if (p == end) break;
    if (*p++ != ':' || p == end) return false; /* a single colon at the end */
    if (*p == ':') {
      if (gap >= 0) return false;
      gap = count;
      p++;
    }
  }
  if (gap < 0 ? count != V6_BYTES : count > V6_BYTES - 2) return false;
  if (gap < 0) gap = count;
  memset(out, 0, V6_BYTES);
  memcpy(out, bytes, (size_t)gap);
  memcpy(out + V6_BYTES - (count - gap), bytes + gap, (size_t)(count - gap));
  return true;
}

const char *ip_parse(struct slice text, struct ip *out) {
  struct ip ip = {0};
  if (text.length == 0 || text.length > ADDRESS_TEXT_MAX) return bad_address;
  const char *end = text.data + text.length;
  if (memchr(text.data, ':', text.length) != NULL) {
    if (!parse_v6(text.data, end, ip.bytes)) return bad_address;
    ip.length = V6_BYTES;
  } else {
    if (!parse_v4(text.data, end, ip.bytes)) return bad_address;
    ip.length = V4_BYTES;
  }
  ip.prefix = (uint8_t)(ip.length * 8);
  *out = ip;
  return NULL;
}

const char *ip_parse_network(struct slice text, struct ip *out) {
  const char *slash = text.length == 0 ? NULL : memchr(text.data, '/', text.length);
  if (slash == NULL) return bad_network;
  struct ip ip;
  if (ip_parse((struct slice){text.data, (size_t)(slash - text.data)}, &ip) != NULL) return bad_network;
  struct slice length = {slash + 1, text.length - (size_t)(slash + 1 - text.data)};
  int64_t prefix;
  if (length.length == 0 || length.length > 3 || !is_digit(length.data[0]) ||
      (length.length > 1 && length.data[0] == '0') || number_parse_int(length, &prefix) != NUMBER_OK)
    return bad_network;
  if (prefix > ip.length * 8) return "the prefix length of a network is at most 32 (v4) or 128 (v6)";
  bool host_bits = false;
  for (int i = 0; i < ip.length; i++) {
    int kept = (int)prefix - i * 8;
    uint8_t mask = (uint8_t)(kept >= 8 ? 0xffu : kept <= 0 ? 0u : 0xff00u >> kept);
    host_bits |= (ip.bytes[i] & (uint8_t)~mask) != 0;
    ip.bytes[i] = (uint8_t)(ip.bytes[i] & mask);
  }
  ip.prefix = (uint8_t)prefix;
  *out = ip;
  return host_bits ? "host bits are set behind the prefix of the network" : NULL;
}

static unsigned v4_text(char *out, const uint8_t bytes[V4_BYTES]) {
  unsigned length = 0;
  for (int i = 0; i < V4_BYTES; i++) {
    if (i > 0) out[length++] = '.';
    if (bytes[i] >= 100) out[length++] = (char)('0' + bytes[i] / 100);
    if (bytes[i] >= 10) out[length++] = (char)('0' + bytes[i] / 10 % 10);
    out[length++] = (char)('0' + bytes[i] % 10);
  }
  out[length] = '\0';
  return length;
}

static unsigned group_text(char *out, unsigned group) {
  unsigned length = 0;
  for (int shift = 12; shift >= 0; shift -= 4)
    if (group >> shift != 0 || shift == 0) out[length++] = "0123456789abcdef"[group >> shift & 15];
  return length;
}

static unsigned v6_text(char *out, const uint8_t bytes[V6_BYTES]) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  if (memcmp(bytes, mapped, sizeof mapped) == 0) {
    memcpy(out, "::ffff:", 7);
    return 7 + v4_text(out + 7, bytes + sizeof mapped);
  }
  unsigned groups[V6_GROUPS];
  for (int i = 0; i < V6_GROUPS; i++) groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
  int best = -1, best_length = 1; /* the first longest run of zeros, of two groups or more */
  for (int i = 0; i < V6_GROUPS; i++) {
    int run = i;
    while (run < V6_GROUPS && groups[run] == 0) run++;
    if (run - i > best_length) best = i, best_length = run - i;
    if (run > i) i = run;
  }
  unsigned length = 0;
  for (int i = 0; i < V6_GROUPS;) {
    if (i == best) {
      out[length++] = ':';
      out[length++] = ':';
      i += best_length;
      continue;
    }
    if (i > 0 && out[length - 1] != ':') out[length++] = ':';
    length += group_text(out + length, groups[i++]);
  }
  out[length] = '\0';
  return length;
}

unsigned ip_text(char out[IP_TEXT_MAX], const struct ip *ip) {
  check(ip->length == V4_BYTES || ip->length == V6_BYTES);
  return ip->length == V4_BYTES ? v4_text(out, ip->bytes) : v6_text(out, ip->bytes);
}

unsigned ip_network_text(char out[IP_TEXT_MAX], const struct ip *network) {
  unsigned length = ip_text(out, network);
  out[length++] = '/';
  return length + number_int_text(out + length, network->prefix);
}

struct ip ip_of_value(struct value v) {
  check(v.kind == VALUE_IP || v.kind == VALUE_NETWORK);
  struct ip ip = {.length = (uint8_t)v.length};
  if (v.length == V4_BYTES) {
    for (int i = 0; i < V4_BYTES; i++) ip.bytes[i] = (uint8_t)(v.i >> (24 - 8 * i));
  } else {
    check(v.length == V6_BYTES);
    memcpy(ip.bytes, v.ip, V6_BYTES);
  }
  ip.prefix = v.kind == VALUE_NETWORK ? v.scale : (uint8_t)(ip.length * 8);
  return ip;
}

struct value ip_value(const struct ip *ip) {
  struct value v = {.kind = VALUE_IP, .length = ip->length};
  if (ip->length == V4_BYTES) {
    for (int i = 0; i < V4_BYTES; i++) v.i = v.i << 8 | ip->bytes[i];
  } else {
    v.ip = ip->bytes;
  }
  return v;
}

struct value ip_network_value(const struct ip *network) {
  struct value v = ip_value(network);
  v.kind = VALUE_NETWORK;
  v.scale = network->prefix;
  return v;
}

bool ip_network_has(struct value network, struct value address) {
  if (network.length != address.length) return false;
  unsigned prefix = network.kind == VALUE_NETWORK ? network.scale : network.length * 8u;
  if (network.length == V4_BYTES) return prefix == 0 || (uint64_t)(network.i ^ address.i) >> (32 - prefix) == 0;
  check(network.length == V6_BYTES);
  unsigned whole = prefix / 8, bits = prefix % 8;
  if (memcmp(network.ip, address.ip, whole) != 0) return false;
  return bits == 0 || (network.ip[whole] ^ address.ip[whole]) >> (8 - bits) == 0;
}
