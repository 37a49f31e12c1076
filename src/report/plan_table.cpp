// SPDX-License-Identifier: BSD-3-Clause
#include "report/plan_table.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "comm/operation.hpp"
#include "report/table.hpp"

namespace tidemark::report {

namespace {

using bench::PlanResult;

constexpr std::size_t columns_beside_each_other = 6;
constexpr std::size_t tide_lines_shown = 10;

std::string mib(std::int64_t bytes) {
  return fmt::format("{:.2f}", static_cast<double>(bytes) / 1048576.0);
}
std::string gib(std::int64_t bytes) {
  return fmt::format("{:.2f}", static_cast<double>(bytes) / 1073741824.0);
}

/// Several plans, and the text of their columns.
class Columns {
 public:
  explicit Columns(std::vector<const PlanResult*> plans) : plans_(std::move(plans)) {
    for (const PlanResult* plan : plans_) {
      width_ = std::max(width_, label_of(*plan).size() + 2);
    }
  }

  using Cell = std::function<std::string(const PlanResult&)>;
  void row(const std::string& name, const Cell& cell) {
    lines_.push_back({"  " + name, {}});
    for (const PlanResult* plan : plans_) lines_.back().cells.push_back(cell(*plan));
  }
  void heading(const std::string& title) {
    if (!lines_.empty()) lines_.push_back({"", {}});
    lines_.push_back({title, {}});
    for (const PlanResult* plan : plans_) lines_.back().cells.push_back(label_of(*plan));
  }
  [[nodiscard]] const std::vector<const PlanResult*>& plans() const { return plans_; }

  [[nodiscard]] std::string text() const {
    std::size_t title_width = 38;
    for (const Line& line : lines_) title_width = std::max(title_width, line.title.size());
    std::string text;
    for (const Line& line : lines_) {
      if (!line.cells.empty()) text += fmt::format("{:<{}}", line.title, title_width);
      for (const std::string& cell : line.cells) text += fmt::format("{:>{}}", cell, width_);
      text += '\n';
    }
    return text;
  }

 private:
  /// The mode, t, and the other swept settings.
  static std::string label_of(const PlanResult& plan) {
    const std::string swept = sweep_label(plan.settings);
    return fmt::format("{} t={}{}{}", mode_of(plan.settings), plan.settings.parallel.tensor,
                       swept.empty() ? "" : " ", swept);
  }

  struct Line {
    std::string title;
    std::vector<std::string> cells;
  };

  std::vector<const PlanResult*> plans_;
  std::size_t width_ = 12;
  std::vector<Line> lines_;
};

using Lines = std::vector<bench::SavedLine> bench::MemoryFigures::*;

/// Names of the tensors that any of the plans saves, in the order of the forward pass.
std::vector<std::string> names_of(const Columns& columns, Lines lines) {
  std::vector<std::string> names;
  for (const PlanResult* plan : columns.plans()) {
    auto place = names.begin();
    for (const bench::SavedLine& line : plan->memory.*lines) {
      const auto found = std::find(names.begin(), names.end(), line.name);
      place = found == names.end() ? names.insert(place, line.name) + 1 : found + 1;
    }
  }
  return names;
}

void add_saved(Columns& columns, Lines lines) {
  for (const std::string& name : names_of(columns, lines)) {
    columns.row(name, [&](const PlanResult& plan) {
      for (const bench::SavedLine& line : plan.memory.*lines) {
        if (line.name == name) return mib(line.bytes);
      }
      return std::string("-");
    });
  }
}

std::string or_dash(const std::optional<std::int64_t>& bytes) { return bytes ? mib(*bytes) : "-"; }

/// The name of the closed form, which follows the sum of every layer. Only that of GPT was
/// published.
std::string closed_form_name(const Columns& columns) {
  const bool published =
      std::none_of(columns.plans().begin(), columns.plans().end(),
                   [](const PlanResult* plan) { return plan->settings.model.is_llama(); });
  return published ? "published closed form" : "closed form";
}

void add_layer_and_ends(Columns& columns) {
  const std::string closed_form = closed_form_name(columns);
  columns.heading("Saved by a layer, MiB/rank");
  add_saved(columns, &bench::MemoryFigures::by_tensor);
  columns.row("sum without norm statistics",
              [](const PlanResult& plan) { return mib(plan.memory.saved_per_layer); });
  columns.row(closed_form,
              [](const PlanResult& plan) { return or_dash(plan.memory.closed_formula_per_layer); });
  const bool any_ends =
      std::any_of(columns.plans().begin(), columns.plans().end(),
                  [](const PlanResult* p) { return p->settings.model.has_ends(); });
  if (!any_ends) return;
  columns.heading("Saved by the ends, MiB/rank");
  add_saved(columns, &bench::MemoryFigures::of_ends);
  columns.row("sum without norm statistics",
              [](const PlanResult& plan) { return mib(plan.memory.saved_of_ends); });
  columns.row(closed_form,
              [](const PlanResult& plan) { return or_dash(plan.memory.closed_formula_of_ends); });
}

void add_tide(Columns& columns) {
  using Key = std::pair<std::string, std::string>;  // name, class
  std::map<const PlanResult*, std::map<Key, std::int64_t>> bytes;
  std::map<Key, std::int64_t> most;
  for (const PlanResult* plan : columns.plans()) {
    for (const bench::LedgerLine& line : plan->memory.at_peak) {
      bytes[plan][{line.name, line.tensor_class}] += line.bytes;
    }
    for (const auto& [key, sum] : bytes[plan]) most[key] = std::max(most[key], sum);
  }
  std::vector<std::pair<Key, std::int64_t>> sorted(most.begin(), most.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  const std::size_t shown = std::min(tide_lines_shown, sorted.size());
  columns.heading("Live at the tide, MiB/rank");
  std::map<const PlanResult*, std::int64_t> left;
  for (const PlanResult* plan : columns.plans()) left[plan] = plan->memory.peak;
  for (std::size_t i = 0; i < shown; ++i) {
    const Key& key = sorted[i].first;
    columns.row(fmt::format("{} ({})", key.first, key.second), [&](const PlanResult& plan) {
      const auto found = bytes[&plan].find(key);
      const std::int64_t sum = found == bytes[&plan].end() ? 0 : found->second;
      left[&plan] -= sum;
      return sum == 0 ? std::string("-") : mib(sum);
    });
  }
  if (sorted.size() > shown) {
    columns.row(fmt::format("{} smaller ones", sorted.size() - shown),
                [&](const PlanResult& plan) { return mib(left[&plan]); });
  }
  columns.row("peak", [](const PlanResult& plan) { return mib(plan.memory.peak); });
}

void add_training(Columns& columns, std::optional<std::int64_t> device_memory) {
  columns.heading("The whole stack in training, GiB/rank");
  const auto part = [&](const char* name, std::int64_t bench::MemoryFigures::*figure) {
    columns.row(name, [=](const PlanResult& plan) { return gib(plan.memory.*figure); });
  };
  part("parameters", &bench::MemoryFigures::parameters);
  part("gradients", &bench::MemoryFigures::gradients);
  columns.row("optimizer (Adam)",
              [](const PlanResult& plan) { return gib(plan.memory.optimizer.value_or(0)); });
  part("saved activations", &bench::MemoryFigures::saved);
  part("peak of all activations", &bench::MemoryFigures::peak);
  part("communication buffers", &bench::MemoryFigures::communication_buffers);
  columns.row("total (with the peak)",
              [](const PlanResult& plan) { return gib(plan.total_bytes()); });
  if (!device_memory) return;
  columns.row(fmt::format("fits {} GiB", gib(*device_memory)), [&](const PlanResult& plan) {
    return plan.total_bytes() <= *device_memory ? "yes" : "NO";
  });
}

void add_work(Columns& columns) {
  columns.heading("A step, per rank");
  columns.row("operations of the model, TFLOP", [](const PlanResult& plan) {
    return fmt::format("{:.3f}", plan.model_flops_per_step * 1e-12 /
                                     static_cast<double>(plan.settings.parallel.tensor));
  });
  columns.row("operations launched, TFLOP", [](const PlanResult& plan) {
    return fmt::format("{:.3f}", plan.launched_flops_per_rank * 1e-12);
  });
  for (const comm::Purpose purpose : comm::all_purposes) {
    for (const comm::Operation operation : comm::all_operations) {
      const auto find = [=](const PlanResult& plan) -> const bench::CallLine* {
        for (const bench::CallLine& call : plan.calls) {
          if (call.purpose == purpose && call.operation == operation) return &call;
        }
        return nullptr;
      };
      const bool any = std::any_of(columns.plans().begin(), columns.plans().end(),
                                   [&](const PlanResult* plan) { return find(*plan) != nullptr; });
      if (!any) continue;
      const std::string name =
          fmt::format("{} ({})", comm::name_of(operation), comm::name_of(purpose));
      columns.row(name + ", calls", [&](const PlanResult& plan) {
        const bench::CallLine* call = find(plan);
        return call == nullptr ? "-" : fmt::format("{}", call->count);
      });
      columns.row(name + ", wire MiB", [&](const PlanResult& plan) {
        const bench::CallLine* call = find(plan);
        return call == nullptr ? "-" : mib(call->wire_bytes);
      });
      const bool tells =
          std::any_of(columns.plans().begin(), columns.plans().end(), [&](const PlanResult* plan) {
            const bench::CallLine* call = find(*plan);
            return call != nullptr && call->sent;
          });
      if (!tells) continue;
      columns.row(name + ", between nodes MiB", [&](const PlanResult& plan) {
        const bench::CallLine* call = find(plan);
        const bool known = call != nullptr && call->sent;
        return known ? mib(std::llround(call->sent->network_bytes)) : "-";
      });
    }
  }
}

}  // namespace

std::string plan_tables(const std::vector<PlanResult>& plans,
                        std::optional<std::int64_t> device_memory) {
  std::string text;
  for (std::size_t first = 0; first < plans.size(); first += columns_beside_each_other) {
    std::vector<const PlanResult*> some;
    for (std::size_t i = first; i < std::min(plans.size(), first + columns_beside_each_other);
         ++i) {
      some.push_back(&plans[i]);
    }
    Columns columns(std::move(some));
    add_layer_and_ends(columns);
    add_tide(columns);
    add_training(columns, device_memory);
    add_work(columns);
    text += (first == 0 ? "" : "\n") + columns.text();
  }
  return text;
}

}  // namespace tidemark::report
