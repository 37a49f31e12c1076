// SPDX-License-Identifier: BSD-3-Clause
// The version of the records that are written.
#pragma once

namespace tidemark::report {

inline constexpr int schema_version = 2;

}  // namespace tidemark::report
