// SPDX-License-Identifier: BSD-3-Clause
#include "report/preset_table.hpp"

#include <fmt/format.h>

#include "config/preset.hpp"
#include "theory/memory.hpp"

namespace tidemark::report {

namespace {

constexpr const char* columns = "{:<14} {:<6} {:>4} {:>6} {:>7} {:>4} {:>4} {:>6} {:>7} {:>11}\n";

}  // namespace

std::string preset_table() {
  std::string table = fmt::format(fmt::runtime(columns), "preset", "family", "L", "h", "ffn", "a",
                                  "g", "s", "V", "parameters");
  table += fmt::format(fmt::runtime(columns), "", "", "", "", "", "", "", "", "", "1e9");
  for (const config::Preset& preset : config::presets()) {
    const config::Case c = config::case_of(preset);
    const config::ModelConfig& m = c.model;
    const auto parameters = static_cast<double>(theory::parameters_per_rank(c));
    table +=
        fmt::format(fmt::runtime(columns), preset.name, word_of(m.family), m.num_layers,
                    m.hidden_size, m.ffn_hidden_size, m.num_attention_heads, m.num_query_groups,
                    m.seq_length, m.vocab_size, fmt::format("{:.3f}", parameters * 1e-9));
  }
  return table;
}

}  // namespace tidemark::report
