/* floors: base */
/* Addresses and networks as text and values; containment; agreement with the C library. */
#include "test.h"

#include <arpa/inet.h>

#include "base/ip.h"

static const char *canonical(const char *text) {
  static char out[IP_TEXT_MAX];
  struct ip ip;
  const char *wrong = ip_parse(slice_of(text), &ip);
  if (wrong != NULL) return wrong;
  return ip_text(out, &ip) == strlen(out) ? out : "wrong length";
}

TEST(addresses) {
  EXPECT_TEXT(canonical("10.0.0.1"), "10.0.0.1");
  EXPECT_TEXT(canonical("0.0.0.0"), "0.0.0.0");
  EXPECT_TEXT(canonical("255.255.255.255"), "255.255.255.255");
  EXPECT_TEXT(canonical("100.20.3.110"), "100.20.3.110");
  EXPECT_TEXT(canonical("::"), "::");
  EXPECT_TEXT(canonical("::1"), "::1");
  EXPECT_TEXT(canonical("1::"), "1::");
  EXPECT_TEXT(canonical("2001:0DB8:0000:0000:0000:0000:0000:0001"), "2001:db8::1");
  EXPECT_TEXT(canonical("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");    /* of equal runs the first */
  EXPECT_TEXT(canonical("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");          /* the longest */
  EXPECT_TEXT(canonical("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1"); /* a single group is not shortened */
  EXPECT_TEXT(canonical("2001:db8::1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_TEXT(canonical("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0");
  EXPECT_TEXT(canonical("::2:3:4:5:6:7:8"), "0:2:3:4:5:6:7:8");
  EXPECT_TEXT(canonical("1:0:0:0:0:0:0:0"), "1::");
  EXPECT_TEXT(canonical("::FFFF:1.2.3.4"), "::ffff:1.2.3.4");
  EXPECT_TEXT(canonical("::ffff:102:304"), "::ffff:1.2.3.4");
  EXPECT_TEXT(canonical("64:ff9b::1.2.3.4"), "64:ff9b::102:304");
  EXPECT_TEXT(canonical("1:2:3:4:5:6:1.2.3.4"), "1:2:3:4:5:6:102:304");
}

TEST(no_addresses) {
  static const char *const bad[] = {"",
                                    "1",
                                    "1.2.3",
                                    "1.2.3.4.5",
                                    "1.2.3.256",
                                    "01.2.3.4",
                                    "1.2.3.04",
                                    "1.2.3.4 ",
                                    " 1.2.3.4",
                                    "1..2.3",
                                    "1.2.3.",
                                    ".1.2.3",
                                    "1.2.3.-4",
                                    "1.2.3.4/8",
                                    "0x1.2.3.4",
                                    "1.2.3.1000",
                                    ":",
                                    ":::",
                                    "1:2:3:4:5:6:7",
                                    "1:2:3:4:5:6:7:8:9",
                                    "1::2::3",
                                    "12345::",
                                    "g::",
                                    "::1%eth0",
                                    "1:2:3:4:5:6:7:8::",
                                    "::1:2:3:4:5:6:7:8",
                                    "1:",
                                    ":1",
                                    "::1:",
                                    "[::1]",
                                    "1:2:3:4:5:6:7:1.2.3.4",
                                    "::1.2.3",
                                    "::1.2.3.4:5",
                                    "::01.2.3.4",
                                    "1.2.3.4::",
                                    "::.1.2.3",
                                    "1:2:3:4:5:6:7:8:",
                                    "2001:db8::1/64",
                                    "00000000000000000000000000000000000000000000000::1"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    EXPECT_TEXT(canonical(bad[i]), "expected an ip address as 10.0.0.1 or 2001:db8::1");
  struct ip ip;
  EXPECT(ip_parse((struct slice){NULL, 0}, &ip) != NULL);
  EXPECT(ip_parse((struct slice){"1.2.3\0.4", 8}, &ip) != NULL);
}

TEST(as_the_c_library) {
  uint64_t random = 9;
  for (int i = 0; i < 200000; i++) { /* texts that are nearly addresses */
    char text[48];
    int length = 0;
    static const char letters[] = "0123456789abcdef::::..12250F";
    random = random * 6364136223846793005u + 1442695040888963407u;
    int groups = 2 + (int)(random >> 40) % 8;
    for (int g = 0; g < groups && length < 38; g++) {
      int digits = (int)(random >> (g * 3 + 8)) % 4;
      for (int d = 0; d < digits; d++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        text[length++] = letters[(random >> 33) % (i % 3 == 0 ? sizeof letters - 1 : 10)];
      }
      if (g + 1 < groups) text[length++] = i % 2 ? ':' : '.';
      if (i % 2 && (random >> 50) % 4 == 0) text[length++] = ':';
    }
    text[length] = '\0';
    struct ip ip;
    unsigned char bytes[16];
    bool v6 = strchr(text, ':') != NULL;
    bool theirs = inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) == 1;
    bool ours = ip_parse(slice_of(text), &ip) == NULL;
    if (ours != theirs || (ours && memcmp(ip.bytes, bytes, ip.length) != 0)) printf("  %s\n", text);
    EXPECT(ours == theirs && (!ours || memcmp(ip.bytes, bytes, ip.length) == 0));
  }
}

TEST(texts_read_back) {
  uint64_t random = 11;
  for (int i = 0; i < 100000; i++) {
    struct ip ip = {.length = i % 4 == 0 ? 4 : 16}, back;
    for (int b = 0; b < ip.length; b++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      ip.bytes[b] = (random >> 40) % 3 == 0 ? (uint8_t)(random >> 50) : 0;
    }
    char text[IP_TEXT_MAX];
    ip_text(text, &ip);
    EXPECT(ip_parse(slice_of(text), &back) == NULL && memcmp(ip.bytes, back.bytes, 16) == 0);
    struct ip of_value = ip_of_value(ip_value(&back));
    EXPECT(memcmp(&of_value, &back, sizeof back) == 0);
  }
}

static const char *network(const char *text) {
  static char out[IP_TEXT_MAX];
  struct ip ip;
  const char *wrong = ip_parse_network(slice_of(text), &ip);
  if (wrong != NULL) return wrong;
  ip_network_text(out, &ip);
  return out;
}

TEST(networks) {
  EXPECT_TEXT(network("10.0.0.0/8"), "10.0.0.0/8");
  EXPECT_TEXT(network("0.0.0.0/0"), "0.0.0.0/0");
  EXPECT_TEXT(network("1.2.3.4/32"), "1.2.3.4/32");
  EXPECT_TEXT(network("2001:DB8::/32"), "2001:db8::/32");
  EXPECT_TEXT(network("::/0"), "::/0");
  EXPECT_TEXT(network("::1/128"), "::1/128");
  EXPECT_TEXT(network("10.0.0.1/8"), "host bits are set behind the prefix of the network");
  EXPECT_TEXT(network("2001:db8::8000/112"), "host bits are set behind the prefix of the network");
  EXPECT_TEXT(network("10.0.0.0/33"), "the prefix length of a network is at most 32 (v4) or 128 (v6)");
  EXPECT_TEXT(network("::/129"), "the prefix length of a network is at most 32 (v4) or 128 (v6)");
  static const char *const bad[] = {
      "",         "/",  "10.0.0.0",     "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8 ", "10.0.0.0/8/8",
      "10.0.0/8", "/8", "10.0.0.0/0000"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    EXPECT_TEXT(network(bad[i]), "expected a network as 10.0.0.0/8 or 2001:db8::/32");
  struct ip meant;
  char text[IP_TEXT_MAX];
  EXPECT(ip_parse_network(SLICE("10.20.30.40/12"), &meant) != NULL);
  ip_network_text(text, &meant);
  EXPECT_TEXT(text, "10.16.0.0/12");
}

static bool has(const char *net, const char *address) {
  struct ip n, a;
  EXPECT(ip_parse_network(slice_of(net), &n) == NULL && ip_parse(slice_of(address), &a) == NULL);
  return ip_network_has(ip_network_value(&n), ip_value(&a));
}

TEST(containment) {
  EXPECT(has("10.0.0.0/8", "10.255.255.255"));
  EXPECT(!has("10.0.0.0/8", "11.0.0.0"));
  EXPECT(has("0.0.0.0/0", "255.1.2.3"));
  EXPECT(has("1.2.3.4/32", "1.2.3.4"));
  EXPECT(!has("1.2.3.4/32", "1.2.3.5"));
  EXPECT(has("128.0.0.0/1", "200.0.0.0"));
  EXPECT(!has("128.0.0.0/1", "127.255.255.255"));
  EXPECT(has("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT(!has("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT(has("::/0", "2001:db8::1"));
  EXPECT(!has("::/0", "1.2.3.4"));
  EXPECT(!has("0.0.0.0/0", "::1"));
  EXPECT(has("::1/128", "::1"));
  EXPECT(!has("::1/128", "::2"));
  struct ip a, b;
  ip_parse(SLICE("1.2.3.4"), &a);
  ip_parse(SLICE("::1"), &b);
  EXPECT(ip_network_has(ip_value(&a), ip_value(&a))); /* an address in a list stands for itself */
  EXPECT(ip_network_has(ip_value(&b), ip_value(&b)));
  EXPECT(!ip_network_has(ip_value(&a), ip_value(&b)));
}

TEST_MAIN
