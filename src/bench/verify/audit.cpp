// SPDX-License-Identifier: BSD-3-Clause
#include "bench/verify/audit.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "theory/activation.hpp"
#include "theory/flops.hpp"
#include "theory/traffic.hpp"

namespace tidemark::bench {

namespace {

using BytesByName = std::map<std::string, std::int64_t>;

/// What was live at the turn, by layer. no_layer has the ends, or the output without ends.
std::map<int, BytesByName> by_layer(const memory::Tide& tide) {
  std::map<int, BytesByName> layers;
  for (const memory::Entry& entry : tide.at_turn) {
    layers[entry.layer][std::string(entry.name)] += static_cast<std::int64_t>(entry.bytes);
  }
  return layers;
}

BytesByName names_of(const std::vector<theory::SavedTensor>& tensors) {
  BytesByName names;
  for (const theory::SavedTensor& tensor : tensors) names[tensor.name] = tensor.bytes;
  return names;
}

std::int64_t value_or_zero(const BytesByName& names, const std::string& name) {
  const auto found = names.find(name);
  return found == names.end() ? 0 : found->second;
}

// Counts differences, and describes the first.
class Differences {
 public:
  void expect_equal(const std::string& what, std::int64_t actual, std::int64_t expected) {
    if (actual != expected) {
      note(fmt::format("{}: {} instead of {}", what, actual, expected));
    }
  }
  void note(const std::string& what) {
    first_ = count_ == 0 ? what : first_;
    ++count_;
  }
  [[nodiscard]] Check check(const std::string& name) const {
    return {name, static_cast<double>(count_), 0.0, first_};
  }

 private:
  int count_ = 0;
  std::string first_;
};

/// One line per tensor of the formula, with the largest bytes that any of `holders` holds of it.
std::vector<SavedLine> lines_of(const std::vector<theory::SavedTensor>& formula,
                                const std::vector<BytesByName>& holders) {
  std::vector<SavedLine> lines;
  for (const theory::SavedTensor& tensor : formula) {
    SavedLine line{tensor.name, 0, tensor.bytes, tensor.in_formula};
    for (const BytesByName& names : holders) {
      line.bytes = std::max(line.bytes, value_or_zero(names, tensor.name));
    }
    lines.push_back(line);
  }
  return lines;
}

/// Bytes that a layer or the ends hold. Tensors outside the formula are counted apart.
struct Held {
  std::int64_t counted = 0;
  std::int64_t statistics = 0;
};

Held held_by(const BytesByName& names, const std::vector<theory::SavedTensor>& formula) {
  std::set<std::string> outside;
  for (const theory::SavedTensor& tensor : formula) {
    if (!tensor.in_formula) outside.insert(tensor.name);
  }
  Held held;
  for (const auto& [name, bytes] : names) {
    (outside.contains(name) ? held.statistics : held.counted) += bytes;
  }
  return held;
}

void expect_tensors(Differences& differences, const std::string& holder, const BytesByName& actual,
                    const BytesByName& expected) {
  for (const auto& [name, bytes] : expected) {
    differences.expect_equal(fmt::format("{} {}", holder, name), value_or_zero(actual, name),
                             bytes);
  }
  for (const auto& [name, bytes] : actual) {
    if (!expected.contains(name)) {
      differences.note(fmt::format("{} holds {} ({} bytes)", holder, name, bytes));
    }
  }
}

}  // namespace

MemoryFigures memory_of(const config::Case& c, const memory::Tide& tide) {
  const auto layer_formula = theory::saved_tensors_per_layer(c);
  const auto ends_formula = theory::saved_tensors_of_ends(c);
  MemoryFigures figures;
  std::vector<BytesByName> layers;
  BytesByName ends;
  for (const auto& [layer, names] : by_layer(tide)) {
    if (layer != memory::no_layer) {
      layers.push_back(names);
    } else if (c.model.has_ends()) {
      ends = names;
    }
  }
  for (const BytesByName& names : layers) {
    const Held held = held_by(names, layer_formula);
    figures.saved += held.counted;
    figures.norm_statistics += held.statistics;
    figures.saved_per_layer = std::max(figures.saved_per_layer, held.counted);
  }
  const Held of_ends = held_by(ends, ends_formula);
  figures.saved_of_ends = of_ends.counted;
  figures.saved += of_ends.counted;
  figures.norm_statistics += of_ends.statistics;
  figures.by_tensor = lines_of(layer_formula, layers);
  figures.of_ends = lines_of(ends_formula, {ends});
  figures.formula_per_layer = theory::saved_bytes_per_layer(c);
  figures.closed_formula_per_layer = theory::published_bytes_per_layer(c);
  figures.formula_of_ends = theory::saved_bytes_of_ends(c);
  figures.closed_formula_of_ends = theory::published_bytes_of_ends(c);
  figures.peak = static_cast<std::int64_t>(tide.peak_bytes);
  for (const memory::Entry& entry : tide.at_peak) {
    figures.at_peak.push_back({std::string(entry.name), entry.layer,
                               std::string(memory::name_of(entry.tensor_class)),
                               static_cast<std::int64_t>(entry.bytes)});
  }
  return figures;
}

Check check_saved(const config::Case& c, const memory::Tide& tide) {
  Differences differences;
  auto holders = by_layer(tide);
  BytesByName ends;
  if (const auto found = holders.find(memory::no_layer); found != holders.end()) {
    ends = found->second;
    holders.erase(found);
  }
  if (!c.model.has_ends()) ends.erase("output");
  differences.expect_equal("layers", static_cast<std::int64_t>(holders.size()), c.model.num_layers);
  const BytesByName expected = names_of(theory::saved_tensors_per_layer(c));
  for (const auto& [layer, names] : holders) {
    expect_tensors(differences, fmt::format("layer {}", layer), names, expected);
  }
  expect_tensors(differences, "the stack", ends, names_of(theory::saved_tensors_of_ends(c)));
  for (const memory::Entry& entry : tide.at_turn) {
    const bool is_output = entry.layer == memory::no_layer && entry.name == "output";
    if (!is_output && entry.tensor_class != memory::TensorClass::saved) {
      differences.note(
          fmt::format("{} of layer {} is held but not entered as saved", entry.name, entry.layer));
    }
  }
  if (const auto closed = theory::published_bytes_per_layer(c)) {
    differences.expect_equal("closed formula", theory::saved_bytes_per_layer(c), *closed);
  }
  if (const auto closed = theory::published_bytes_of_ends(c)) {
    differences.expect_equal("closed formula of the ends", theory::saved_bytes_of_ends(c), *closed);
  }
  return differences.check("saved_bytes_against_formula");
}

Check check_traffic(const config::Case& c, const comm::Counters& counters, int steps) {
  Differences differences;
  std::map<std::pair<comm::Operation, comm::Purpose>, theory::StepTraffic> expected;
  for (const theory::StepTraffic& traffic : theory::step_traffic(c)) {
    expected[{traffic.operation, traffic.purpose}] = traffic;
  }
  for (const comm::Operation operation : comm::all_operations) {
    for (const comm::Purpose purpose : comm::all_purposes) {
      const comm::CallStats& stats = counters.at(operation, purpose);
      const theory::StepTraffic traffic = expected[{operation, purpose}];
      const std::string what =
          fmt::format("{} of {}", comm::name_of(operation), comm::name_of(purpose));
      // With one rank the collectives are called, too, but move no data.
      if (c.parallel.tensor > 1) {
        differences.expect_equal(what + " calls", stats.calls, traffic.calls * steps);
        differences.expect_equal(what + " bytes", stats.message_bytes,
                                 traffic.message_bytes * steps);
      }
      differences.expect_equal(what + " wire bytes", stats.wire_bytes, traffic.wire_bytes * steps);
    }
  }
  return differences.check("traffic_against_formula");
}

/// What this rank sent.
std::optional<CallLine::Sent> sent_per_step(const comm::CallStats& stats, int steps) {
  if (stats.calls_with_sent != stats.calls) return std::nullopt;
  return CallLine::Sent{static_cast<double>(stats.sent.node) / steps,
                        static_cast<double>(stats.sent.network) / steps};
}

std::vector<CallLine> calls_per_step(const comm::Counters& counters, int ranks, int steps) {
  std::vector<CallLine> lines;
  for (const comm::Purpose purpose : comm::all_purposes) {
    for (const comm::Operation operation : comm::all_operations) {
      const comm::CallStats& stats = counters.at(operation, purpose);
      if (stats.calls == 0 || ranks == 1) {
        continue;
      }
      lines.push_back({operation, purpose, stats.calls / steps, stats.message_bytes / steps,
                       stats.wire_bytes / steps, stats.seconds / steps,
                       stats.blocked_seconds / steps, std::nullopt, sent_per_step(stats, steps)});
    }
  }
  return lines;
}

Check check_flops(const config::Case& c, std::uint64_t gemm_flops_per_step) {
  const double expected = theory::launched_flops_per_step(c);
  // The formula's figure is a double, which is exact up to 2^53 and rounded above.
  const double rounding = expected < 9007199254740992.0 ? 0.0 : expected * 1e-15;
  return {"product_flops_against_formula",
          std::abs(static_cast<double>(gemm_flops_per_step) - expected), rounding, ""};
}

}  // namespace tidemark::bench
