#include "theory/activation.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/error.hpp"
#include "cases.hpp"

namespace tidemark::theory {
namespace {

using testing::make_case;

constexpr std::int64_t mebibyte = 1 << 20;

std::map<std::string, std::int64_t> by_name(const config::Case& c, std::int64_t w) {
  std::map<std::string, std::int64_t> bytes;
  for (const SavedTensor& tensor : saved_tensors_per_layer(c, w)) bytes[tensor.name] = tensor.bytes;
  return bytes;
}

TEST(ActivationTheory, EveryTensorUnderTensorParallelism) {
  config::Case c = make_case(8, 3, 16, 4, 2);
  c.model.ffn_hidden_size = 40;
  const std::map<std::string, std::int64_t> expected{
      {"norm1 input", 1536},               // 8·3·16·4
      {"norm1 statistics", 192},           // 8·3·2·4
      {"qkv input", 1536},                 // 8·3·16·4
      {"qkv", 2304},                       // 8·3·24·4
      {"softmax output", 1536},            // 3·2·8·8·4
      {"attention dropout mask", 384},     // 3·2·8·8
      {"attention dropout output", 1536},  // 3·2·8·8·4
      {"proj input", 768},                 // 8·3·8·4
      {"hidden dropout mask 1", 384},      // 8·3·16
      {"norm2 input", 1536},               // 8·3·16·4
      {"norm2 statistics", 192},           // 8·3·2·4
      {"fc1 input", 1536},                 // 8·3·16·4
      {"gelu input", 1920},                // 8·3·20·4
      {"fc2 input", 1920},                 // 8·3·20·4
      {"hidden dropout mask 2", 384}};     // 8·3·16
  EXPECT_EQ(by_name(c, 4), expected);
  EXPECT_EQ(saved_bytes_per_layer(c, 4), 17280);
  EXPECT_EQ(norm_statistics_bytes_per_layer(c, 4), 384);
}

TEST(ActivationTheory, SequenceParallelismShardsWhatTensorParallelismLeavesWhole) {
  config::Case c = make_case(8, 3, 16, 4, 2);
  auto expected = by_name(c, 8);
  for (const char* whole :
       {"norm1 input", "norm1 statistics", "qkv input", "hidden dropout mask 1", "norm2 input",
        "norm2 statistics", "fc1 input", "hidden dropout mask 2"}) {
    expected.at(whole) /= 2;
  }
  c.parallel.sequence = true;
  EXPECT_EQ(by_name(c, 8), expected);

  c.parallel.keep_gathered = true;
  expected.at("qkv input") *= 2;
  expected.at("fc1 input") *= 2;
  EXPECT_EQ(by_name(c, 8), expected);
}

TEST(ActivationTheory, OrderIsThatOfTheForwardPass) {
  const auto tensors = saved_tensors_per_layer(make_case(8, 1, 16, 4));
  ASSERT_EQ(tensors.size(), 15U);
  EXPECT_EQ(tensors.front().name, "norm1 input");
  EXPECT_EQ(tensors[3].name, "qkv");
  EXPECT_EQ(tensors.back().name, "hidden dropout mask 2");
}

TEST(ActivationTheory, OnlyNormStatisticsAreOutsideTheFormula) {
  for (const SavedTensor& tensor : saved_tensors_per_layer(make_case(8, 1, 16, 4))) {
    const bool statistics = tensor.name.find("statistics") != std::string::npos;
    EXPECT_EQ(tensor.in_formula, !statistics) << tensor.name;
  }
}

TEST(ActivationTheory, ZeroDropoutStoresNeitherMasksNorOutput) {
  const config::Case full = make_case(16, 2, 32, 4, 2);
  config::Case c = full;
  c.model.attention_dropout = 0.0;
  const std::int64_t square = 2 * 2 * 16 * 16;  // [b, a/t, s, s]
  EXPECT_EQ(saved_bytes_per_layer(c, 4), saved_bytes_per_layer(full, 4) - square * (1 + 4));
  EXPECT_FALSE(by_name(c, 4).contains("attention dropout mask"));
  EXPECT_FALSE(by_name(c, 4).contains("attention dropout output"));
  EXPECT_FALSE(paper_bytes_per_layer(c, 4).has_value());

  c = full;
  c.model.hidden_dropout = 0.0;
  EXPECT_EQ(saved_bytes_per_layer(c, 4), saved_bytes_per_layer(full, 4) - 2 * 16 * 2 * 32);
  EXPECT_FALSE(by_name(c, 4).contains("hidden dropout mask 1"));
  EXPECT_FALSE(by_name(c, 4).contains("hidden dropout mask 2"));
  EXPECT_FALSE(paper_bytes_per_layer(c, 4).has_value());
}

TEST(ActivationTheory, PublishedExamplesInMebibytes) {
  const config::Case gpt22b = make_case(2048, 4, 6144, 64, 8);
  EXPECT_EQ(saved_bytes_per_layer(gpt22b, 2), 1264 * mebibyte);
  EXPECT_EQ(saved_bytes_per_layer(make_case(2048, 4, 6144, 64, 8, true), 2), 844 * mebibyte);
  const config::Case gpt175b = make_case(2048, 1, 12288, 96, 8);
  EXPECT_EQ(saved_bytes_per_layer(gpt175b, 2), 552 * mebibyte);
  EXPECT_EQ(saved_bytes_per_layer(make_case(2048, 1, 12288, 96, 8, true), 2), 342 * mebibyte);
}

TEST(ActivationTheory, ClosedFormulaWithTwoByteElements) {
  // sbh (34 + 5as/h) and sbh (10 + 24/t + 5as/(ht)) with s 4, b 1, h 8, a 2: 5as/h is 5.
  EXPECT_EQ(paper_bytes_per_layer(make_case(4, 1, 8, 2), 2), 32 * (34 + 5));
  EXPECT_EQ(paper_bytes_per_layer(make_case(4, 1, 8, 2, 2), 2), 32 * 10 + 16 * (24 + 5));
  EXPECT_EQ(paper_bytes_per_layer(make_case(4, 1, 8, 2, 2, true), 2), 16 * (34 + 5));
}

TEST(ActivationTheory, ClosedFormulaEqualsTheSumOfTensors) {
  int compared = 0;
  for (const std::int64_t t : {1, 2, 4, 8}) {
    for (const std::int64_t s : {8, 24, 1024}) {
      for (const std::int64_t b : {1, 3}) {
        for (const std::int64_t head : {1, 5, 64}) {
          for (const int mode : {0, 1, 2}) {
            config::Case c = make_case(s, b, 16 * head, 16, t, mode > 0);
            c.parallel.keep_gathered = mode == 2;
            for (const std::int64_t w : {2, 4, 8}) {
              EXPECT_EQ(paper_bytes_per_layer(c, w), saved_bytes_per_layer(c, w))
                  << "t " << t << " s " << s << " b " << b << " h " << 16 * head << " mode " << mode
                  << " w " << w;
              ++compared;
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(compared, 4 * 3 * 2 * 3 * 3 * 3);
}

TEST(ActivationTheory, ClosedFormulaSpeaksOnlyOfFourfoldFeedForward) {
  config::Case c = make_case(8, 1, 16, 4);
  ASSERT_TRUE(paper_bytes_per_layer(c).has_value());
  c.model.ffn_hidden_size = 60;
  EXPECT_FALSE(paper_bytes_per_layer(c).has_value());
}

TEST(ActivationTheory, SequenceParallelismDividesAllOfOneRank) {
  const std::int64_t one = saved_bytes_per_layer(make_case(1024, 1, 2048, 16));
  EXPECT_EQ(saved_bytes_per_layer(make_case(1024, 1, 2048, 16, 4, true)) * 4, one);
  EXPECT_GT(saved_bytes_per_layer(make_case(1024, 1, 2048, 16, 4)) * 4, one);
  // With one rank there is nothing to shard, whatever the case asks for.
  EXPECT_EQ(saved_bytes_per_layer(make_case(1024, 1, 2048, 16, 1, true)), one);
}

TEST(ActivationTheory, ElementBytesDefaultToThePrecision) {
  config::Case c = make_case(8, 1, 16, 4);
  c.precision = DType::fp64;
  EXPECT_EQ(saved_bytes_per_layer(c), saved_bytes_per_layer(c, 8));
  EXPECT_EQ(paper_bytes_per_layer(c), paper_bytes_per_layer(c, 8));
  EXPECT_EQ(norm_statistics_bytes_per_layer(c), 2 * 8 * 2 * 8);
  c.precision = DType::fp32;
  EXPECT_EQ(saved_bytes_per_layer(c), saved_bytes_per_layer(c, 4));
}

TEST(ActivationTheory, RefusesWhatItCannotCount) {
  const std::int64_t huge = std::int64_t{1} << 31;
  EXPECT_THROW(saved_bytes_per_layer(make_case(huge, 1, huge, 16)), RunError);
  EXPECT_THROW((void)paper_bytes_per_layer(make_case(huge, 1, huge, 16)), RunError);
  EXPECT_THROW(saved_bytes_per_layer(make_case(8, 1, 16, 4, 3)), RunError);
  EXPECT_THROW(saved_bytes_per_layer(make_case(9, 1, 16, 4, 2, true)), RunError);
}

}  // namespace
}  // namespace tidemark::theory
