// SPDX-License-Identifier: BSD-3-Clause
#include "report/table.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tidemark::report {

namespace {

double mib(std::int64_t bytes) { return static_cast<double>(bytes) / 1048576.0; }

// True if the column of the mode or of t shows the key.
bool has_own_column(const std::string& key) {
  return key.rfind("parallel.", 0) == 0 || key == "recompute" || key == "model.attention";
}

std::size_t label_width(const std::vector<config::Case>& cases) {
  std::size_t width = 0;
  for (const config::Case& c : cases) {
    width = std::max(width, sweep_label(c).size());
  }
  return width == 0 ? 0 : std::max<std::size_t>(width, 4) + 2;
}

std::string label_column(const std::vector<config::Case>& cases, const std::string& text) {
  return fmt::format("{:<{}}", text, label_width(cases));
}

std::size_t mode_width(const std::vector<config::Case>& cases) {
  std::size_t width = 10;
  for (const config::Case& c : cases) width = std::max(width, mode_of(c).size());
  return width;
}

// The first column is the mode, and its width is an argument.
constexpr const char* columns =
    "{:<{}} {:>3} {:>10} {:>10} {:>6} {:>10} {:>8} {:>11} {:>11} {:>11} {:>12} {:>8}\n";

std::string verdict(const bench::CaseResult& result) {
  if (!result.verification.performed()) {
    return "unknown";
  }
  return result.valid() ? "yes" : "INVALID";
}

/// Four digits, or more if there are more before the point: 0.01234, 1.234, 1234, 12345.
std::string four_digits(double value) {
  if (!(value > 0.0)) return fmt::format("{:.3f}", value);
  const int before = static_cast<int>(std::floor(std::log10(value))) + 1;
  return fmt::format("{:.{}f}", value, std::max(0, 4 - before));
}

std::string figure_of_merit(const bench::CaseResult& result) {
  if (result.verification.performed() && !result.valid()) return "INVALID";
  return result.has_merit() ? four_digits(result.model_tflops_per_s()) : "-";
}

/// Half the 90 % interval of the figure of merit, as a share of that figure.
std::string uncertainty(const bench::CaseResult& result) {
  const auto interval = result.model_tflops_interval();
  if (!result.has_merit() || !interval) return "-";
  const double half = 0.5 * (interval->second - interval->first);
  return fmt::format("{:.1f}", 100.0 * half / result.model_tflops_per_s());
}

std::string tokens(const bench::CaseResult& result) {
  return result.has_merit() ? fmt::format("{:.1f}", result.tokens_per_s()) : "-";
}

}  // namespace

std::string mode_of(const config::Case& c) {
  std::string mode = "TP";
  if (c.parallel.tensor == 1) {
    mode = "single";
  } else if (c.parallel.sequence) {
    mode = c.parallel.keep_gathered ? "TP+SP keep" : "TP+SP";
  }
  if (c.recompute != config::Recompute::none) mode += fmt::format("+{}", word_of(c.recompute));
  if (c.model.is_blocked()) mode += "+blocked";
  return mode;
}

std::string sweep_label(const config::Case& c) {
  std::string label;
  for (const auto& [key, value] : c.swept) {
    if (!has_own_column(key)) {
      label +=
          fmt::format("{}{}={}", label.empty() ? "" : " ", key.substr(key.rfind('.') + 1), value);
    }
  }
  return label;
}

std::string shape_of(const config::Case& c) {
  std::string ends;
  if (c.model.has_ends()) ends = fmt::format(", V {}", c.model.vocab_size);
  const std::string family = c.model.is_llama() ? "llama, " : "";
  const std::string groups =
      c.model.is_llama() ? fmt::format(", g {}", c.model.num_query_groups) : "";
  return fmt::format("{}: {}L {}, h {}, ffn {}, a {}{}, s {}, b {}{}, {}", c.name, family,
                     c.model.num_layers, c.model.hidden_size, c.model.ffn_hidden_size,
                     c.model.num_attention_heads, groups, c.model.seq_length,
                     c.model.micro_batch_size, ends, c.precision_name());
}

std::string padding_lines(const std::vector<config::Case>& cases) {
  std::set<std::string> lines;
  for (const config::Case& c : cases) {
    if (!c.model.has_ends() || c.padded_vocab_size() == c.model.vocab_size) continue;
    lines.insert(fmt::format("vocabulary of {} padded to {}, a multiple of t = {}\n",
                             c.model.vocab_size, c.padded_vocab_size(), c.parallel.tensor));
  }
  return fmt::format("{}", fmt::join(lines, ""));
}

std::string table_header(const std::vector<config::Case>& cases) {
  const std::string label = label_width(cases) > 0 ? "case" : "";
  const std::size_t width = mode_width(cases);
  return label_column(cases, label) +
         fmt::format(fmt::runtime(columns), "mode", width, "t", "step", "model", "90%", "tokens",
                     "of", "saved", "formula", "peak", "wire", "valid") +
         label_column(cases, "") +
         fmt::format(fmt::runtime(columns), "", width, "", "ms", "TFLOP/s", "+-%", "/s", "product",
                     "MiB/rank", "MiB/rank", "MiB/rank", "MiB/rank", "");
}

std::string table_row(const std::vector<config::Case>& cases, const bench::CaseResult& result) {
  const config::Case& c = result.settings;
  const std::int64_t formula =
      result.memory.formula_per_layer * c.model.num_layers + result.memory.formula_of_ends;
  return label_column(cases, sweep_label(c)) +
         fmt::format(
             fmt::runtime(columns), mode_of(c), mode_width(cases), c.parallel.tensor,
             fmt::format("{:.2f}", result.step_ms.median), figure_of_merit(result),
             uncertainty(result), tokens(result), fmt::format("{:.3f}", result.fraction_of_gemm()),
             fmt::format("{:.2f}", mib(result.memory.saved)), fmt::format("{:.2f}", mib(formula)),
             fmt::format("{:.2f}", mib(result.memory.peak)),
             fmt::format("{:.2f}", mib(bench::wire_bytes(result.calls, comm::Purpose::activation))),
             verdict(result));
}

std::string skipped_row(const std::vector<config::Case>& cases, const config::Case& c,
                        const std::string& results) {
  return label_column(cases, sweep_label(c)) +
         fmt::format("{:<{}} {:>3} skipped: its valid record is in {}\n", mode_of(c),
                     mode_width(cases), c.parallel.tensor, results);
}

std::string failure_lines(const bench::CaseResult& result) {
  std::string lines;
  for (const bench::Check& check : result.verification.checks) {
    if (!check.passed()) {
      lines += fmt::format("  INVALID: {}: {:.3g} is above {:.3g}{}{}\n", check.name, check.value,
                           check.bound, check.where.empty() ? "" : ": ", check.where);
    }
  }
  return lines;
}

std::string tide_lines(const bench::CaseResult& result, std::size_t lines) {
  struct Sum {
    std::int64_t bytes = 0;
    int count = 0;
  };
  std::map<std::pair<std::string, std::string>, Sum> by_name;
  for (const bench::LedgerLine& line : result.memory.at_peak) {
    Sum& sum = by_name[{line.name, line.tensor_class}];
    sum.bytes += line.bytes;
    ++sum.count;
  }
  std::vector<std::pair<std::pair<std::string, std::string>, Sum>> sorted(by_name.begin(),
                                                                          by_name.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.bytes > b.second.bytes; });
  std::string text = fmt::format("At the tide of {} ({:.2f} MiB/rank):\n", mode_of(result.settings),
                                 mib(result.memory.peak));
  const std::size_t shown = std::min(lines, sorted.size());
  std::size_t class_width = 9;
  for (std::size_t i = 0; i < shown; ++i) {
    class_width = std::max(class_width, sorted[i].first.second.size());
  }
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& [key, sum] = sorted[i];
    text += fmt::format("  {:>10.2f} MiB  {:<{}}  {}{}\n", mib(sum.bytes), key.second, class_width,
                        key.first, sum.count > 1 ? fmt::format(" x {}", sum.count) : "");
  }
  if (sorted.size() > lines) {
    text += fmt::format("  and {} smaller ones\n", sorted.size() - lines);
  }
  return text;
}

}  // namespace tidemark::report
