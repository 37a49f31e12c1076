// SPDX-License-Identifier: BSD-3-Clause
#include "theory/memory.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cases.hpp"

namespace tidemark::theory {
namespace {

using testing::make_case;

TEST(MemoryTheory, ParametersOfOneRank) {
  config::Case c = make_case(8, 1, 16, 4);
  c.model.ffn_hidden_size = 40;
  // qkv, proj, fc1 and fc2 with their biases, and two norms.
  EXPECT_EQ(parameters_per_layer(c),
            (48 * 16 + 48) + (16 * 16 + 16) + (40 * 16 + 40) + (16 * 40 + 16) + 4 * 16);
  c.parallel.tensor = 4;
  EXPECT_EQ(parameters_per_layer(c),
            (12 * 16 + 12) + (16 * 4 + 16) + (10 * 16 + 10) + (16 * 10 + 16) + 4 * 16);
}

TEST(MemoryTheory, ParametersOfTheEnds) {
  config::Case c = make_case(8, 1, 16, 4);
  EXPECT_EQ(parameters_of_ends(c), 0);
  c.model.vocab_size = 101;
  EXPECT_EQ(parameters_of_ends(c), 101 * 16 + 2 * 16);
  c.parallel.tensor = 4;  // padded to 104: 26 rows of the table per rank
  EXPECT_EQ(parameters_of_ends(c), 26 * 16 + 2 * 16);
  c.model.num_layers = 7;
  EXPECT_EQ(parameters_per_rank(c), 7 * parameters_per_layer(c) + 28 * 16);
}

TEST(MemoryTheory, ParametersOfPublishedModels) {
  // 12 h² + 13 h per layer. 24 layers of h 2048 have 1.21 billion of the 1.3B model's parameters.
  const std::int64_t h = 2048;
  EXPECT_EQ(parameters_per_layer(make_case(2048, 1, h, 16)), 12 * h * h + 13 * h);
  // GPT-2 has 124,439,808 parameters, 1024 x 768 of them for positions.
  config::Case gpt2 = make_case(1024, 1, 768, 12);
  gpt2.model.num_layers = 12;
  gpt2.model.vocab_size = 50257;
  EXPECT_EQ(parameters_per_rank(gpt2), 124439808 - 1024 * 768);
}

TEST(MemoryTheory, BytesOfAParameterAreThePublishedOnes) {
  struct Example {
    DType precision;
    std::int64_t parameter, gradient, optimizer, total;
  };
  for (const auto& [precision, parameter, gradient, optimizer, total] :
       {Example{DType::bf16, 2, 4, 12, 18}, Example{DType::fp32, 4, 4, 8, 16},
        Example{DType::fp64, 8, 8, 16, 32}}) {
    config::Case c = make_case(8, 1, 16, 4, 2);
    c.precision = precision;
    c.model.num_layers = 5;
    c.model.vocab_size = 11;  // 6 rows per rank
    EXPECT_EQ(bytes_per_parameter(c).total(), total) << name_of(precision);
    // Per layer: qkv, proj, fc1, fc2 and the norms. Ends: the table and the final norm.
    const std::int64_t count = 5 * (408 + 144 + 544 + 528 + 64) + 8 * 16;
    EXPECT_EQ(parameter_bytes(c), count * parameter) << name_of(precision);
    EXPECT_EQ(gradient_bytes(c), count * gradient) << name_of(precision);
    EXPECT_EQ(optimizer_bytes(c), count * optimizer) << name_of(precision);
  }
}

TEST(MemoryTheory, RefusesWhatItCannotCount) {
  const std::int64_t huge = std::int64_t{1} << 31;
  EXPECT_THROW(parameters_per_layer(make_case(8, 1, 2 * huge, 16)), RunError);
  EXPECT_THROW(parameters_per_layer(make_case(8, 1, 16, 4, 3)), BrokenInvariant);
  config::Case c = make_case(8, 1, 16, 4);
  c.model.num_layers = std::int64_t{1} << 60;
  EXPECT_THROW(parameters_per_rank(c), RunError);
  c.model.num_layers = std::int64_t{1} << 50;
  EXPECT_NO_THROW(parameters_per_rank(c));
  EXPECT_THROW(optimizer_bytes(c), RunError);
}

}  // namespace
}  // namespace tidemark::theory
