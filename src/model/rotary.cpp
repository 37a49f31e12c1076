// SPDX-License-Identifier: BSD-3-Clause
#include "model/rotary.hpp"

#include <cstdint>
#include <exception>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/scalars.hpp"

namespace tidemark::model {

template <class T>
Rotary<T>::Rotary(const config::Case& settings, const Device& device) {
  const config::ModelConfig& m = settings.model;
  if (!m.is_llama()) return;
  TIDEMARK_REQUIRE(m.head_size() % 2 == 0, "rotary positions turn pairs of features");
  const std::int64_t groups = settings.key_value_heads_per_rank();
  shape_ = {groups, m.num_attention_heads / settings.parallel.tensor / groups + 1, 1, m.head_size(),
            m.micro_batch_size};
  const auto positions = static_cast<std::size_t>(m.seq_length);
  const auto width = static_cast<std::size_t>(m.head_size());
  F* data = reinterpret_cast<F*>(std::uintptr_t{4096});
  if (device.launches()) {
    try {
      storage_ = decltype(storage_)(
          Kokkos::view_alloc(std::string("tidemark rotary angles"), Kokkos::WithoutInitializing),
          positions * width);
    } catch (const std::exception&) {
      throw RunError(fmt::format("out of memory: the device refused {} bytes for rotary angles",
                                 positions * width * sizeof(F)));
    }
    data = storage_.data();
  }
  table_ = Matrix<F>(data, positions, width);
  kernels::fill_rotary_table(device, m.rope_theta, table_);
}

template <class T>
void Rotary<T>::rotate(const parallel::Context& context, kernels::Turn turn,
                       const Matrix<T>& x) const {
  if (table_.extent(0) > 0) kernels::rotate(context.device, shape_, table_, turn, x);
}

TIDEMARK_INSTANTIATE_CLASS(Rotary)

}  // namespace tidemark::model
