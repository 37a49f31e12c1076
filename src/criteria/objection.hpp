// SPDX-License-Identifier: BSD-3-Clause
// Finds records whose numbers do not count.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace tidemark::criteria {

/// A value as a message shows it, with strings without quotation marks.
std::string text_of(const nlohmann::json& value);

/// Why no number of a record counts: it is not valid, contradicts itself, was disturbed for a test,
/// or was measured on an emulated link. Empty if the numbers count.
std::string objection_to(const nlohmann::json& record);

}  // namespace tidemark::criteria
