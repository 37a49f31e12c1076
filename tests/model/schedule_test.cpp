// What runs beside what: the order of kernels in a step of one of two ranks, over a communicator
// that moves nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/step.hpp"
#include "comm/paper.hpp"
#include "support/cases.hpp"

namespace tidemark {
namespace {

using Labels = std::vector<std::string>;

Labels kernels_of(const config::Case& c) {
  Device device;
  memory::Pool pool;
  memory::Ledger ledger(pool);
  comm::PaperCommunicator communicator(2);
  model::Stack<float> stack(c, device, ledger, communicator);
  KernelLog log;
  KernelWatch watch(*device.exec);
  device.watch = &watch;
  watch.begin(log);
  bench::run_step(stack);
  watch.settle();
  Labels labels;
  for (const KernelRecord& kernel : log) labels.emplace_back(kernel.label);
  return labels;
}

std::ptrdiff_t count(const Labels& labels, const std::string& label) {
  return std::count(labels.begin(), labels.end(), label);
}

config::Case scheduled(bool sequence, const std::string& mode, std::int64_t chunks) {
  config::Case c = support::small_case(2, sequence, DType::fp32);
  c.overlap.mode = mode;
  c.overlap.chunks = chunks;
  c.overlap.progress = "none";  // products stay whole
  return c;
}

// Two layers have four norms. The first one's input is there; what the others normalise comes from
// a collective, and each chunk of it is normalised as it comes.
TEST(Schedules, RingGoesFromOneSublayerToTheNextChunkByChunk) {
  constexpr std::int64_t chunks = 3;
  for (const bool sequence : {false, true}) {
    const auto norms = [&](const config::Case& c) {
      return count(kernels_of(c), "tidemark::layer_norm_forward");
    };
    EXPECT_EQ(norms(scheduled(sequence, "none", chunks)), 4);
    EXPECT_EQ(norms(scheduled(sequence, "bulk", chunks)), 4);
    EXPECT_EQ(norms(scheduled(sequence, "ring", chunks)), 1 + 3 * chunks);
    // A layer that is run again ends whole, in both of its runs.
    EXPECT_EQ(norms(support::recomputing(scheduled(sequence, "ring", chunks), "full")),
              2 * 2 * (1 + chunks));
  }
}

// From the end of norm2's backward to the softmax's: proj's gradients of this rank's rows and of
// the other's, two products each, and two of the first head; under ring with SP a part of fc1's
// weight gradient as well, beside the gather that proj waits for.
TEST(Schedules, RingLeavesAPartOfTheWeightGradientOfFc1ForTheGatherOfProj) {
  const auto products = [](const config::Case& c) {
    const Labels labels = kernels_of(c);
    const auto first =
        std::find(labels.begin(), labels.end(), "tidemark::layer_norm_backward_parameters");
    const auto last = std::find(first, labels.end(), "tidemark::softmax_dropout_backward");
    EXPECT_NE(last, labels.end());
    return count(Labels(first, last), "product");
  };
  EXPECT_EQ(products(scheduled(true, "bulk", 1)), 2 + 2);
  EXPECT_EQ(products(scheduled(true, "ring", 1)), 4 + 1 + 2);
  EXPECT_EQ(products(scheduled(false, "ring", 1)), 2 + 2);
}

}  // namespace
}  // namespace tidemark
