// The environment, or what a test puts in its place.
#pragma once

#include <functional>

namespace tidemark::job {

/// The value of a variable, null where it is not set: as std::getenv, which may stand here.
using Variables = std::function<const char*(const char* name)>;

}  // namespace tidemark::job
