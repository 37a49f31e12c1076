// SPDX-License-Identifier: BSD-3-Clause
// Rates of the kernels that are bound by memory, beside the rate of a triad over as many bytes.
//
// usage: tidemark_kernel_rates <bf16|fp32|fp64> <h> <rows> <s> <rounds>
//
// Tokens are [rows, h], scores are [rows', s] with as many elements. Bytes are those that a kernel
// must move: each operand once for each direction in which it goes. In each round the triad and the
// kernel run one after the other. A line has the median rate and the median of the ratios.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <Kokkos_Core.hpp>

#include "base/dtype.hpp"
#include "kernels/bias.hpp"
#include "kernels/convert.hpp"
#include "kernels/cross_entropy.hpp"
#include "kernels/dropout.hpp"
#include "kernels/embedding.hpp"
#include "kernels/gelu.hpp"
#include "kernels/layer_norm.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/rotary.hpp"
#include "kernels/softmax.hpp"
#include "kernels/swiglu.hpp"
#include "rates/beside_triad.hpp"

namespace tidemark {
namespace {

struct Extents {
  std::int64_t width;   ///< h
  std::int64_t rows;    ///< s b
  std::int64_t length;  ///< s
  int rounds;
};

using rates::Storage;
using rates::Table;

template <class T>
void norms(Device& device, const Extents& n, Table& table) {
  using F = Accumulate<T>;
  const Storage<T> x(device, n.rows, n.width), y(device, n.rows, n.width);
  const Storage<T> gradient(device, n.rows, n.width);
  const Storage<T> weight(device, 1, n.width), bias(device, 1, n.width);
  const Storage<F> dweight(device, 1, n.width), dbias(device, 1, n.width);
  const Storage<F> two(device, n.rows, 2), one(device, n.rows, 1);
  const std::int64_t bytes = n.rows * n.width * static_cast<std::int64_t>(sizeof(T));
  table.add("layer_norm forward", 2 * bytes, [&] {
    kernels::layer_norm_forward<T>(device, x.matrix(), weight.vector(), bias.vector(), y.matrix(),
                                   two.matrix());
  });
  table.add("layer_norm backward", 4 * bytes, [&] {
    kernels::layer_norm_backward<T>(device, y.matrix(), x.matrix(), weight.vector(), two.matrix(),
                                    gradient.matrix(), dweight.vector(), dbias.vector());
  });
  table.add("rms_norm forward", 2 * bytes, [&] {
    kernels::rms_norm_forward<T>(device, x.matrix(), weight.vector(), y.matrix(), one.matrix());
  });
  table.add("rms_norm backward", 4 * bytes, [&] {
    kernels::rms_norm_backward<T>(device, y.matrix(), x.matrix(), weight.vector(), one.matrix(),
                                  gradient.matrix(), dweight.vector());
  });
}

template <class T>
void activations(Device& device, const Extents& n, Table& table) {
  using F = Accumulate<T>;
  const Storage<T> u(device, n.rows, n.width), y(device, n.rows, n.width);
  const Storage<T> half(device, n.rows, n.width / 2), bias(device, 1, n.width);
  const Storage<F> dbias(device, 1, n.width);
  const std::int64_t bytes = n.rows * n.width * static_cast<std::int64_t>(sizeof(T));
  table.add("bias forward", bytes,
            [&] { kernels::bias_forward<T>(device, bias.vector(), y.matrix()); });
  table.add("bias backward", bytes,
            [&] { kernels::bias_backward<T>(device, u.matrix(), dbias.vector()); });
  table.add("bias_gelu forward", 2 * bytes,
            [&] { kernels::bias_gelu_forward<T>(device, u.matrix(), bias.vector(), y.matrix()); });
  table.add("bias_gelu backward", 3 * bytes, [&] {
    kernels::bias_gelu_backward<T>(device, u.matrix(), bias.vector(), y.matrix(), dbias.vector());
  });
  table.add("swiglu forward", bytes + bytes / 2,
            [&] { kernels::swiglu_forward<T>(device, u.matrix(), half.matrix()); });
  table.add("swiglu backward", 2 * bytes + bytes / 2,
            [&] { kernels::swiglu_backward<T>(device, half.matrix(), u.matrix()); });
}

template <class T>
void dropouts(Device& device, const Extents& n, Table& table) {
  using F = Accumulate<T>;
  const Storage<T> z(device, n.rows, n.width), residual(device, n.rows, n.width);
  const Storage<T> out(device, n.rows, n.width), bias(device, 1, n.width);
  const Storage<std::uint8_t> mask(device, n.rows, n.width);
  const Storage<F> dbias(device, 1, n.width);
  const std::int64_t count = n.rows * n.width;
  const auto bytes = count * static_cast<std::int64_t>(sizeof(T));
  for (const double p : {0.0, 0.1}) {
    const kernels::Dropout dropout = kernels::make_dropout(p, philox::Key{}, 0);
    const std::int64_t of_mask = dropout.active ? count : 0;
    table.add(dropout.active ? "dropout_add forward" : "add forward", 3 * bytes + of_mask, [&] {
      kernels::bias_dropout_add_forward<T>(device, dropout, z.matrix(), bias.vector(),
                                           residual.matrix(), mask.matrix(), out.matrix());
    });
    table.add(dropout.active ? "dropout_add backward" : "add backward", 2 * bytes + of_mask, [&] {
      kernels::bias_dropout_add_backward<T>(device, dropout, out.matrix(), mask.matrix(),
                                            z.matrix(), dbias.vector());
    });
  }
}

template <class T>
void softmaxes(Device& device, const Extents& n, Table& table) {
  using F = Accumulate<T>;
  const std::int64_t rows = std::max<std::int64_t>(1, n.rows * n.width / n.length);
  const Storage<F> scores(device, rows, n.length);
  const Storage<T> narrow(device, is_narrow<T> ? rows : 1, n.length);
  const Storage<T> dropped(device, rows, n.length);
  const Storage<std::uint8_t> mask(device, rows, n.length);
  Matrix<T> probabilities = narrow.matrix();
  if constexpr (!is_narrow<T>) probabilities = scores.matrix();
  const std::int64_t count = rows * n.length;
  const auto size = static_cast<std::int64_t>(sizeof(T));
  const auto sums = static_cast<std::int64_t>(sizeof(F));
  for (const double p : {0.0, 0.1}) {
    const kernels::Dropout dropout = kernels::make_dropout(p, philox::Key{}, 0);
    const kernels::ScoreShape shape{1.0, false, 0, 0};
    const std::int64_t of_mask = dropout.active ? 1 : 0;
    const std::int64_t written = dropout.active ? 2 * size + 1 : size;
    table.add(dropout.active ? "softmax_dropout forward" : "softmax forward",
              count * (sums + written), [&] {
                kernels::softmax_dropout_forward<T>(device, shape, dropout, scores.matrix(),
                                                    probabilities, mask.matrix(), dropped.matrix());
              });
    const Storage<F> gradient(device, rows, n.length);
    table.add(
        dropout.active ? "softmax_dropout backward" : "softmax backward",
        count * (size + of_mask + 2 * sums),
        [&] {
          kernels::softmax_dropout_backward<T>(device, shape, dropout, probabilities, mask.matrix(),
                                               gradient.matrix());
        },
        [&] { gradient.refill(device); });
  }
}

template <class T>
void token_kernels(Device& device, const Extents& n, Table& table) {
  using F = Accumulate<T>;
  constexpr std::int64_t head_size = 128;
  constexpr std::int64_t vocabulary = 32000;
  const Storage<T> x(device, n.rows, n.width), rows_of_table(device, vocabulary, n.width);
  const Storage<F> wide(device, n.rows, n.width), gradient(device, vocabulary, n.width);
  const Storage<F> angles(device, n.rows, head_size);
  const Storage<F> statistics(device, n.rows, kernels::loss_statistics);
  const kernels::Tokens tokens{philox::Key{}, vocabulary, 1};
  const kernels::Tokens labels{philox::Key{}, n.width, 1};
  const kernels::VocabularyShard shard{0, n.width};
  const std::int64_t count = n.rows * n.width;
  const auto bytes = count * static_cast<std::int64_t>(sizeof(T));
  const auto sums = count * static_cast<std::int64_t>(sizeof(F));
  kernels::fill_rotary_table<F>(device, 1e4, angles.matrix());
  const kernels::RotaryShape shape{1, n.width / head_size, 0, head_size, 1};
  table.add("rotary", 2 * bytes, [&] {
    kernels::rotate<T>(device, shape, angles.matrix(), kernels::Turn::forward, x.matrix());
  });
  table.add("embedding forward", 2 * bytes, [&] {
    kernels::embedding_forward<T>(device, tokens, 0, rows_of_table.matrix(), x.matrix());
  });
  table.add("embedding backward", bytes + 2 * sums, [&] {
    kernels::embedding_backward<T>(device, tokens, 0, x.matrix(), gradient.matrix());
  });
  if constexpr (is_narrow<T>) {
    table.add("convert to the wider type", bytes + sums,
              [&] { kernels::convert(device, x.matrix(), wide.matrix()); });
    table.add("convert to the narrower type", bytes + sums,
              [&] { kernels::convert(device, wide.matrix(), x.matrix()); });
  }
  table.add("cross_entropy statistics", sums, [&] {
    kernels::cross_entropy_statistics<F>(device, labels, shard, wide.matrix(), statistics.matrix());
  });
  table.add("cross_entropy forward", 2 * sums, [&] {
    kernels::cross_entropy_forward<F>(device, shard, 1, statistics.matrix(), wide.matrix());
  });
  table.add(
      "cross_entropy backward", 2 * sums,
      [&] { kernels::cross_entropy_backward<F>(device, labels, shard, wide.matrix()); },
      [&] { wide.refill(device); });
}

template <class T>
void measure(const Extents& extents) {
  Device device;
  Table table(device, name_of(dtype_of<T>), extents.rounds);
  norms<T>(device, extents, table);
  activations<T>(device, extents, table);
  dropouts<T>(device, extents, table);
  softmaxes<T>(device, extents, table);
  token_kernels<T>(device, extents, table);
}

int run(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: %s <bf16|fp32|fp64> <h> <rows> <s> <rounds>\n", argv[0]);
    return 2;
  }
  const std::string_view precision(argv[1]);
  const Extents extents{std::atoll(argv[2]), std::atoll(argv[3]), std::atoll(argv[4]),
                        std::atoi(argv[5])};
  if (extents.width < 128 || extents.width % 128 != 0 || extents.rows < 1 || extents.length < 1 ||
      extents.rounds < 1) {
    std::fprintf(stderr, "h must be a multiple of 128, and all numbers positive\n");
    return 2;
  }
  if (precision == name_of(DType::bf16)) {
    measure<bfloat16>(extents);
  } else if (precision == name_of(DType::fp32)) {
    measure<float>(extents);
  } else if (precision == name_of(DType::fp64)) {
    measure<double>(extents);
  } else {
    std::fprintf(stderr, "no such precision: %s\n", argv[1]);
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) {
  Kokkos::initialize(argc, argv);
  const int status = tidemark::run(argc, argv);
  Kokkos::finalize();
  return status;
}
