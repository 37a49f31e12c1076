#include "bench/audit.hpp"

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

std::map<int, BytesByName> by_layer(const memory::Tide& tide) {
  std::map<int, BytesByName> layers;
  for (const memory::Entry& entry : tide.at_turn) {
    if (entry.layer != memory::no_layer) {
      layers[entry.layer][std::string(entry.name)] += static_cast<std::int64_t>(entry.bytes);
    }
  }
  return layers;
}

BytesByName on_paper(const config::Case& c) {
  BytesByName names;
  for (const theory::SavedTensor& tensor : theory::saved_tensors_per_layer(c)) {
    names[tensor.name] = tensor.bytes;
  }
  return names;
}

std::int64_t value_or_zero(const BytesByName& names, const std::string& name) {
  const auto found = names.find(name);
  return found == names.end() ? 0 : found->second;
}

// Collects differences, and words for the first.
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

}  // namespace

MemoryFigures memory_of(const config::Case& c, const memory::Tide& tide) {
  MemoryFigures figures;
  const auto layers = by_layer(tide);
  std::vector<std::int64_t> sums;
  for (const theory::SavedTensor& tensor : theory::saved_tensors_per_layer(c)) {
    SavedLine line{tensor.name, 0, tensor.bytes, tensor.in_formula};
    for (const auto& [layer, names] : layers) {
      line.bytes = std::max(line.bytes, value_or_zero(names, tensor.name));
    }
    figures.by_tensor.push_back(line);
  }
  std::set<std::string> statistics;
  for (const SavedLine& line : figures.by_tensor) {
    if (!line.in_formula) {
      statistics.insert(line.name);
    }
  }
  for (const auto& [layer, names] : layers) {
    std::int64_t saved = 0;
    for (const auto& [name, bytes] : names) {
      (statistics.contains(name) ? figures.norm_statistics : saved) += bytes;
    }
    figures.saved += saved;
    figures.saved_per_layer = std::max(figures.saved_per_layer, saved);
  }
  figures.formula_per_layer = theory::saved_bytes_per_layer(c);
  figures.closed_formula_per_layer = theory::paper_bytes_per_layer(c);
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
  const BytesByName expected = on_paper(c);
  const auto layers = by_layer(tide);
  differences.expect_equal("layers", static_cast<std::int64_t>(layers.size()), c.model.num_layers);
  for (const auto& [layer, names] : layers) {
    for (const auto& [name, bytes] : expected) {
      differences.expect_equal(fmt::format("layer {} {}", layer, name), value_or_zero(names, name),
                               bytes);
    }
    for (const auto& [name, bytes] : names) {
      if (!expected.contains(name)) {
        differences.note(fmt::format("layer {} holds {} ({} bytes)", layer, name, bytes));
      }
    }
  }
  for (const memory::Entry& entry : tide.at_turn) {
    const bool is_output = entry.layer == memory::no_layer && entry.name == "output";
    if (!is_output && entry.tensor_class != memory::TensorClass::saved) {
      differences.note(
          fmt::format("{} of layer {} is held but not entered as saved", entry.name, entry.layer));
    }
  }
  const auto closed = theory::paper_bytes_per_layer(c);
  if (closed) {
    differences.expect_equal("closed formula", theory::saved_bytes_per_layer(c), *closed);
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
      // One rank calls its collectives, too, but nothing has to move.
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
                       stats.blocked_seconds / steps, std::nullopt});
    }
  }
  return lines;
}

Check check_flops(const config::Case& c, std::uint64_t gemm_flops_per_step) {
  const double expected = theory::rank_flops_per_step(c);
  // The paper's figure is a double, exact to 2^53 and rounded beyond.
  const double rounding = expected < 9007199254740992.0 ? 0.0 : expected * 1e-15;
  return {"product_flops_against_formula",
          std::abs(static_cast<double>(gemm_flops_per_step) - expected), rounding, ""};
}

}  // namespace tidemark::bench
