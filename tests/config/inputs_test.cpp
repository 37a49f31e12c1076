// SPDX-License-Identifier: BSD-3-Clause
// The inputs that come with Tidemark, read from the repository's root.
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "config/reader.hpp"
#include "config/sweep.hpp"

namespace tidemark::config {
namespace {

struct Published {
  const char* stem;
  std::int64_t layers, hidden, heads, seq_length, batch, tensor;
  DType precision = DType::bf16;  // that of the paper
  std::size_t cases = 2;
  std::int64_t ffn = 0;     // 0: 4h
  std::int64_t groups = 0;  // 0: as many as heads
};

class Inputs : public ::testing::TestWithParam<Published> {};

TEST_P(Inputs, HoldThePublishedDimensions) {
  const Published& expected = GetParam();
  const std::string path = std::string("inputs/") + expected.stem + ".yaml";
  const std::vector<Case> cases = load_cases(read_text(path), path, {});
  ASSERT_EQ(cases.size(), expected.cases);
  for (const Case& c : cases) {
    EXPECT_EQ(c.name, expected.stem);
    EXPECT_EQ(c.model.num_layers, expected.layers);
    EXPECT_EQ(c.model.hidden_size, expected.hidden);
    EXPECT_EQ(c.model.ffn_hidden_size, expected.ffn > 0 ? expected.ffn : 4 * expected.hidden);
    EXPECT_EQ(c.model.num_query_groups, expected.groups > 0 ? expected.groups : expected.heads);
    EXPECT_EQ(c.model.is_llama(), expected.ffn > 0);
    EXPECT_EQ(c.model.num_attention_heads, expected.heads);
    EXPECT_EQ(c.model.seq_length, expected.seq_length);
    EXPECT_EQ(c.model.micro_batch_size, expected.batch);
    EXPECT_EQ(c.parallel.tensor, expected.tensor);
    EXPECT_EQ(c.precision, expected.precision);
  }
  EXPECT_FALSE(cases[0].parallel.sequence);
  EXPECT_TRUE(cases.back().parallel.sequence);
}

INSTANTIATE_TEST_SUITE_P(
    Published, Inputs,
    ::testing::Values(
        Published{"quickstart", 2, 2048, 16, 1024, 1, 2, DType::fp32},
        Published{"gpt-1.3b", 24, 2048, 16, 2048, 1, 4, DType::fp32},
        Published{"gpt-22b-layer", 1, 6144, 64, 2048, 4, 8},
        Published{"gpt-22b", 48, 6144, 64, 2048, 4, 8, DType::bf16, 6},
        Published{"gpt-22b-memory", 1, 6144, 64, 2048, 1, 2, DType::bf16, 6},
        Published{"gpt-175b-layer", 1, 12288, 96, 2048, 1, 8},
        Published{"gpt-530b-layer", 1, 20480, 128, 2048, 1, 8},
        Published{"gpt-1t-layer", 1, 25600, 160, 2048, 1, 8},
        Published{"llama-3-8b-layer", 1, 4096, 32, 8192, 1, 8, DType::bf16, 2, 14336, 8},
        Published{"llama-3-70b-layer", 1, 8192, 64, 8192, 1, 8, DType::bf16, 2, 28672, 8},
        Published{"llama-3-405b", 126, 16384, 128, 8192, 1, 8, DType::bf16, 4, 53248, 8}));

/// An input and its preset must have the same layer, so that either may be cited.
TEST(InputsFolder, AgreesWithThePresets) {
  for (const char* stem : {"gpt-1.3b", "gpt-22b"}) {
    const std::string path = std::string("inputs/") + stem + ".yaml";
    const ModelConfig input = load_cases(read_text(path), path, {}).at(0).model;
    const ModelConfig preset =
        load_cases(std::string("model: {preset: ") + stem + "}", stem, {}).at(0).model;
    EXPECT_EQ(input.num_layers, preset.num_layers);
    EXPECT_EQ(input.hidden_size, preset.hidden_size);
    EXPECT_EQ(input.ffn_hidden_size, preset.ffn_hidden_size);
    EXPECT_EQ(input.num_attention_heads, preset.num_attention_heads);
    EXPECT_EQ(input.seq_length, preset.seq_length);
  }
}

TEST(InputsFolder, HoldsNoFileThatIsRefused) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("inputs")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const std::string path = entry.path().string();
    EXPECT_NO_THROW((void)load_cases(read_text(path), path, {})) << path;
  }
  EXPECT_GE(files, 11);
}

}  // namespace
}  // namespace tidemark::config
