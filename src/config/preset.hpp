// SPDX-License-Identifier: BSD-3-Clause
// Shapes of published models, by name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/case.hpp"

namespace tidemark::config {

/// The shape of a model; symbols are those of docs/definitions/model.md. For a 0 the key keeps the
/// default of its family, which depends on the other keys.
struct Preset {
  std::string_view name;
  std::string_view family;
  std::int64_t layers;      ///< L
  std::int64_t hidden;      ///< h
  std::int64_t ffn;         ///< 0: 4h
  std::int64_t heads;       ///< a
  std::int64_t groups;      ///< g; 0: a
  std::int64_t seq_length;  ///< s
  std::int64_t vocabulary;  ///< V
  double rope_theta;        ///< 0: none
};

/// All presets, in the order in which they are listed.
[[nodiscard]] std::span<const Preset> presets();

/// The words that `model.preset` accepts: "none" and the names of the presets.
[[nodiscard]] std::vector<std::string> preset_words();

/// Sets `model.preset` and all keys of the preset called `name`. Enters the keys into `locations`
/// as given at `where`, and into `from_preset`. For "none" it sets only `model.preset`. The caller
/// must set the other keys of the input afterwards.
void apply_preset(Case& c, const std::string& name, const std::string& where);

/// The case of a preset without other settings, on one rank, with all defaults resolved.
[[nodiscard]] Case case_of(const Preset& preset);

}  // namespace tidemark::config
