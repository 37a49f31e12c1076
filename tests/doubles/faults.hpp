// SPDX-License-Identifier: BSD-3-Clause
// Faults that the doubles have on demand.
#pragma once

#include <string>

namespace tidemark::doubles {

enum class Kind {
  fail,  ///< the call returns an error, and does nothing
  hang,  ///< the call does not return
  skip,  ///< the call does nothing, and says that all went well
};

/// From now on the `nth` call of `function` in this process, counted from 1, and every later one
/// meets the fault. One fault at a time.
void plant(Kind kind, const std::string& function, int nth = 1);
void plant_nothing();

/// For the doubles: whether this call of `function` is to meet a fault of this kind. Each function
/// asks once a call for each kind that it knows.
bool strikes(Kind kind, const char* function);
/// The faults that every call may meet: hangs where it is to, and is true where it is to fail.
bool fails(const char* function);
/// Does not return.
[[noreturn]] void hang();

}  // namespace tidemark::doubles
