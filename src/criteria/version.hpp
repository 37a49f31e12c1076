// SPDX-License-Identifier: BSD-3-Clause
// What a key of a record means in the versions of the record's schema.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "criteria/path.hpp"

namespace tidemark::criteria {

/// The record's schema_version; 0 where it has none.
int version_of(const nlohmann::json& record);

/// Why a criterion cannot look at `path` in a record, in one line; empty where it can. A record of
/// version 1 lacks the keys that version 2 added, and a few of its keys mean something else there.
/// Criteria speak of the keys of version 2. Settings, below `case`, are not looked at here.
std::string version_objection(const RecordPath& path, const nlohmann::json& record);

/// As RecordPath::find; where the record's version stands against it, nothing is found.
Found find_in_version(const RecordPath& path, const nlohmann::json& record);

}  // namespace tidemark::criteria
