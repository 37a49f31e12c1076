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

/// What a preset says of a model; symbols are those of docs/definitions/model.md. A 0 is not said:
/// the key keeps the default of its family, which follows what the input changes of the rest.
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

/// All presets, in the order of their listing.
[[nodiscard]] std::span<const Preset> presets();

/// What `model.preset` accepts: "none" and the names.
[[nodiscard]] std::vector<std::string> preset_words();

/// Sets `model.preset` and what the preset of that name says, and enters the keys into `locations`
/// as given at `where`, and into `from_preset`. Nothing but the name for "none". Whatever else the
/// input gives is to be set afterwards.
void apply_preset(Case& c, const std::string& name, const std::string& where);

/// The case of a preset alone, on one rank, with all defaults resolved.
[[nodiscard]] Case case_of(const Preset& preset);

}  // namespace tidemark::config
