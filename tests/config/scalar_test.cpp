// SPDX-License-Identifier: BSD-3-Clause
#include "config/scalar.hpp"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "config/message.hpp"
#include "config/refusal.hpp"

namespace tidemark::config {
namespace {

using testing::refusal;

constexpr IntegerRange any_integer{INT64_MIN, INT64_MAX};
constexpr IntegerRange small{1, 100};
constexpr RealRange unit{0.0, true, 1.0, false};
constexpr RealRange positive{0.0, false, 1e9, true};

/// The node of a value written as `text` in a file.
Node leaf(const std::string& text) { return parse_document("k: " + text, "f").items.at(0); }

std::int64_t integer(const std::string& text) { return to_integer(leaf(text), "k", any_integer); }
double real(const std::string& text) { return to_real(leaf(text), "k", unit); }

std::string refused_integer(const std::string& text) {
  return refusal([&] { return to_integer(leaf(text), "k", small); });
}
std::string refused_real(const std::string& text) {
  return refusal([&] { return real(text); });
}
std::string refused_boolean(const std::string& text) {
  return refusal([&] { return to_boolean(leaf(text), "k"); });
}

TEST(Scalar, ReadsDecimalIntegers) {
  EXPECT_EQ(integer("0"), 0);
  EXPECT_EQ(integer("-7"), -7);
  EXPECT_EQ(integer("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(integer("-9223372036854775808"), INT64_MIN);
}

TEST(Scalar, RefusesOtherIntegers) {
  EXPECT_EQ(refused_integer("010"),
            "f:1:4: k: 010 has a leading zero; write 10, numbers are decimal");
  EXPECT_EQ(refused_integer("-007"),
            "f:1:4: k: -007 has a leading zero; write -7, numbers are decimal");
  EXPECT_EQ(refused_integer("00"), "f:1:4: k: 00 has a leading zero; write 0, numbers are decimal");
  for (const char* text : {"1e3", "1.0", "0x10", "0o17", "0b1", "1_000", "+5", "ten", "1,000",
                           "1 2", "--1", "4k", "\xD9\xA3"}) {
    EXPECT_EQ(refused_integer(text), "f:1:4: k: '" + std::string(text) +
                                         "' is not an integer; expected decimal digits only");
  }
  EXPECT_EQ(refused_integer("'16'"), "f:1:4: k: expected an integer, found the quoted text '16'");
}

TEST(Scalar, ChecksTheRangeOfIntegers) {
  EXPECT_EQ(to_integer(leaf("1"), "k", small), 1);
  EXPECT_EQ(to_integer(leaf("100"), "k", small), 100);
  for (const char* text : {"0", "101", "-1", "9223372036854775808", "99999999999999999999"}) {
    EXPECT_EQ(refused_integer(text),
              "f:1:4: k: " + std::string(text) + " is out of range, expected 1 to 100");
  }
}

TEST(Scalar, ReadsDecimalReals) {
  EXPECT_EQ(real("0.1"), 0.1);
  EXPECT_EQ(real("0"), 0.0);
  EXPECT_EQ(real("5e-1"), 0.5);
  EXPECT_EQ(real(".25"), 0.25);
  EXPECT_EQ(to_real(leaf("300"), "k", positive), 300.0);
  EXPECT_EQ(to_real(leaf("3.E+2"), "k", positive), 300.0);
  EXPECT_FALSE(std::signbit(real("-0.0")));
}

TEST(Scalar, RefusesOtherReals) {
  for (const char* text : {"nan", ".nan", "inf", ".inf", "-.Inf", "0x1p-1", "1e", "e5", ".",
                           "1.2.3", "+0.5", "0.5f", "ten", "1e+"}) {
    EXPECT_EQ(refused_real(text),
              "f:1:4: k: '" + std::string(text) + "' is not a finite decimal number");
  }
  EXPECT_EQ(refused_real("00.5"),
            "f:1:4: k: 00.5 has a leading zero; write 0.5, numbers are decimal");
  for (const char* text : {"1", "1.0", "-0.1", "1e999", "0.99999999999999999999"}) {
    EXPECT_EQ(refused_real(text),
              "f:1:4: k: " + std::string(text) + " is out of range, expected 0 <= x < 1");
  }
  EXPECT_EQ(refusal([] { return to_real(leaf("0"), "k", positive); }),
            "f:1:4: k: 0 is out of range, expected 0 < x <= 1000000000");
}

TEST(Scalar, ReadsTrueAndFalseOnly) {
  EXPECT_TRUE(to_boolean(leaf("true"), "k"));
  EXPECT_FALSE(to_boolean(leaf("false"), "k"));
  for (const char* text : {"yes", "Yes", "on", "ON", "y", "True", "TRUE", "1"}) {
    EXPECT_EQ(refused_boolean(text),
              "f:1:4: k: '" + std::string(text) + "' is not a boolean; write true");
  }
  for (const char* text : {"no", "off", "n", "False", "0"}) {
    EXPECT_EQ(refused_boolean(text),
              "f:1:4: k: '" + std::string(text) + "' is not a boolean; write false");
  }
  EXPECT_EQ(refused_boolean("maybe"), "f:1:4: k: 'maybe' is not a boolean; expected true or false");
  EXPECT_EQ(refused_boolean("\"true\""),
            "f:1:4: k: expected true or false, found the quoted text 'true'");
}

TEST(Scalar, RefusesContainersAndNothing) {
  EXPECT_EQ(refused_boolean(""), "f:1:1: k: has no value");
  EXPECT_EQ(refused_integer("null"), "f:1:1: k: has no value");
  EXPECT_EQ(refused_integer("[1, 2]"),
            "f:1:4: k: expected one value, found a list (a list of values belongs under sweep)");
  EXPECT_EQ(refused_real("{a: 1}"), "f:1:4: k: expected one value, found a mapping");
}

TEST(Scalar, ReadsText) {
  EXPECT_EQ(to_text(leaf("a b"), "k"), "a b");
  EXPECT_EQ(to_text(leaf("'true'"), "k"), "true");
  EXPECT_EQ(to_text(leaf("12"), "k"), "12");
  EXPECT_EQ(refusal([] { return to_text(leaf("''"), "k"); }), "f:1:4: k: is empty");
  EXPECT_EQ(refusal([] { return to_text(leaf("\"a\\nb\""), "k"); }),
            "f:1:4: k: 'a\\nb' holds a control character");
  EXPECT_EQ(refusal([] { return to_text(leaf(std::string(201, 'x')), "k"); }),
            "f:1:4: k: is longer than 200 bytes");
}

TEST(OneLine, EscapesAndShortens) {
  EXPECT_EQ(one_line("a\nb\tc\x7f"), "a\\nb\\x09c\\x7f");
  EXPECT_EQ(one_line("abcdef", 6), "abcdef");
  EXPECT_EQ(one_line("abcdefg", 6), "abcdef...");
  EXPECT_EQ(one_line("ab\xC3\xA9"
                     "d",
                     3),
            "ab...")
      << "no half character is left";
}

}  // namespace
}  // namespace tidemark::config
