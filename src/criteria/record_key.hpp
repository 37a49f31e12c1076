// SPDX-License-Identifier: BSD-3-Clause
// Which keys a record has, for criteria that name one.
#pragma once

#include <string>

#include "criteria/path.hpp"

namespace tidemark::criteria {

/// Throws InputError, `WHERE: key: ...`, with the nearest key, where no record has such a key. What
/// stands below `provenance` and `test` is let pass. A test of the command line holds the keys of
/// real records against this.
void refuse_unknown_key(const RecordPath& path, const std::string& where);

}  // namespace tidemark::criteria
