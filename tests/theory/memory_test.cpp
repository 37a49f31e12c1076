#include "theory/memory.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cases.hpp"
#include "theory/activation.hpp"

namespace tidemark::theory {
namespace {

using testing::make_case;

TEST(MemoryTheory, ParametersOfOneRank) {
  config::Case c = make_case(8, 1, 16, 4);
  c.model.ffn_hidden_size = 40;
  // qkv, proj, fc1, fc2 with their biases, and two norms.
  EXPECT_EQ(parameters_per_layer(c),
            (48 * 16 + 48) + (16 * 16 + 16) + (40 * 16 + 40) + (16 * 40 + 16) + 4 * 16);
  c.parallel.tensor = 4;
  EXPECT_EQ(parameters_per_layer(c),
            (12 * 16 + 12) + (16 * 4 + 16) + (10 * 16 + 10) + (16 * 10 + 16) + 4 * 16);
}

TEST(MemoryTheory, ParameterAndGradientBytesOfAllLayers) {
  config::Case c = make_case(8, 1, 16, 4, 2);
  c.model.num_layers = 5;
  c.precision = DType::fp64;
  EXPECT_EQ(parameter_bytes(c), parameters_per_layer(c) * 5 * 8);
  EXPECT_EQ(gradient_bytes(c), parameters_per_layer(c) * 5 * 8);
}

TEST(MemoryTheory, LayersOfAPublishedModel) {
  // 12 h² + 13 h a layer: 24 layers of h 2048 hold 1.21 billion of the 1.3B model's parameters.
  const std::int64_t h = 2048;
  EXPECT_EQ(parameters_per_layer(make_case(2048, 1, h, 16)), 12 * h * h + 13 * h);
}

// The largest sets of tensors that a backward pass cannot avoid holding at once, in bytes.
struct Unavoidable {
  std::int64_t mlp_products;
  std::int64_t attention;
};

Unavoidable unavoidable(const config::Case& c) {
  const auto w = static_cast<std::int64_t>(c.element_bytes());
  const std::int64_t t = c.parallel.tensor;
  const std::int64_t whole = c.model.tokens() * c.model.hidden_size * w;
  const std::int64_t shard = c.sequence_parallel() ? whole / t : whole;
  const bool refetch = c.sequence_parallel() && !c.parallel.keep_gathered;
  const std::int64_t square = c.model.micro_batch_size * c.model.num_attention_heads *
                              c.model.seq_length * c.model.seq_length * w / t;
  // The incoming gradient, that of GELU's input, fc1's input fetched again, and its gradient.
  const std::int64_t ffn = c.model.tokens() * c.model.ffn_hidden_size * w / t;
  return {shard + ffn + (refetch ? whole : 0) + whole,
          // The incoming gradient, those of the context and of q, k, v, and the scores'.
          shard + 4 * whole / t + square};
}

TEST(MemoryTheory, PeakBoundIsSafeAndFairlyTight) {
  for (const std::int64_t t : {1, 2, 4, 8}) {
    for (const int mode : {0, 1, 2}) {
      config::Case c = make_case(2048, 1, 2048, 16, t, mode > 0);
      c.parallel.keep_gathered = mode == 2;
      c.model.num_layers = 24;
      const std::int64_t saved =
          24 * (saved_bytes_per_layer(c) + norm_statistics_bytes_per_layer(c));
      const auto [mlp, attention] = unavoidable(c);
      EXPECT_GE(peak_upper_bound_bytes(c), saved + mlp) << "t " << t << " mode " << mode;
      EXPECT_GE(peak_upper_bound_bytes(c), saved + attention) << "t " << t << " mode " << mode;
      EXPECT_LT(static_cast<double>(peak_upper_bound_bytes(c)), 1.10 * static_cast<double>(saved))
          << "t " << t << " mode " << mode;
      EXPECT_EQ(peak_upper_bound_bytes(c), saved + transient_upper_bound_bytes(c));
    }
  }
}

TEST(MemoryTheory, TransientsByHand) {
  // fp32, s 8, b 1, h 16, a 4: [s, b, h] is 512 bytes. t = 1: three gradients [s, b, h], the
  // partial one, 4 [s, b, h] for context and q, k, v, scores [1, 4, 8, 8], and three at the stack's
  // ends; the MLP has 2 [s, b, 64] instead of the 4 and the scores, and that is more.
  EXPECT_EQ(transient_upper_bound_bytes(make_case(8, 1, 16, 4)), (3 + 1 + 2 * 4 + 3) * 512);
  // s 32 makes the scores, 16384 bytes, more than the MLP's.
  EXPECT_EQ(transient_upper_bound_bytes(make_case(32, 1, 16, 4)), (3 + 1 + 4 + 3) * 2048 + 16384);
  // t = 2 with SP: shards [s/t, b, h] are 256 bytes; whole are the gathered gradient, the input
  // fetched again, and the partial sums, which are scattered into one more shard.
  EXPECT_EQ(transient_upper_bound_bytes(make_case(8, 1, 16, 4, 2, true)),
            3 * 256 + 3 * 512 + 256 + 2 * 1024 + 3 * 256);
  config::Case kept = make_case(8, 1, 16, 4, 2, true);
  kept.parallel.keep_gathered = true;
  EXPECT_EQ(transient_upper_bound_bytes(kept), 3 * 256 + 2 * 512 + 256 + 2 * 1024 + 3 * 256);
}

TEST(MemoryTheory, RefusesWhatItCannotCount) {
  const std::int64_t huge = std::int64_t{1} << 31;
  EXPECT_THROW(parameters_per_layer(make_case(8, 1, 2 * huge, 16)), RunError);
  EXPECT_THROW(parameters_per_layer(make_case(8, 1, 16, 4, 3)), RunError);
  EXPECT_THROW(peak_upper_bound_bytes(make_case(huge, 1, huge, 16)), RunError);
}

}  // namespace
}  // namespace tidemark::theory
