// SPDX-License-Identifier: BSD-3-Clause
// The keys that a record has, for criteria that name one.
#pragma once

#include <string>

#include "criteria/path.hpp"

namespace tidemark::criteria {

/// Throws InputError, `WHERE: key: ...`, with the nearest key if no record has such a key. All keys
/// below `provenance` and `test` are accepted. A test of the command line compares the keys of real
/// records with this.
void refuse_unknown_key(const RecordPath& path, const std::string& where);

}  // namespace tidemark::criteria
