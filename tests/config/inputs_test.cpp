// The inputs that come with Tidemark, read from the repository's root.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "config/reader.hpp"
#include "config/sweep.hpp"

namespace tidemark::config {
namespace {

struct Published {
  const char* stem;
  std::int64_t layers, hidden, heads, seq_length, batch, tensor;
  DType precision = DType::bf16;  // the paper's
  std::size_t cases = 2;
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
    EXPECT_EQ(c.model.ffn_hidden_size, 4 * expected.hidden);
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
    ::testing::Values(Published{"quickstart", 2, 2048, 16, 1024, 1, 2, DType::fp32},
                      Published{"gpt-1.3b", 24, 2048, 16, 2048, 1, 4, DType::fp32},
                      Published{"gpt-22b-layer", 1, 6144, 64, 2048, 4, 8},
                      Published{"gpt-22b", 48, 6144, 64, 2048, 4, 8, DType::bf16, 6},
                      Published{"gpt-22b-memory", 1, 6144, 64, 2048, 1, 2, DType::bf16, 6},
                      Published{"gpt-175b-layer", 1, 12288, 96, 2048, 1, 8},
                      Published{"gpt-530b-layer", 1, 20480, 128, 2048, 1, 8},
                      Published{"gpt-1t-layer", 1, 25600, 160, 2048, 1, 8}));

TEST(InputsFolder, HoldsNoFileThatIsRefused) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("inputs")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const std::string path = entry.path().string();
    EXPECT_NO_THROW((void)load_cases(read_text(path), path, {})) << path;
  }
  EXPECT_GE(files, 8);
}

}  // namespace
}  // namespace tidemark::config
