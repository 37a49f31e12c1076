// SPDX-License-Identifier: BSD-3-Clause
// What runs concurrently: the order of kernels in a step of one of two ranks, with a communicator
// that moves no data.
#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/step/step.hpp"
#include "comm/wrappers/dry_run.hpp"
#include "support/cases.hpp"
#include "support/passing_communicator.hpp"
#include "support/words.hpp"

namespace tidemark {
namespace {

using Labels = std::vector<std::string>;

/// Enters a line among the kernels when a collective is posted.
class NotingCommunicator : public support::PassingCommunicator {
 public:
  NotingCommunicator(comm::Communicator& inner, KernelLog& log)
      : PassingCommunicator(inner), log_(log) {}

  comm::Request post(const comm::Call& call) override {
    const bool exchanges = call.operation == comm::Operation::send_recv;
    log_.push_back({exchanges ? "exchange" : name_of(call.operation).data(), {}, {}});
    return inner_.post(call);
  }

 private:
  KernelLog& log_;
};

/// Kernels and collectives of a step, in the order in which they begin.
Labels labels_of(const config::Case& c) {
  Device device;
  memory::Pool pool;
  memory::Ledger ledger(pool);
  comm::DryRunCommunicator planned(2);
  KernelLog log;
  NotingCommunicator communicator(planned, log);
  model::Stack<float> stack(c, device, ledger, communicator);
  KernelWatch watch(*device.exec);
  device.watch = &watch;
  watch.begin(log);
  bench::run_step(stack);
  watch.collect();
  Labels labels;
  for (const KernelRecord& kernel : log) labels.emplace_back(kernel.label);
  return labels;
}

/// Products and collectives after the first `after`, from the next `begin` to the `end` that
/// follows.
Labels between(const Labels& all, const std::string& after, const std::string& begin,
               const std::string& end) {
  const auto start = std::find(std::find(all.begin(), all.end(), after), all.end(), begin);
  const auto stop = std::find(start, all.end(), end);
  EXPECT_NE(stop, all.end());
  Labels chosen;
  std::copy_if(start, stop, std::back_inserter(chosen),
               [](const std::string& label) { return label.find("::") == std::string::npos; });
  return chosen;
}

std::ptrdiff_t count(const Labels& labels, const std::string& label) {
  return std::count(labels.begin(), labels.end(), label);
}

config::Case scheduled(bool sequence, const std::string& mode, std::int64_t chunks) {
  config::Case c = support::small_case(2, sequence, DType::fp32);
  support::set_word(c.overlap.mode, mode);
  c.overlap.chunks = chunks;
  c.model.attention_block = 2 * c.model.seq_length;  // one block of scores per head
  c.overlap.progress = config::Progress::none;       // products stay whole
  return c;
}

// Two layers have four norms. The input of the first one is complete. The input of the others comes
// from a collective, and each chunk of it is normalised as it comes.
TEST(Schedules, RingGoesFromOneSublayerToTheNextChunkByChunk) {
  constexpr std::int64_t chunks = 3;
  for (const bool sequence : {false, true}) {
    const auto norms = [&](const config::Case& c) {
      return count(labels_of(c), "tidemark::layer_norm_forward");
    };
    EXPECT_EQ(norms(scheduled(sequence, "none", chunks)), 4);
    EXPECT_EQ(norms(scheduled(sequence, "bulk", chunks)), 4);
    EXPECT_EQ(norms(scheduled(sequence, "ring", chunks)), 1 + 3 * chunks);
    // A layer that runs again ends with whole rows, in both of its runs.
    EXPECT_EQ(norms(support::recomputing(scheduled(sequence, "ring", chunks), "full")),
              2 * 2 * (1 + chunks));
  }
}

// The core makes rows when proj asks for them. So some rows are not made yet when the first ones
// leave.
TEST(Schedules, RingSendsRowsOfProjBeforeTheCoreHasMadeAll) {
  const auto softmaxes_after_first_send = [](const config::Case& c) {
    const Labels all = labels_of(c);
    const auto start = std::find(all.begin(), all.end(), "tidemark::softmax_dropout_forward");
    const auto end = std::find(start, all.end(), "tidemark::layer_norm_forward");
    const auto sent = std::find_if(start, end, [](const std::string& label) {
      return label == "exchange" || label == "all_reduce" || label == "reduce_scatter";
    });
    EXPECT_NE(sent, end);
    return std::count(sent, end, "tidemark::softmax_dropout_forward");
  };
  for (const bool sequence : {false, true}) {
    EXPECT_EQ(softmaxes_after_first_send(scheduled(sequence, "none", 1)), 0);
    EXPECT_EQ(softmaxes_after_first_send(scheduled(sequence, "bulk", 1)), 0);
    // Per head and sequence. Under SP, the first two chunks of rows belong to the other rank. The
    // last chunk is made after the norm of the chunk before.
    const config::Case c = scheduled(sequence, "ring", 2);
    const std::int64_t heads = c.model.num_attention_heads / 2 * c.model.micro_batch_size;
    EXPECT_EQ(softmaxes_after_first_send(c), heads * (sequence ? 2 : 1));
  }
}

constexpr const char* softmax = "tidemark::softmax_dropout_backward";
constexpr const char* gelu = "tidemark::bias_gelu_backward";
constexpr const char* norm_ends = "tidemark::layer_norm_backward";
constexpr const char* dropout = "tidemark::bias_dropout_add_backward";

// fc2: both products of the own rows, then those of the other rank's rows, after dY has come. The
// input that fc1 needs again is gathered concurrently with the latter. fc1: the other rank's rows
// of dx leave before the own rows are formed.
TEST(Schedules, RingUnderSpKeepsTheLinkBusyThroughTheBackwardOfAnMlp) {
  const auto fc2_of = [](const Labels& all) { return between(all, dropout, dropout, gelu); };
  const auto fc1_of = [](const Labels& all) { return between(all, dropout, gelu, norm_ends); };
  const Labels serial = labels_of(scheduled(true, "none", 1));
  EXPECT_EQ(fc2_of(serial), (Labels{"all_gather", "product", "product"}));
  EXPECT_EQ(fc1_of(serial), (Labels{"all_gather", "product", "product", "reduce_scatter"}));
  const Labels bulk = labels_of(scheduled(true, "bulk", 1));
  EXPECT_EQ(fc2_of(bulk), (Labels{"all_gather", "product", "product"}));
  EXPECT_EQ(fc1_of(bulk), (Labels{"all_gather", "product", "reduce_scatter", "product"}));
  const Labels ring = labels_of(scheduled(true, "ring", 1));
  EXPECT_EQ(fc2_of(ring), (Labels{"exchange", "product", "product", "all_gather", "product"}));
  EXPECT_EQ(fc1_of(ring), (Labels{"product", "exchange", "product", "product", "product"}));
}

// Without SP nothing is gathered. The weight gradients of fc2 wait for the all-reduce of fc1.
TEST(Schedules, RingUnderTpLeavesTheWeightGradientOfFc2ForTheReductionOfFc1) {
  const auto fc2_of = [](const Labels& all) { return between(all, dropout, dropout, gelu); };
  const auto fc1_of = [](const Labels& all) { return between(all, dropout, gelu, norm_ends); };
  const Labels bulk = labels_of(scheduled(false, "bulk", 1));
  EXPECT_EQ(fc2_of(bulk), (Labels{"product", "product"}));
  EXPECT_EQ(fc1_of(bulk), (Labels{"product", "all_reduce", "product"}));
  const Labels ring = labels_of(scheduled(false, "ring", 1));
  EXPECT_EQ(fc2_of(ring), (Labels{"product"}));
  EXPECT_EQ(fc1_of(ring), (Labels{"product", "all_reduce", "product", "product"}));
}

// Without SP, fc2's product of a chunk of rows follows fc1's. So its reduction begins while fc1
// still waits for the rows of other ranks.
TEST(Schedules, RingUnderTpGoesChunkByChunkThroughAnMlp) {
  const auto mlp_of = [](const config::Case& c) {
    return between(labels_of(c), "tidemark::softmax_dropout_forward",
                   "tidemark::bias_dropout_add_forward", dropout);
  };
  config::Case c = scheduled(false, "ring", 2);
  c.model.num_layers = 1;
  EXPECT_EQ(mlp_of(c),
            (Labels{"product", "product", "all_reduce", "product", "product", "all_reduce"}));
  c.overlap.mode = config::OverlapMode::bulk;
  EXPECT_EQ(mlp_of(c), (Labels{"product", "product", "all_reduce"}));
}

// From the end of norm2's backward to that of the softmax. There are proj's gradients (under SP of
// this rank's rows and of the other's), and two products of the first head. With SP there is also a
// part of fc1's weight gradient, concurrently with the gather that proj waits for. Without SP,
// proj's own weight gradient is not here.
TEST(Schedules, RingFillsTheCollectivesOfTheAttentionWithWeightGradientsOfOthers) {
  const auto proj_of = [](const Labels& all) { return between(all, gelu, norm_ends, softmax); };
  EXPECT_EQ(count(proj_of(labels_of(scheduled(true, "bulk", 1))), "product"), 2 + 2);
  const Labels ring = proj_of(labels_of(scheduled(true, "ring", 1)));
  EXPECT_EQ(ring, (Labels{"exchange", "product", "product", "product", "all_gather", "product",
                          "product", "product"}));
  EXPECT_EQ(count(proj_of(labels_of(scheduled(false, "ring", 1))), "product"), 1 + 2);
}

}  // namespace
}  // namespace tidemark
