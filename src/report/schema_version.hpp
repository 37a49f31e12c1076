// SPDX-License-Identifier: BSD-3-Clause
// The schema version of written records.
#pragma once

namespace tidemark::report {

inline constexpr int schema_version = 2;

}  // namespace tidemark::report
