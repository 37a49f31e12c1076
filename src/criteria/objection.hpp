// SPDX-License-Identifier: BSD-3-Clause
// Records that say nothing about the machine, whatever they hold.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace tidemark::criteria {

/// A value as a message shows it: texts without quotation marks.
std::string text_of(const nlohmann::json& value);

/// Why nothing in a record counts: it is not valid, contradicts itself, was disturbed for a test,
/// or was measured on an emulated link. Empty where it counts.
std::string objection_to(const nlohmann::json& record);

}  // namespace tidemark::criteria
