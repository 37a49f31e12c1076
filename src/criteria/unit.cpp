// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/unit.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"

namespace tidemark::criteria {

namespace {

constexpr double kib = 1024.0;

constexpr std::array units{
    Unit{"1", Dimension::none, 1.0},
    Unit{"%", Dimension::none, 0.01},
    Unit{"s", Dimension::time, 1.0},
    Unit{"ms", Dimension::time, 1e-3},
    Unit{"us", Dimension::time, 1e-6},
    Unit{"B", Dimension::bytes, 1.0},
    Unit{"kB", Dimension::bytes, 1e3},
    Unit{"MB", Dimension::bytes, 1e6},
    Unit{"GB", Dimension::bytes, 1e9},
    Unit{"TB", Dimension::bytes, 1e12},
    Unit{"KiB", Dimension::bytes, kib},
    Unit{"MiB", Dimension::bytes, kib* kib},
    Unit{"GiB", Dimension::bytes, kib* kib* kib},
    Unit{"TiB", Dimension::bytes, kib* kib* kib* kib},
    Unit{"B/s", Dimension::byte_rate, 1.0},
    Unit{"MB/s", Dimension::byte_rate, 1e6},
    Unit{"GB/s", Dimension::byte_rate, 1e9},
    Unit{"TB/s", Dimension::byte_rate, 1e12},
    Unit{"MiB/s", Dimension::byte_rate, kib* kib},
    Unit{"GiB/s", Dimension::byte_rate, kib* kib* kib},
    Unit{"FLOP", Dimension::operations, 1.0},
    Unit{"GFLOP", Dimension::operations, 1e9},
    Unit{"TFLOP", Dimension::operations, 1e12},
    Unit{"GFLOP/s", Dimension::operation_rate, 1e9},
    Unit{"TFLOP/s", Dimension::operation_rate, 1e12},
    Unit{"PFLOP/s", Dimension::operation_rate, 1e15},
    Unit{"tokens/s", Dimension::token_rate, 1.0},
};

/// The unit that a name, or the end of a name, implies. The first entry that fits counts.
struct Suffix {
  std::string_view text;
  std::string_view unit;
};
constexpr std::array suffixes{
    Suffix{"gbytes_per_s", "GB/s"},
    Suffix{"tokens_per_s", "tokens/s"},
    Suffix{"tflops_per_s", "TFLOP/s"},
    Suffix{"tflops_per_s_ci", "TFLOP/s"},
    Suffix{"per_s", ""},  // of a quantity that is not known here
    Suffix{"microseconds", "us"},
    Suffix{"seconds", "s"},
    Suffix{"ms", "ms"},
    Suffix{"us", "us"},
    Suffix{"s", "s"},
    Suffix{"percent", "%"},
    Suffix{"bytes", "B"},
    Suffix{"bytes_per_layer", "B"},
    Suffix{"bytes_per_step", "B"},
    Suffix{"gflops", "GFLOP/s"},
    Suffix{"gflops_per_rank", "GFLOP/s"},
    Suffix{"gflops_samples", "GFLOP/s"},
    Suffix{"model_per_step", "FLOP"},
    Suffix{"launched_per_rank", "FLOP"},
    Suffix{"tide", "B"},
};

/// Names of single figures of a series. The name of the series has the unit.
constexpr std::array<std::string_view, 12> figures{
    "median", "min",          "max",   "samples",    "native",    "pairwise",
    "ring",   "hierarchical", "saved", "recomputed", "transient", "workspace"};

std::string_view unit_in(std::string_view name) {
  for (const Suffix& suffix : suffixes) {
    if (!name.ends_with(suffix.text)) continue;
    const std::size_t before = name.size() - suffix.text.size();
    if (before == 0 || name[before - 1] == '_') return suffix.unit;
  }
  return "";
}

bool is_figure(std::string_view name) {
  return std::find(figures.begin(), figures.end(), name) != figures.end();
}

}  // namespace

const Unit* find_unit(std::string_view name) {
  const auto found =
      std::find_if(units.begin(), units.end(), [&](const Unit& unit) { return unit.name == name; });
  return found == units.end() ? nullptr : &*found;
}

Unit unit_of(const std::vector<std::string>& keys) {
  TIDEMARK_REQUIRE(!keys.empty(), "a path has a key");
  auto key = keys.rbegin();
  while (is_figure(*key) && key + 1 != keys.rend()) ++key;
  const std::string_view name = unit_in(*key);
  return name.empty() ? units.front() : *find_unit(name);
}

std::string names_of(Dimension dimension) {
  std::string names;
  for (const Unit& unit : units) {
    if (unit.dimension != dimension) continue;
    names += (names.empty() ? "" : ", ") + std::string(unit.name);
  }
  return names;
}

}  // namespace tidemark::criteria
