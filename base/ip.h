/* ip.h - addresses and networks, v4 and v6. */
#ifndef WEIR_BASE_IP_H
#define WEIR_BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/value.h"

enum { IP_TEXT_MAX = 64 }; /* an address, a slash, a prefix length and a NUL */

/* Plain data. As a network `prefix` is its length, and all bits behind it are zero. */
struct ip {
  uint8_t bytes[16]; /* network order; v4 in the first 4 */
  uint8_t length;    /* 4 or 16 */
  uint8_t prefix;    /* 32 or 128 for an address */
};

/* The whole of `text`: four decimal numbers without leading zeros, or RFC 4291 text without a zone. NULL = fine, else a
 * static text that says what is wrong. */
const char *ip_parse(struct slice text, struct ip *out);
/* `10.0.0.0/8`. An address with bits set behind the prefix is refused ("host bits are set"), and *out is then the
 * network that was probably meant. */
const char *ip_parse_network(struct slice text, struct ip *out);

/* RFC 5952 (v4-mapped addresses as ::ffff:1.2.3.4). Returns the length; a NUL stands behind it. */
unsigned ip_text(char out[IP_TEXT_MAX], const struct ip *ip);
unsigned ip_network_text(char out[IP_TEXT_MAX], const struct ip *network);

/* VALUE_IP or VALUE_NETWORK to bytes, and back. A v6 value borrows the 16 bytes at `ip`. */
struct ip ip_of_value(struct value v);
struct value ip_value(const struct ip *ip);
struct value ip_network_value(const struct ip *network);

/* `network` is a VALUE_NETWORK (or a VALUE_IP: one address), `address` a VALUE_IP. v4 is never in a v6 network. */
bool ip_network_has(struct value network, struct value address);

#endif
