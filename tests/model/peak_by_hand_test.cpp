// SPDX-License-Identifier: BSD-3-Clause
// The tide, worked out by hand. These are the activations of a layer, with N = sbh elements of fp32
// and no dropout:
//
//   forward   norm1 input N, norm1 statistics, qkv input N, qkv 3N, softmax output, proj input N,
//             norm2 input N, norm2 statistics, fc1 input N, gelu input 4N, fc2 input 4N. 16 N are
//             saved. The last two to be born are fc2 output N, which dies soon, and the output N.
//   backward  the residual gradient N. At the same time the gradient of fc2's output N, then of its
//             input 4N, which replaces fc2's input 4N: again 18 N. Attention has only 10 N.
//
// The first of equal tides counts.
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/dry_run/dry_run.hpp"
#include "bench/step/step.hpp"
#include "comm/wrappers/self.hpp"
#include "support/cases.hpp"

namespace tidemark {
namespace {

struct Line {
  std::string name;
  int layer;
  std::string tensor_class;
  std::size_t bytes;
  bool operator==(const Line&) const = default;
};

std::ostream& operator<<(std::ostream& stream, const Line& line) {
  return stream << line.name << " of " << line.layer << ", " << line.tensor_class << ", "
                << line.bytes;
}

constexpr int stack = memory::no_layer;
constexpr std::size_t b = 3;
constexpr std::size_t h = 8;
constexpr std::size_t heads = 2;

/// With the short one, an s x s matrix of scores is smaller than the MLP. With the long one, it is
/// larger.
constexpr std::size_t short_s = 4;
constexpr std::size_t long_s = 110;

config::Case hand_case(std::size_t s) {
  config::Case c = support::with_dropouts(support::small_case(1, false, DType::fp32), 0.0, 0.0);
  c.model.num_layers = 1;
  c.model.seq_length = static_cast<std::int64_t>(s);
  c.model.micro_batch_size = b;
  c.model.hidden_size = h;
  c.model.ffn_hidden_size = 4 * h;
  c.model.num_attention_heads = heads;
  c.model.num_query_groups = heads;
  return c;
}

std::vector<Line> lines_of(const std::vector<memory::Entry>& entries) {
  std::vector<Line> lines;
  for (const memory::Entry& entry : entries) {
    lines.push_back({std::string(entry.name), entry.layer,
                     std::string(memory::name_of(entry.tensor_class)), entry.bytes});
  }
  return lines;
}

/// Expects the tide of a dry run. If one rank can run the step, expects that of a real step, too.
void expect_tide(const config::Case& c, const std::vector<Line>& expected) {
  std::size_t sum = 0;
  for (const Line& line : expected) sum += line.bytes;
  const memory::Tide planned = bench::run_dry(c).tide;
  EXPECT_EQ(lines_of(planned.at_peak), expected);
  EXPECT_EQ(planned.peak_bytes, sum);
  if (c.parallel.tensor > 1) return;
  Device device;
  memory::Pool pool;
  memory::Ledger ledger(pool);
  comm::SelfCommunicator alone;
  model::Stack<float> real(c, device, ledger, alone);
  bench::run_step(real);
  EXPECT_EQ(lines_of(ledger.tide().at_peak), expected);
  EXPECT_EQ(ledger.tide().peak_bytes, sum);
}

constexpr std::size_t rows(std::size_t s) { return s * b * h * 4; }        // N elements
constexpr std::size_t statistics(std::size_t s) { return s * b * 2 * 4; }  // of a norm
constexpr std::size_t scores(std::size_t s) { return heads * b * s * s * 4; }

TEST(PeakByHand, OfOneLayerIsWhereItsForwardEnds) {
  const std::size_t n = rows(short_s);
  const std::size_t st = statistics(short_s);
  expect_tide(hand_case(short_s), {{"norm1 input", 0, "saved", n},
                                   {"norm1 statistics", 0, "saved", st},
                                   {"qkv input", 0, "saved", n},
                                   {"qkv", 0, "saved", 3 * n},
                                   {"softmax output", 0, "saved", scores(short_s)},
                                   {"proj input", 0, "saved", n},
                                   {"norm2 input", 0, "saved", n},
                                   {"norm2 statistics", 0, "saved", st},
                                   {"fc1 input", 0, "saved", n},
                                   {"gelu input", 0, "saved", 4 * n},
                                   {"fc2 input", 0, "saved", 4 * n},
                                   {"fc2 output", 0, "transient", n},
                                   {"output", stack, "transient", n}});
}

// 10 N and a matrix of s x s in backward, compared with 18 N.
TEST(PeakByHand, OfLongSequencesIsInTheBackwardOfAttention) {
  const std::size_t s = 220;
  const std::size_t n = rows(s);
  static_assert(s * s * 4 > 8 * rows(s) + statistics(s));
  expect_tide(hand_case(s), {{"norm1 input", 0, "saved", n},
                             {"norm1 statistics", 0, "saved", statistics(s)},
                             {"qkv input", 0, "saved", n},
                             {"qkv", 0, "saved", 3 * n},
                             {"softmax output", 0, "saved", scores(s)},
                             {"residual gradient", stack, "transient", n},
                             {"proj input gradient", 0, "transient", n},
                             {"qkv gradient", 0, "transient", 3 * n},
                             {"score gradient", 0, "workspace", s * s * 4}});
}

// Two ranks hold halves of everything that is saved, 8 N. Backward begins with half of N of the
// residual gradient and half of N of the gradient of fc2's output. The latter is then gathered to
// N. That is more than at the end of forward, which has fc2's output N and its half.
TEST(PeakByHand, UnderSequenceParallelismIsWhereBackwardGathersItsFirstGradient) {
  config::Case c = hand_case(short_s);
  c.parallel.tensor = 2;
  c.parallel.sequence = true;
  const std::size_t n = rows(short_s);
  const std::size_t st = statistics(short_s) / 2;
  expect_tide(c, {{"norm1 input", 0, "saved", n / 2},
                  {"norm1 statistics", 0, "saved", st},
                  {"qkv input", 0, "saved", n / 2},
                  {"qkv", 0, "saved", 3 * n / 2},
                  {"softmax output", 0, "saved", scores(short_s) / 2},
                  {"proj input", 0, "saved", n / 2},
                  {"norm2 input", 0, "saved", n / 2},
                  {"norm2 statistics", 0, "saved", st},
                  {"fc1 input", 0, "saved", n / 2},
                  {"gelu input", 0, "saved", 2 * n},
                  {"fc2 input", 0, "saved", 2 * n},
                  {"residual gradient", stack, "transient", n / 2},
                  {"dropout input gradient", 0, "transient", n / 2},
                  {"fc2 output gradient gathered", 0, "transient", n}});
}

// Nothing of s x s is saved, but backward computes the weights of a head again. These are softmax,
// the mask and output of its dropout, and at the same time the gradient of the scores.
TEST(PeakByHand, OfSelectiveRecomputationIsOneHeadsScoresWorkedOutAgain) {
  const std::size_t s = long_s;
  const std::size_t n = rows(s);
  static_assert(s * s * (3 * 4 + 1) > 8 * rows(s) + statistics(s));
  const config::Case c = support::with_dropouts(hand_case(s), 0.0, 0.1);
  expect_tide(support::recomputing(c, "selective"),
              {{"norm1 input", 0, "saved", n},
               {"norm1 statistics", 0, "saved", statistics(s)},
               {"qkv input", 0, "saved", n},
               {"qkv", 0, "saved", 3 * n},
               {"residual gradient", stack, "transient", n},
               {"proj input gradient", 0, "transient", n},
               {"qkv gradient", 0, "transient", 3 * n},
               {"softmax output", 0, "workspace", s * s * 4},
               {"attention dropout mask", 0, "workspace", s * s},
               {"attention dropout output", 0, "workspace", s * s * 4},
               {"score gradient", 0, "workspace", s * s * 4}});
}

// Three layers keep one input each. The last layer runs again for its backward, while the gradient
// of its output is live. So there is N more than at the end of its first run.
TEST(PeakByHand, OfFullRecomputationIsWhereTheLastLayerHasBeenRunAgain) {
  config::Case c = support::recomputing(hand_case(short_s), "full");
  c.model.num_layers = 3;
  const std::size_t n = rows(short_s);
  const std::size_t st = statistics(short_s);
  expect_tide(c, {{"norm1 input", 0, "saved", n},
                  {"norm1 input", 1, "saved", n},
                  {"norm1 input", 2, "saved", n},
                  {"residual gradient", stack, "transient", n},
                  {"norm1 statistics", 2, "recomputed", st},
                  {"qkv input", 2, "recomputed", n},
                  {"qkv", 2, "recomputed", 3 * n},
                  {"softmax output", 2, "recomputed", scores(short_s)},
                  {"proj input", 2, "recomputed", n},
                  {"norm2 input", 2, "recomputed", n},
                  {"norm2 statistics", 2, "recomputed", st},
                  {"fc1 input", 2, "recomputed", n},
                  {"gelu input", 2, "recomputed", 4 * n},
                  {"fc2 input", 2, "recomputed", 4 * n},
                  {"fc2 output", 2, "transient", n},
                  {"recomputed output", 2, "transient", n}});
}

// Blocks are as long as the sequence, so that two of them are larger than the MLP. Proj's input has
// died by then. With its gradient, it has become one number per row of scores.
TEST(PeakByHand, OfBlockedAttentionIsTwoBlocksInBackward) {
  const std::size_t s = long_s;
  const std::size_t n = rows(s);
  const std::size_t score_rows = heads * b * s * 4;
  static_assert(2 * s * s * 4 > 8 * rows(s) + statistics(s));
  config::Case c = support::blocked(hand_case(s));
  c.model.attention_block = s;
  expect_tide(c, {{"norm1 input", 0, "saved", n},
                  {"norm1 statistics", 0, "saved", statistics(s)},
                  {"qkv input", 0, "saved", n},
                  {"qkv", 0, "saved", 3 * n},
                  {"attention log-sum-exp", 0, "saved", score_rows},
                  {"residual gradient", stack, "transient", n},
                  {"proj input gradient", 0, "transient", n},
                  {"context projections", 0, "workspace", score_rows},
                  {"qkv gradient", 0, "transient", 3 * n},
                  {"score block", 0, "workspace", s * s * 4},
                  {"score block gradient", 0, "workspace", s * s * 4}});
}

TEST(PeakByHand, OfSmallBlocksIsTheMlps) {
  config::Case c = support::blocked(hand_case(long_s));
  c.model.attention_block = 16;
  const memory::Tide tide = bench::run_dry(c).tide;
  EXPECT_EQ(tide.peak_bytes, 18 * rows(long_s) + 2 * statistics(long_s) + heads * b * long_s * 4);
  EXPECT_EQ(tide.at_peak.back().name, "output");
}

// With ends, the output is the final norm's input. There are also the logits, and the three numbers
// per token and rank that the loss exchanges, gathered from all ranks.
TEST(PeakByHand, WithEndsIsWhereTheLossIsFormed) {
  const std::size_t n = rows(short_s);
  const std::size_t st = statistics(short_s);
  const std::size_t tokens = short_s * b;
  expect_tide(support::with_ends(hand_case(short_s), 29),
              {{"norm1 input", 0, "saved", n},
               {"norm1 statistics", 0, "saved", st},
               {"qkv input", 0, "saved", n},
               {"qkv", 0, "saved", 3 * n},
               {"softmax output", 0, "saved", scores(short_s)},
               {"proj input", 0, "saved", n},
               {"norm2 input", 0, "saved", n},
               {"norm2 statistics", 0, "saved", st},
               {"fc1 input", 0, "saved", n},
               {"gelu input", 0, "saved", 4 * n},
               {"fc2 input", 0, "saved", 4 * n},
               {"final norm input", stack, "saved", n},
               {"final norm statistics", stack, "saved", st},
               {"output projection input", stack, "saved", n},
               {"logits", stack, "saved", tokens * 29 * 4},
               {"loss statistics", stack, "transient", tokens * 3 * 4},
               {"loss statistics gathered", stack, "transient", tokens * 3 * 4}});
}

}  // namespace
}  // namespace tidemark
