// SPDX-License-Identifier: BSD-3-Clause
#include "config/byte_size.hpp"

#include <string>

#include <gtest/gtest.h>

#include "config/refusal.hpp"

namespace tidemark::config {
namespace {

using testing::refusal;

std::int64_t bytes(const std::string& text) { return parse_byte_size(text, "--device-memory"); }

std::string refused(const std::string& text) {
  return refusal([&] { return bytes(text); });
}

TEST(ByteSize, KnowsEveryUnit) {
  EXPECT_EQ(bytes("7B"), 7);
  EXPECT_EQ(bytes("7kB"), 7'000);
  EXPECT_EQ(bytes("7MB"), 7'000'000);
  EXPECT_EQ(bytes("80GB"), 80'000'000'000);
  EXPECT_EQ(bytes("7TB"), 7'000'000'000'000);
  EXPECT_EQ(bytes("7KiB"), 7 * 1024);
  EXPECT_EQ(bytes("7MiB"), 7 * 1024 * 1024);
  EXPECT_EQ(bytes("80GiB"), 85'899'345'920);
  EXPECT_EQ(bytes("7TiB"), 7'696'581'394'432);
}

TEST(ByteSize, TakesPrefixesOfEitherCaseAndOneSpace) {
  EXPECT_EQ(bytes("7KB"), bytes("7kB"));
  EXPECT_EQ(bytes("7kiB"), bytes("7KiB"));
  EXPECT_EQ(bytes("7mB"), bytes("7MB"));
  EXPECT_EQ(bytes("7giB"), bytes("7GiB"));
  EXPECT_EQ(bytes("7tB"), bytes("7TB"));
  EXPECT_EQ(bytes("80 GB"), bytes("80GB"));
}

TEST(ByteSize, RoundsFractionsDownExactly) {
  EXPECT_EQ(bytes("79.6GiB"), 85'469'849'190);  // 85469849190.4
  EXPECT_EQ(bytes("0.5TB"), 500'000'000'000);
  EXPECT_EQ(bytes("1.5B"), 1);
  EXPECT_EQ(bytes("0.001kB"), 1);
  EXPECT_EQ(bytes("0.29kB"), 290) << "0.29 x 1000 is less than 290 in floating point";
  EXPECT_EQ(bytes("1.0009765625KiB"), 1025);
  EXPECT_EQ(bytes("1.0009765624KiB"), 1024);
  EXPECT_EQ(bytes("1." + std::string(100, '9') + "TiB"), 2 * bytes("1TiB") - 1);
  EXPECT_EQ(bytes("1.100000000000TB"), 1'100'000'000'000);
}

TEST(ByteSize, RefusesWhatIsNoSize) {
  for (const char* text :
       {"80",     "",      "GB",      " 80GB",     "80GB ",  "80  GB", "80\tGB",
        "80Gb",   "80gb",  "80GIB",   "80G",       "80Gi",   "80PB",   "80bytes",
        "-80GB",  "+80GB", "nan",     "nanGB",     "inf",    "infGB",  "1e3GB",
        "0x10GB", "1,5GB", "1_000GB", ".5GB",      "5.GB",   ".GB",    "1.2.3GB",
        "80GBGB", "80 ",   "80.5",    "eighty GB", "80GB80", "80kiiB", "80\u00a0GB"}) {
    EXPECT_EQ(refused(text).find("command line: --device-memory: '"), 0U) << text;
    EXPECT_TRUE(refused(text).ends_with("' is not a size; expected a size such as 80GB or 79.6GiB"))
        << text << " gave " << refused(text);
  }
  EXPECT_EQ(refused("80"),
            "command line: --device-memory: '80' is not a size; expected a size such as 80GB or "
            "79.6GiB");
  EXPECT_EQ(refused("8\n0GB"),
            "command line: --device-memory: '8\\n0GB' is not a size; expected a size such as 80GB "
            "or 79.6GiB");
}

TEST(ByteSize, RefusesLessThanOneByte) {
  for (const char* text : {"0B", "0GB", "0.0TiB", "0.9B", "0.0009kB"}) {
    EXPECT_EQ(refused(text),
              "command line: --device-memory: '" + std::string(text) + "' is less than one byte");
  }
}

TEST(ByteSize, StopsAtTheEndOf63Bits) {
  EXPECT_EQ(bytes("9223372036854775807B"), INT64_MAX);
  EXPECT_EQ(bytes("8388607.9999999TiB"), 9223372036854665856);
  EXPECT_EQ(bytes("9223372.036854775807TB"), INT64_MAX);
  for (const char* text : {"9223372036854775808B", "9223372.036854775808TB", "8388608TiB",
                           "99999999999999999999999999B", "9223372036854775807KiB"}) {
    EXPECT_EQ(refused(text),
              "command line: --device-memory: '" + std::string(text) + "' is over 2^63 - 1 bytes");
  }
}

}  // namespace
}  // namespace tidemark::config
