// SPDX-License-Identifier: BSD-3-Clause
#include "report/overlap_lines.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/statistics.hpp"

namespace tidemark::report {

namespace {

/// The overlap efficiency E in one phrase, or why there is none.
std::string efficiency_words(const bench::OverlapResult& overlap) {
  const bench::OverlapFigures& f = overlap.figures;
  if (!overlap.void_because.empty()) return "E void: " + overlap.void_because;
  if (!f.is_meaningful) return "E not meaningful: communication is under 1 % of the step";
  if (!f.efficiency) return "E unknown: the collectives cost nothing";
  const std::string interval =
      f.interval ? fmt::format("[{:.2f}, {:.2f}]", f.interval->first, f.interval->second)
                 : "without bounds";
  const std::string most = fmt::format(", at most {:.2f} possible", *f.efficiency_max);
  if (!f.is_resolved) {
    return fmt::format("E not resolved: 90 % interval {} after {} tuples{}", interval,
                       overlap.samples.size(), most);
  }
  return fmt::format("E {:.2f} {} of the cost of communication went away{}{}", *f.efficiency,
                     interval, most, f.exceeds_max ? " (MORE THAN POSSIBLE: do not trust it)" : "");
}

std::string size_text(std::int64_t bytes) {
  if (bytes >= 1 << 20) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
  if (bytes >= 1 << 10) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / (1 << 10));
  return fmt::format("{} B", bytes);
}

}  // namespace

std::string overlap_lines(const bench::CaseResult& result) {
  std::string text;
  if (result.slow_rank) {
    text += fmt::format(
        "  DISTURBED: rank {} slept for {:g} of its step, for a test: not to be "
        "published\n",
        result.slow_rank->rank, result.slow_rank->share);
  }
  if (result.is_emulated()) {
    const LinkModel& link = result.settings.emulated_link;
    text += fmt::format(
        "  EMULATED link of {:g} us and {} GB/s: a what-if, no figure of merit\n", link.latency_us,
        link.bandwidth_gbytes_per_s > 0.0 ? fmt::format("{:g}", link.bandwidth_gbytes_per_s)
                                          : "unlimited");
  }
  const bool was_chosen = result.settings.overlap.is_auto();
  if (!result.overlap) {
    return text +
           (was_chosen ? fmt::format("  overlap {} (chosen)\n", word_of(result.overlap_mode)) : "");
  }
  const bench::OverlapResult& overlap = *result.overlap;
  const bench::OverlapFigures& figures = overlap.figures;
  text += fmt::format(
      "  overlap {}{}: step {:.2f}, serial {:.2f}, compute {:.2f}, serial compute {:.2f}, "
      "comm {:.2f} ms\n    {}\n",
      word_of(result.overlap_mode), was_chosen ? " (chosen)" : "",
      bench::median_of(overlap.samples.step), bench::median_of(overlap.samples.serial),
      bench::median_of(overlap.samples.compute), bench::median_of(overlap.samples.compute_serial),
      bench::median_of(overlap.samples.comm), efficiency_words(overlap));
  const bool knows_schedule = figures.is_resolved && figures.schedule_efficiency;
  text += fmt::format(
      "    cost {:.2f} ms serially; exposed {:.2f}{}, splitting kernels {:.2f}; by the timeline "
      "exposed {:.2f} (polling {:.2f}), kernels beside communication {:.2f} ms\n",
      figures.serial_exposed_ms, figures.exposed_ms,
      knows_schedule ? fmt::format(" (schedule {:.2f})", *figures.schedule_efficiency) : "",
      figures.split_cost_ms, overlap.timeline_exposed_ms, overlap.polling_ms, overlap.intersect_ms);
  return text;
}

std::string drift_line(const bench::CaseResult& result) {
  if (!result.drift || !result.drift->exceeds_noise) return "";
  const double share = result.drift->share;
  return fmt::format(
      "  drifting: the last third of the steps took {:.1f} % {} than the first, beyond noise: no "
      "steady state\n",
      std::abs(share) * 100.0, share > 0.0 ? "longer" : "less");
}

std::string network_line(const bench::CaseResult& result) {
  constexpr double mebibyte = 1 << 20;
  double sent = 0.0;
  double network = 0.0;
  for (const bench::CallLine& call : result.calls) {
    if (!call.sent) return "";
    sent += call.sent->node_bytes + call.sent->network_bytes;
    network += call.sent->network_bytes;
  }
  if (network == 0.0) return "";
  return fmt::format("  between nodes {:.2f} of {:.2f} MiB/rank\n", network / mebibyte,
                     sent / mebibyte);
}

std::string transport_line(const bench::CaseResult& result) {
  if (result.transport != "staged") return "";
  return "  MPI does not say that it reaches the device's memory: every collective is copied "
         "through "
         "the host's\n";
}

namespace {

std::string piece_line(const std::optional<comm::PieceChoice>& choice) {
  if (!choice) return "";
  return fmt::format(
      "  {:<14} {} (beside products: {} whole {:.2f} ms, in pieces of {} {:.2f} ms)\n", "messages",
      choice->cuts ? "in pieces" : "whole", size_text(choice->message_bytes),
      choice->whole_seconds * 1e3, size_text(choice->piece_bytes), choice->pieces_seconds * 1e3);
}

}  // namespace

std::string algorithm_lines(const bench::CaseResult& result) {
  std::map<std::string, std::vector<std::string>> by_operation;
  std::vector<comm::AlgorithmChoice> choices = result.algorithms;
  std::stable_sort(choices.begin(), choices.end(),
                   [](const auto& a, const auto& b) { return a.message_bytes < b.message_bytes; });
  for (const comm::AlgorithmChoice& choice : choices) {
    by_operation[std::string(comm::name_of(choice.operation))].push_back(
        fmt::format("{} {}{}", size_text(choice.message_bytes), comm::name_of(choice.algorithm),
                    choice.overlapping ? " (beside products)" : ""));
  }
  std::string text;
  for (const auto& [operation, words] : by_operation) {
    text += fmt::format("  {:<14} {}\n", operation, fmt::join(words, ", "));
  }
  return text + piece_line(result.pieces);
}

}  // namespace tidemark::report
