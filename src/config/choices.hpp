// SPDX-License-Identifier: BSD-3-Clause
// Settings that choose one of a few words. docs/settings.md says what each word means.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "base/words.hpp"

namespace tidemark::config {

enum class Family { gpt, llama };
enum class Attention { materialized, blocked };
enum class Recompute { none, selective, full };
/// `automatic` is the word `auto` in all enumerations below.
enum class OverlapMode { none, bulk, ring, automatic };
enum class Progress { poll, thread, none };
enum class Backend { automatic, mpi, nccl };
enum class Algorithm { automatic, native, pairwise, ring, hierarchical };
/// How messages beside products travel.
enum class Messages { automatic, whole, pieces };
enum class Products { automatic, kokkos_kernels, onednn, cublas };

}  // namespace tidemark::config

namespace tidemark {

template <>
struct Words<config::Family> {
  using enum config::Family;
  static constexpr auto all =
      std::to_array<std::pair<config::Family, std::string_view>>({{gpt, "gpt"}, {llama, "llama"}});
};

template <>
struct Words<config::Attention> {
  using enum config::Attention;
  static constexpr auto all = std::to_array<std::pair<config::Attention, std::string_view>>(
      {{materialized, "materialized"}, {blocked, "blocked"}});
};

template <>
struct Words<config::Recompute> {
  using enum config::Recompute;
  static constexpr auto all = std::to_array<std::pair<config::Recompute, std::string_view>>(
      {{none, "none"}, {selective, "selective"}, {full, "full"}});
};

template <>
struct Words<config::OverlapMode> {
  using enum config::OverlapMode;
  static constexpr auto all = std::to_array<std::pair<config::OverlapMode, std::string_view>>(
      {{none, "none"}, {bulk, "bulk"}, {ring, "ring"}, {automatic, "auto"}});
};

template <>
struct Words<config::Progress> {
  using enum config::Progress;
  static constexpr auto all = std::to_array<std::pair<config::Progress, std::string_view>>(
      {{poll, "poll"}, {thread, "thread"}, {none, "none"}});
};

template <>
struct Words<config::Backend> {
  using enum config::Backend;
  static constexpr auto all = std::to_array<std::pair<config::Backend, std::string_view>>(
      {{automatic, "auto"}, {mpi, "mpi"}, {nccl, "nccl"}});
};

template <>
struct Words<config::Algorithm> {
  using enum config::Algorithm;
  static constexpr auto all = std::to_array<std::pair<config::Algorithm, std::string_view>>(
      {{automatic, "auto"},
       {native, "native"},
       {pairwise, "pairwise"},
       {ring, "ring"},
       {hierarchical, "hierarchical"}});
};

template <>
struct Words<config::Messages> {
  using enum config::Messages;
  static constexpr auto all = std::to_array<std::pair<config::Messages, std::string_view>>(
      {{automatic, "auto"}, {whole, "whole"}, {pieces, "pieces"}});
};

template <>
struct Words<config::Products> {
  using enum config::Products;
  static constexpr auto all = std::to_array<std::pair<config::Products, std::string_view>>(
      {{automatic, "auto"},
       {kokkos_kernels, "kokkos_kernels"},
       {onednn, "onednn"},
       {cublas, "cublas"}});
};

}  // namespace tidemark
