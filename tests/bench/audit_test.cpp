// SPDX-License-Identifier: BSD-3-Clause
// The audit must see every difference between the accounts and the formulas.
#include "bench/verify/audit.hpp"

#include <gtest/gtest.h>

#include "support/cases.hpp"
#include "theory/activation.hpp"
#include "theory/flops.hpp"
#include "theory/traffic.hpp"

namespace tidemark::bench {
namespace {

// The tensors' names must outlive the tide, because its entries hold views of them.
struct Books {
  config::Case c = support::small_case(2, true);
  std::vector<theory::SavedTensor> tensors = theory::saved_tensors_per_layer(c);
  std::vector<theory::SavedTensor> of_ends = theory::saved_tensors_of_ends(c);

  memory::Tide tide() const {
    memory::Tide tide;
    for (int layer = 0; layer < c.model.num_layers; ++layer) {
      for (const theory::SavedTensor& tensor : tensors) {
        tide.at_turn.push_back({tensor.name, layer, memory::TensorClass::saved,
                                static_cast<std::size_t>(tensor.bytes), true});
      }
    }
    for (const theory::SavedTensor& tensor : of_ends) {
      tide.at_turn.push_back({tensor.name, memory::no_layer, memory::TensorClass::saved,
                              static_cast<std::size_t>(tensor.bytes), true});
    }
    if (!c.model.has_ends()) {
      tide.at_turn.push_back(
          {"output", memory::no_layer, memory::TensorClass::transient, 96, true});
    }
    return tide;
  }
  comm::Counters counters(int steps) const {
    comm::Counters counters;
    for (const theory::StepTraffic& traffic : theory::step_traffic(c)) {
      for (int call = 0; call < traffic.calls * steps; ++call) {
        counters.add(traffic.operation, traffic.purpose, 2, traffic.message_bytes / traffic.calls,
                     1e-3, 1e-3);
      }
    }
    return counters;
  }
};

TEST(AuditSaved, AcceptsTheFormulasTensors) {
  const Books books;
  const Check check = check_saved(books.c, books.tide());
  EXPECT_TRUE(check.passed()) << check.where;
  const MemoryFigures figures = memory_of(books.c, books.tide());
  EXPECT_EQ(figures.saved, theory::saved_bytes_per_layer(books.c) * 2);
  EXPECT_EQ(figures.saved_per_layer, figures.formula_per_layer);
  EXPECT_EQ(figures.norm_statistics, theory::norm_statistics_bytes_per_layer(books.c) * 2);
}

TEST(AuditSaved, SeesAByteTooMany) {
  const Books books;
  memory::Tide tide = books.tide();
  ++tide.at_turn[3].bytes;
  EXPECT_FALSE(check_saved(books.c, tide).passed());
}

TEST(AuditSaved, SeesATensorThatIsMissingOrThatIsNotInTheFormula) {
  const Books books;
  memory::Tide missing = books.tide();
  missing.at_turn.erase(missing.at_turn.begin());
  EXPECT_FALSE(check_saved(books.c, missing).passed());
  memory::Tide stray = books.tide();
  stray.at_turn.push_back({"stray", 1, memory::TensorClass::saved, 8, true});
  const Check check = check_saved(books.c, stray);
  EXPECT_FALSE(check.passed());
  EXPECT_NE(check.where.find("stray"), std::string::npos);
}

TEST(AuditSaved, SeesATensorThatIsHeldButNotEnteredAsSaved) {
  const Books books;
  memory::Tide tide = books.tide();
  tide.at_turn[0].tensor_class = memory::TensorClass::transient;
  EXPECT_FALSE(check_saved(books.c, tide).passed());
}

TEST(AuditSaved, SeesALayerTooFew) {
  Books books;
  const memory::Tide tide = books.tide();
  books.c.model.num_layers = 3;
  EXPECT_FALSE(check_saved(books.c, tide).passed());
}

TEST(AuditSaved, SeesWhatOfRecomputationIsStillHeldAtTheTurn) {
  const Books books{support::recomputing(support::small_case(2, true), "full")};
  EXPECT_TRUE(check_saved(books.c, books.tide()).passed());
  memory::Tide tide = books.tide();
  tide.at_turn.push_back({"qkv", 0, memory::TensorClass::recomputed, 96, true});
  const Check check = check_saved(books.c, tide);
  EXPECT_EQ(check.value, 2.0);  // not in the formula, and not entered as saved
  EXPECT_EQ(check.where, "layer 0 holds qkv (96 bytes)");
}

TEST(AuditSaved, HoldsTheEndsAgainstTheirOwnTensors) {
  const Books books{support::with_ends(support::small_case(2, true))};
  EXPECT_TRUE(check_saved(books.c, books.tide()).passed());
  const MemoryFigures figures = memory_of(books.c, books.tide());
  EXPECT_EQ(figures.saved_of_ends, theory::saved_bytes_of_ends(books.c));
  EXPECT_EQ(figures.formula_of_ends, figures.saved_of_ends);
  EXPECT_EQ(figures.saved, 2 * figures.saved_per_layer + figures.saved_of_ends);
  EXPECT_EQ(figures.norm_statistics, 2 * theory::norm_statistics_bytes_per_layer(books.c) +
                                         theory::norm_statistics_bytes_of_ends(books.c));

  const std::size_t layers = 2 * books.tensors.size();
  memory::Tide too_many = books.tide();
  ++too_many.at_turn[layers].bytes;
  EXPECT_EQ(check_saved(books.c, too_many).where.rfind("the stack embedding dropout mask", 0), 0U);
  memory::Tide missing = books.tide();
  missing.at_turn.pop_back();
  EXPECT_EQ(check_saved(books.c, missing).where.rfind("the stack logits: 0 instead", 0), 0U);
  memory::Tide passing = books.tide();
  passing.at_turn.back().tensor_class = memory::TensorClass::transient;
  EXPECT_FALSE(check_saved(books.c, passing).passed());
  // The output has become the final norm's input, so no other output may be live.
  memory::Tide output = books.tide();
  output.at_turn.push_back({"output", memory::no_layer, memory::TensorClass::transient, 96, true});
  EXPECT_FALSE(check_saved(books.c, output).passed());
}

// A layer that saves more than the others must not be hidden by the first one.
TEST(AuditSaved, TheLayerThatSavesMostStandsForAll) {
  const Books books;
  memory::Tide tide = books.tide();
  tide.at_turn[books.tensors.size()].bytes += 10;  // the second layer's first tensor
  const MemoryFigures figures = memory_of(books.c, tide);
  EXPECT_EQ(figures.saved_per_layer, figures.formula_per_layer + 10);
  EXPECT_EQ(figures.saved, 2 * figures.formula_per_layer + 10);
  EXPECT_EQ(figures.by_tensor.front().bytes, figures.by_tensor.front().formula_bytes + 10);
}

TEST(AuditSaved, NamesWhatWasLiveAtThePeak) {
  const Books books;
  memory::Tide tide = books.tide();
  tide.peak_bytes = 24;
  tide.at_peak = {{"x", 1, memory::TensorClass::recomputed, 16, true},
                  {"y", memory::no_layer, memory::TensorClass::workspace, 8, false}};
  const MemoryFigures figures = memory_of(books.c, tide);
  EXPECT_EQ(figures.peak, 24);
  ASSERT_EQ(figures.at_peak.size(), 2U);
  EXPECT_EQ(figures.at_peak[0].name, "x");
  EXPECT_EQ(figures.at_peak[0].layer, 1);
  EXPECT_EQ(figures.at_peak[0].tensor_class, "recomputed");
  EXPECT_EQ(figures.at_peak[0].bytes, 16);
  EXPECT_EQ(figures.at_peak[1].layer, -1);
  EXPECT_EQ(figures.at_peak[1].tensor_class, "workspace");
}

TEST(AuditTraffic, AcceptsTheFormulaAndSeesOneCallMoreOrLess) {
  const Books books;
  comm::Counters counters = books.counters(5);
  EXPECT_TRUE(check_traffic(books.c, counters, 5).passed());
  EXPECT_FALSE(check_traffic(books.c, counters, 4).passed());
  counters.add(comm::Operation::all_reduce, comm::Purpose::activation, 2, 8, 0.0, 0.0);
  EXPECT_FALSE(check_traffic(books.c, counters, 5).passed());
}

// Each of the three counts is wrong by itself, while the other two are right.
TEST(AuditTraffic, SeesCallsMessagesAndWireBytesOneByOne) {
  using comm::Operation;
  using comm::Purpose;
  const Books books;
  comm::Counters calls = books.counters(1);
  calls.add(Operation::all_gather, Purpose::activation, 2, 0, 0.0, 0.0);
  EXPECT_FALSE(check_traffic(books.c, calls, 1).passed());

  // Rebuilds the counters with one all-gather under other conditions. On one rank nothing crosses
  // the wire. On three ranks, three quarters of the message have the same wire bytes as the whole
  // message on two ranks.
  const auto rebuilt = [&](int ranks, std::int64_t quarters) {
    comm::Counters counters;
    for (const theory::StepTraffic& traffic : theory::step_traffic(books.c)) {
      const std::int64_t bytes = traffic.message_bytes / traffic.calls;
      for (int call = 0; call < traffic.calls; ++call) {
        const bool other = call == 0 && traffic.operation == Operation::all_gather;
        counters.add(traffic.operation, traffic.purpose, other ? ranks : 2,
                     other ? bytes / 4 * quarters : bytes, 0.0, 0.0);
      }
    }
    return counters;
  };
  EXPECT_TRUE(check_traffic(books.c, rebuilt(2, 4), 1).passed());
  EXPECT_FALSE(check_traffic(books.c, rebuilt(1, 4), 1).passed());
  EXPECT_FALSE(check_traffic(books.c, rebuilt(3, 3), 1).passed());
}

TEST(AuditTraffic, CallsPerStepAreThoseOfOneStep) {
  const Books books;
  const auto lines = calls_per_step(books.counters(3), 2, 3);
  std::int64_t wire = 0;
  for (const CallLine& line : lines) {
    wire += line.purpose == comm::Purpose::activation ? line.wire_bytes : 0;
    EXPECT_NEAR(line.seconds.value_or(0.0), 1e-3 * static_cast<double>(line.count), 1e-12);
  }
  EXPECT_EQ(wire, theory::wire_bytes_per_step(books.c, comm::Purpose::activation));
}

TEST(AuditFlops, SeesOneOperationMoreOrLess) {
  for (const config::Case& c : support::variants(2, DType::bf16)) {
    const auto flops = static_cast<std::uint64_t>(theory::launched_flops_per_step(c));
    EXPECT_TRUE(check_flops(c, flops).passed());
    EXPECT_FALSE(check_flops(c, flops + 1).passed());
    EXPECT_FALSE(check_flops(c, flops - 1).passed());
  }
}

}  // namespace
}  // namespace tidemark::bench
