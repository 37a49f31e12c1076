#include "model/attention.hpp"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "kernels/gemm.hpp"
#include "model/streams.hpp"

namespace tidemark::model {

namespace {

using kernels::gemm;
using kernels::Op;
using memory::TensorClass;
using parallel::Context;

parallel::LinearSpec linear(const config::Case& c, int layer, const char* name, std::int64_t out,
                            Slot weight, Slot bias, TensorClass output_class) {
  return {fmt::format("layers.{}.{}", layer, name),
          layer,
          c.model.hidden_size,
          out,
          stream_of(layer, weight),
          stream_of(layer, bias),
          output_class};
}

constexpr parallel::LinearNames qkv_names{
    .input = "qkv input",
    .gathered_input = "qkv input gathered",
    .output = "qkv",
    .output_shard = "",
    .input_gradient = "qkv input gradient",
    .input_gradient_shard = "qkv input gradient shard",
    .gathered_gradient = "",
};

constexpr parallel::LinearNames proj_names{
    .input = "proj input",
    .gathered_input = "",
    .output = "proj output",
    .output_shard = "proj output shard",
    .input_gradient = "proj input gradient",
    .input_gradient_shard = "",
    .gathered_gradient = "proj output gradient gathered",
};

}  // namespace

/// The matrices of one head of one sequence.
template <class T>
struct MaterializedCore<T>::Head {
  std::int64_t first_row;  ///< of its scores, in units of rows of [A b s, s]
  std::int64_t q, k, v;    ///< first columns in qkv
  std::int64_t context;    ///< first column in the context
};

template <class T>
MaterializedCore<T>::MaterializedCore(const config::Case& settings, const Context& context,
                                      int layer)
    : layer_(layer),
      heads_(parallel::shard_of(settings.model.num_attention_heads, context)),
      head_size_(settings.model.head_size()),
      length_(settings.model.seq_length),
      batch_(settings.model.micro_batch_size),
      shape_{1.0 / std::sqrt(static_cast<double>(head_size_)), settings.model.causal},
      dropout_(kernels::make_dropout(
          settings.model.attention_dropout,
          {static_cast<std::uint32_t>(settings.bench.seed), stream_of(layer, Slot::attention_mask)},
          static_cast<std::uint64_t>(context.rank() * heads_ * batch_ * length_ * length_))) {}

template <class T>
typename MaterializedCore<T>::Head MaterializedCore<T>::head(std::int64_t local_head,
                                                             std::int64_t sequence) const {
  const std::int64_t q = local_head * 3 * head_size_;
  return {(local_head * batch_ + sequence) * length_, q, q + head_size_, q + 2 * head_size_,
          local_head * head_size_};
}

/// (s b, C) -> (s, d): the rows of one sequence, d columns from `first_column`.
template <class T>
Matrix<T> MaterializedCore<T>::sequence_columns(const Matrix<T>& tokens, std::int64_t sequence,
                                                std::int64_t first_column) const {
  const std::int64_t width = num_columns(tokens);
  const Matrix<T> by_position(tokens.data(), static_cast<std::size_t>(length_),
                              static_cast<std::size_t>(batch_ * width));
  return columns(by_position, sequence * width + first_column, head_size_);
}

template <class T>
void MaterializedCore<T>::allocate_probabilities(const Context& context) {
  const std::int64_t score_rows = heads_ * batch_ * length_;
  probabilities_ =
      context.ledger.tensor<T>("softmax output", layer_, TensorClass::saved, score_rows, length_);
  if (dropout_.active) {
    mask_ = context.ledger.tensor<std::uint8_t>("attention dropout mask", layer_,
                                                TensorClass::saved, score_rows, length_);
    dropped_ = context.ledger.tensor<T>("attention dropout output", layer_, TensorClass::saved,
                                        score_rows, length_);
  }
}

template <class T>
memory::Tensor<T> MaterializedCore<T>::forward(const Context& context, Tensor qkv) {
  qkv_ = std::move(qkv);
  allocate_probabilities(context);
  Tensor out = context.ledger.tensor<T>("proj input", layer_, TensorClass::saved, context.tokens,
                                        heads_ * head_size_);
  kernels::Dropout dropout = dropout_;
  // Head by head, so that the scores are still in cache when the softmax reads them.
  for (std::int64_t local_head = 0; local_head < heads_; ++local_head) {
    for (std::int64_t sequence = 0; sequence < batch_; ++sequence) {
      const Head at = head(local_head, sequence);
      const Matrix<T> scores = rows(probabilities_.view(), at.first_row, length_);
      const Matrix<T> dropped =
          dropout_.active ? rows(dropped_.view(), at.first_row, length_) : scores;
      const Mask mask = dropout_.active ? rows(mask_.view(), at.first_row, length_) : Mask();
      dropout.first_element =
          dropout_.first_element + static_cast<std::uint64_t>(at.first_row * length_);
      // (s, d) x (s, d)^T -> (s, s)
      gemm(context.device, Op::none, Op::transpose, T(1),
           sequence_columns(qkv_.view(), sequence, at.q),
           sequence_columns(qkv_.view(), sequence, at.k), T(0), scores);
      kernels::softmax_dropout_forward(context.device, shape_, dropout, scores, mask, dropped);
      // (s, s) x (s, d) -> (s, d)
      gemm(context.device, Op::none, Op::none, T(1), dropped,
           sequence_columns(qkv_.view(), sequence, at.v), T(0),
           sequence_columns(out.view(), sequence, at.context));
    }
  }
  return out;
}

template <class T>
memory::Tensor<T> MaterializedCore<T>::backward(const Context& context, Tensor context_gradient) {
  const Matrix<T> dcontext = context_gradient.view();
  Tensor qkv_gradient = context.ledger.tensor<T>("qkv gradient", layer_, TensorClass::transient,
                                                 context.tokens, 3 * heads_ * head_size_);
  Tensor score_gradient =
      context.ledger.tensor<T>("score gradient", layer_, TensorClass::workspace, length_, length_);
  const Matrix<T> dqkv = qkv_gradient.view();
  const Matrix<T> dscores = score_gradient.view();
  const auto part = [this](const Matrix<T>& tokens, std::int64_t sequence, std::int64_t column) {
    return sequence_columns(tokens, sequence, column);
  };
  for (std::int64_t local_head = 0; local_head < heads_; ++local_head) {
    for (std::int64_t sequence = 0; sequence < batch_; ++sequence) {
      const Head at = head(local_head, sequence);
      const Matrix<T> probabilities = rows(probabilities_.view(), at.first_row, length_);
      const Matrix<T> dropped =
          dropout_.active ? rows(dropped_.view(), at.first_row, length_) : probabilities;
      const Mask mask = dropout_.active ? rows(mask_.view(), at.first_row, length_) : Mask();
      const Matrix<T> dout = part(dcontext, sequence, at.context);
      // dV: (s, s)^T x (s, d) -> (s, d)
      gemm(context.device, Op::transpose, Op::none, T(1), dropped, dout, T(0),
           part(dqkv, sequence, at.v));
      // dD: (s, d) x (s, d)^T -> (s, s)
      gemm(context.device, Op::none, Op::transpose, T(1), dout, part(qkv_.view(), sequence, at.v),
           T(0), dscores);
      kernels::softmax_dropout_backward(context.device, shape_, dropout_, probabilities, mask,
                                        dscores);
      // dQ: (s, s) x (s, d) -> (s, d);  dK: (s, s)^T x (s, d) -> (s, d)
      gemm(context.device, Op::none, Op::none, T(1), dscores, part(qkv_.view(), sequence, at.k),
           T(0), part(dqkv, sequence, at.q));
      gemm(context.device, Op::transpose, Op::none, T(1), dscores,
           part(qkv_.view(), sequence, at.q), T(0), part(dqkv, sequence, at.k));
    }
  }
  free_saved();
  return qkv_gradient;
}

template <class T>
void MaterializedCore<T>::free_saved() {
  qkv_.reset();
  probabilities_.reset();
  mask_.reset();
  dropped_.reset();
}

template <class T>
Attention<T>::Attention(parallel::ParameterStore<T>& store, const config::Case& settings,
                        const Context& context, int layer)
    : qkv_(store, context,
           linear(settings, layer, "qkv", 3 * settings.model.hidden_size, Slot::qkv_weight,
                  Slot::qkv_bias, TensorClass::saved),
           qkv_names, parallel::ColumnParallelLinear<T>::Bias::in_product),
      core_(settings, context, layer),
      proj_(store, context,
            linear(settings, layer, "proj", settings.model.hidden_size, Slot::proj_weight,
                   Slot::proj_bias, TensorClass::transient),
            proj_names) {}

template <class T>
memory::Tensor<T> Attention<T>::forward(const Context& context, Tensor input) {
  return proj_.forward(context, core_.forward(context, qkv_.forward(context, std::move(input))));
}

template <class T>
memory::Tensor<T> Attention<T>::backward(const Context& context, Tensor output_gradient) {
  return qkv_.backward(
      context, core_.backward(context, proj_.backward(context, std::move(output_gradient))));
}

template class MaterializedCore<float>;
template class MaterializedCore<double>;
template class Attention<float>;
template class Attention<double>;

}  // namespace tidemark::model
