// Attention with the scores of all queries and keys in memory: those of all heads, kept for the
// backward pass, or, with selective recomputation (Korthikanti et al., 2022), those of one head at
// a time, computed again in the backward pass.
#pragma once

#include <cstdint>

#include "kernels/softmax.hpp"
#include "model/attention_core.hpp"

namespace tidemark::model {

template <class T>
class MaterializedCore final : public AttentionCore<T> {
 public:
  using Tensor = memory::Tensor<T>;
  using F = Accumulate<T>;
  using X = kernels::Factor<T>;

  MaterializedCore(const CoreShape& shape, bool recomputes);

  Tensor forward(const parallel::Context& context, Tensor qkv) override;
  Tensor backward(const parallel::Context& context, Tensor output, Tensor output_gradient) override;
  [[nodiscard]] bool needs_output() const override { return false; }
  void forget() override;

 private:
  /// What the softmax leaves of some rows of scores [R, s].
  struct Weights {
    Tensor probabilities;
    memory::Tensor<std::uint8_t> mask;  ///< empty without dropout
    Tensor dropped;                     ///< empty without dropout
  };
  /// The part of it that belongs to one head and sequence [s, s].
  struct HeadWeights {
    Matrix<T> probabilities;
    Mask mask;
    Matrix<T> dropped;  ///< what multiplies the values: the probabilities without dropout
  };

  [[nodiscard]] Weights make_weights(const parallel::Context& context, std::int64_t rows,
                                     memory::TensorClass tensor_class) const;
  [[nodiscard]] HeadWeights of_head(const Weights& weights, std::int64_t first_row) const;
  void compute(const parallel::Context& context, const HeadParts<X>& x, std::int64_t first_row,
               const HeadWeights& weights, const Matrix<F>& scores) const;
  [[nodiscard]] Matrix<F> scores_of(const HeadWeights& weights, const Matrix<F>& workspace) const;
  [[nodiscard]] Matrix<X> multiplier(const HeadWeights& weights, const Matrix<F>& scores) const;

  CoreShape shape_;
  kernels::ScoreShape score_shape_;
  bool recomputes_;
  Tensor qkv_;
  Weights weights_;  ///< of all heads, unless they are computed again
};

}  // namespace tidemark::model
