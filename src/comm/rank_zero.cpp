// SPDX-License-Identifier: BSD-3-Clause
#include "comm/rank_zero.hpp"

#include "base/error.hpp"

namespace tidemark::comm {

namespace {

constexpr char success = 's';
constexpr char wrong_input = 'i';
constexpr char failure = 'f';

std::string attempt(const std::function<std::string()>& work) {
  try {
    return success + work();
  } catch (const Error& error) {
    return (error.status() == ExitStatus::input_error ? wrong_input : failure) +
           std::string(error.what());
  }
}

}  // namespace

std::string from_rank_zero(Communicator& communicator, const std::function<std::string()>& work) {
  const std::string message =
      communicator.broadcast_bytes(communicator.rank() == 0 ? attempt(work) : std::string());
  const std::string text = message.substr(1);
  switch (message.at(0)) {
    case success:
      return text;
    case wrong_input:
      throw InputError(text);
    default:
      throw RunError(text, Scope::all_ranks);
  }
}

}  // namespace tidemark::comm
