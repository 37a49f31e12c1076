#include "config/validate.hpp"

#include <gtest/gtest.h>

#include <string>

#include "config/refusal.hpp"
#include "config/schema.hpp"

namespace tidemark::config {
namespace {

using testing::refusal;

/// A good case with some settings changed, resolved; its locations are `at KEY`.
Case changed(const std::vector<std::pair<std::string, Value>>& changes) {
  Case c;
  std::vector<std::pair<std::string, Value>> all = {{"model.num_layers", std::int64_t{2}},
                                                    {"model.hidden_size", std::int64_t{64}},
                                                    {"model.num_attention_heads", std::int64_t{4}},
                                                    {"model.seq_length", std::int64_t{32}}};
  all.insert(all.end(), changes.begin(), changes.end());
  for (const auto& [name, value] : all) {
    find_setting(name)->set(c, value);
    c.locations[name] = "at " + name;
  }
  resolve_defaults(c);
  return c;
}

/// The same, for integers only, and what validate() says of it.
std::string judged(const std::vector<std::pair<std::string, std::int64_t>>& changes) {
  const std::vector<std::pair<std::string, Value>> values(changes.begin(), changes.end());
  return refusal([&] {
    validate(changed(values));
    return 0;
  });
}

TEST(Validate, ResolvesDefaultsFromOtherSettings) {
  const Case c = changed({});
  EXPECT_EQ(c.model.ffn_hidden_size, 256);
  EXPECT_EQ(c.model.num_query_groups, 4);
  EXPECT_EQ(c.bench.max_iterations, 40);
  EXPECT_EQ(changed({{"bench.iterations", std::int64_t{100}}}).bench.max_iterations, 100);
  EXPECT_EQ(changed({{"model.ffn_hidden_size", std::int64_t{192}}}).model.ffn_hidden_size, 192);
}

TEST(Validate, AcceptsGoodCases) {
  EXPECT_EQ(judged({}), "accepted");
  EXPECT_EQ(judged({{"parallel.tensor", 4}}), "accepted");
  EXPECT_EQ(judged({{"model.num_query_groups", 4}}), "accepted");
  EXPECT_EQ(judged({{"bench.max_iterations", 10}}), "accepted");
}

TEST(Validate, RefusesIndivisibleSizes) {
  EXPECT_EQ(judged({{"model.hidden_size", 1000}, {"model.num_attention_heads", 16}}),
            "at model.hidden_size: model.hidden_size: 1000 is not divisible by "
            "num_attention_heads 16");
  EXPECT_EQ(judged({{"parallel.tensor", 3}}),
            "at parallel.tensor: parallel.tensor: 3 does not divide num_attention_heads 4");
  EXPECT_EQ(judged({{"parallel.tensor", 4}, {"model.seq_length", 30}}),
            "at parallel.tensor: parallel.tensor: 4 does not divide seq_length 30 "
            "(required without parallel.sequence, too)");
  EXPECT_EQ(judged({{"parallel.tensor", 4}, {"model.ffn_hidden_size", 130}}),
            "at parallel.tensor: parallel.tensor: 4 does not divide ffn_hidden_size 130");
  EXPECT_EQ(judged({{"model.num_attention_heads", 128}}),
            "at model.hidden_size: model.hidden_size: 64 is not divisible by "
            "num_attention_heads 128");
}

TEST(Validate, SaysNothingOfSequenceParallelismWhereItIsOn) {
  const Case c = changed({{"parallel.tensor", std::int64_t{4}},
                          {"model.seq_length", std::int64_t{30}},
                          {"parallel.sequence", true}});
  EXPECT_EQ(refusal([&] {
              validate(c);
              return 0;
            }),
            "at parallel.tensor: parallel.tensor: 4 does not divide seq_length 30");
}

TEST(Validate, RefusesContradictions) {
  EXPECT_EQ(judged({{"model.num_query_groups", 2}}),
            "at model.num_query_groups: model.num_query_groups: 2 differs from "
            "num_attention_heads 4; in family gpt they are equal");
  EXPECT_EQ(judged({{"bench.iterations", 20}, {"bench.max_iterations", 19}}),
            "at bench.max_iterations: bench.max_iterations: 19 is less than iterations 20");
  const Case c = changed({{"parallel.keep_gathered", true}});
  EXPECT_EQ(
      refusal([&] {
        validate(c);
        return 0;
      }),
      "at parallel.keep_gathered: parallel.keep_gathered: true needs parallel.sequence: true");
}

TEST(Validate, KeepsToWhatBlasAndMpiCount) {
  EXPECT_EQ(judged({{"model.hidden_size", 1 << 30}}),
            "at model.hidden_size: model.hidden_size: 3 x hidden_size = 3221225472 is over the "
            "largest matrix dimension of BLAS (2^31 - 1)");
  EXPECT_EQ(judged({{"model.hidden_size", 600'000'000}}),
            "at model.hidden_size: model.hidden_size: 4 x hidden_size = 2400000000 is over the "
            "largest matrix dimension of BLAS (2^31 - 1)");
  EXPECT_EQ(judged({{"model.seq_length", 1 << 16}, {"model.micro_batch_size", 1 << 16}}),
            "at model.seq_length: model.seq_length: seq_length x micro_batch_size = 4294967296 is "
            "over the largest matrix dimension of BLAS (2^31 - 1)");
  EXPECT_EQ(judged({{"model.seq_length", 1}, {"model.micro_batch_size", 1 << 24}}),
            "at model.micro_batch_size: model.micro_batch_size: micro_batch_size x 3 x hidden_size "
            "= 3221225472 is over the largest matrix dimension of BLAS (2^31 - 1)");
  // One element under the limit passes, one over does not.
  EXPECT_EQ(judged({{"model.micro_batch_size", (1 << 20) - 1}}), "accepted");
  EXPECT_EQ(judged({{"model.micro_batch_size", 1 << 20}}),
            "at model.seq_length: model.seq_length: seq_length x micro_batch_size x hidden_size = "
            "2147483648 is over the largest count of an MPI collective (2^31 - 1)");
}

TEST(Validate, KeepsByteCountsFarFromTheEndOf64Bits) {
  EXPECT_EQ(judged({{"model.seq_length", 1 << 25},
                    {"model.hidden_size", 32},
                    {"model.num_attention_heads", 32}}),
            "at model.seq_length: model.seq_length: num_attention_heads x micro_batch_size x "
            "seq_length^2 x 4 bytes x 2 layers = 288230376151711744 is over 64 PiB");
  EXPECT_EQ(judged({{"model.hidden_size", 1 << 29},
                    {"model.num_layers", 1 << 16},
                    {"model.seq_length", 1},
                    {"model.ffn_hidden_size", 4}}),
            "at model.hidden_size: model.hidden_size: 3 x hidden_size^2 x 4 bytes x 65536 "
            "layers = about 2.27e+23 is over 64 PiB");
}

TEST(Validate, KeepsOperationCountsFarFromTheEndOf64Bits) {
  EXPECT_EQ(judged({{"model.hidden_size", 1 << 18},
                    {"model.seq_length", 1 << 12},
                    {"model.num_layers", 1 << 12}}),
            "at model.hidden_size: model.hidden_size: 6 x layers x tokens x 4 x hidden_size^2 = "
            "about 2.77e+19 is over 2^60 operations a step");
}

TEST(Locate, FallsBackToTheSectionAndTheFile) {
  Case c;
  c.index = 3;
  EXPECT_EQ(c.locate("model.hidden_size"), "case 3");
  c.locations = {{"", "f:1:1"}, {"model", "f:2:1"}, {"model.seq_length", "f:3:15"}};
  EXPECT_EQ(c.locate("model.seq_length"), "f:3:15");
  EXPECT_EQ(c.locate("model.hidden_size"), "f:2:1");
  EXPECT_EQ(c.locate("parallel.tensor"), "f:1:1");
  EXPECT_EQ(c.locate("precision"), "f:1:1");
}

}  // namespace
}  // namespace tidemark::config
