// SPDX-License-Identifier: BSD-3-Clause
// The meaning of a record's keys in the versions of the record's schema.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "criteria/path.hpp"

namespace tidemark::criteria {

/// The record's schema_version; 0 if it has none.
int version_of(const nlohmann::json& record);

/// Why a criterion cannot use `path` in a record, in one line; empty if it can. A record of version
/// 1 lacks the keys that version 2 added, and a few of its keys have another meaning. Criteria name
/// the keys of version 2. Settings, which are below `case`, are not checked here.
std::string version_objection(const RecordPath& path, const nlohmann::json& record);

/// As RecordPath::find, but finds nothing if version_objection has an objection.
Found find_in_version(const RecordPath& path, const nlohmann::json& record);

}  // namespace tidemark::criteria
