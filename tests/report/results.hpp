// SPDX-License-Identifier: BSD-3-Clause
// Results that the tests of reports share.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bench/result.hpp"
#include "support/cases.hpp"
#include "support/words.hpp"

namespace tidemark::support {

/// The result of a valid run on two ranks. Every figure is known, but there is no trace.
inline bench::CaseResult complete_result() {
  bench::CaseResult result;
  result.settings = small_case(2, true, DType::fp32);
  result.ranks = 2;
  result.backend = "mpi";
  result.verification.checks = {{"check", 0.0, 0.0, ""}};
  for (bench::Summary* summary :
       {&result.step_ms, &result.forward_ms, &result.backward_ms, &result.gemm_gflops}) {
    *summary = bench::summarize({2.0, 1.0, 3.0});
  }
  result.step_ms_interval = {{1.0, 2.5}};
  result.warm_up = {2, 0.25};
  result.model_flops_per_step = 1e7;
  result.launched_flops_per_rank = 6e6;
  result.loss = 3.5;
  result.memory.closed_formula_per_layer = 7;
  result.memory.closed_formula_of_ends = 8;
  result.memory.pool = 1600;
  result.memory.process = 9;
  result.memory.by_tensor = {{"qkv", 100, 100, true}};
  result.memory.of_ends = {{"logits", 60, 60, true}};
  result.memory.at_peak = {{"qkv", 0, "saved", 100}};
  result.calls = {
      {comm::Operation::all_gather, comm::Purpose::activation, 12, 1200, 600, 1e-3, 1e-3, 2.0}};
  result.rank_details = {{.host = "a",
                          .device = {"cpu", "", ""},
                          .step_ms = 3.0,
                          .blocked_ms = 1.0,
                          .gemm_gflops = 10.0,
                          .peak_bytes = 1500,
                          .process_bytes = 2000,
                          .busy_ms = 2.0,
                          .cores = "0-3"}};
  return result;
}

/// The same with overlap measured. E is 2/3, from six tuples.
inline bench::CaseResult result_with_overlap() {
  bench::CaseResult result = complete_result();
  result.settings.overlap.mode = result.overlap_mode = config::OverlapMode::ring;
  bench::OverlapResult overlap;
  for (int tuple = 0; tuple < 6; ++tuple) {
    overlap.samples.step.push_back(110.0);
    overlap.samples.serial.push_back(150.0);
    overlap.samples.compute_serial.push_back(90.0);
    overlap.samples.compute.push_back(100.0);
    overlap.samples.comm.push_back(50.0);
  }
  overlap.figures = bench::overlap_of(overlap.samples);
  overlap.timeline_exposed_ms = 12.0;
  overlap.intersect_ms = 45.0;
  overlap.polling_ms = 1.5;
  result.overlap = overlap;
  result.step_ms = bench::summarize(overlap.samples.step);
  return result;
}

/// One layer as in the published tables: s 2048, t 8, 16-bit elements.
inline config::Case published_case(std::int64_t h, std::int64_t a, std::int64_t b, bool sequence,
                                   const std::string& recompute = "none") {
  config::Case c;
  c.name = "published";
  c.model.hidden_size = h;
  c.model.ffn_hidden_size = 4 * h;
  c.model.num_attention_heads = a;
  c.model.num_query_groups = a;
  c.model.seq_length = 2048;
  c.model.micro_batch_size = b;
  c.precision = DType::bf16;
  support::set_word(c.recompute, recompute);
  c.parallel.tensor = 8;
  c.parallel.sequence = sequence;
  return c;
}

}  // namespace tidemark::support
