// SPDX-License-Identifier: BSD-3-Clause
#include "cli/kokkos_session.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include <Kokkos_Core.hpp>
#include <fmt/format.h>

#include "base/error.hpp"

namespace tidemark::cli {

namespace {

void initialize(int& count, char** arguments) {
  try {
    Kokkos::initialize(count, arguments);
  } catch (const std::exception& error) {
    const std::string text = error.what();  // a stack trace may follow the first line
    throw InputError("command line: Kokkos: " + text.substr(0, text.find('\n')));
  }
}

}  // namespace

KokkosSession::KokkosSession(const std::vector<char*>& arguments, std::optional<int> device,
                             bool speaks) {
  std::string silence = "--kokkos-disable-warnings";
  std::string choice = fmt::format("--kokkos-device-id={}", device.value_or(0));
  std::vector<char*> for_kokkos{arguments.front()};
  for (char* const argument : arguments) {
    const bool is_kokkos = std::string_view(argument).starts_with("--kokkos-");
    (is_kokkos ? for_kokkos : own_arguments_).push_back(argument);
  }
  const auto is_given = [&](const char* option) {
    return std::any_of(for_kokkos.begin(), for_kokkos.end(), [&](std::string_view argument) {
      return argument.find(option) != std::string_view::npos;
    });
  };
  if (device && !is_given("device-id")) for_kokkos.push_back(choice.data());
  if (!(speaks && device) && !is_given("disable-warnings") &&
      std::getenv("KOKKOS_DISABLE_WARNINGS") == nullptr) {
    for_kokkos.push_back(silence.data());
  }
  int count = static_cast<int>(for_kokkos.size());
  for_kokkos.push_back(nullptr);
  initialize(count, for_kokkos.data());
  own_arguments_.insert(own_arguments_.end(), for_kokkos.begin() + 1, for_kokkos.begin() + count);
}

KokkosSession::~KokkosSession() { Kokkos::finalize(); }

}  // namespace tidemark::cli
