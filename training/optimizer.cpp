#include "training/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <utility>

#include "training/muon.h"

namespace cigli {
namespace {

constexpr std::int64_t chunk_size = 1 << 14;
constexpr std::int64_t lane_count = 16;

// Strides of dimensions of size 1 say nothing about the layout.
bool same_layout(const torch::Tensor& a, const torch::Tensor& b) {
  for (std::int64_t d = 0; d < a.dim(); ++d)
    if (a.size(d) != 1 && a.stride(d) != b.stride(d)) return false;
  return true;
}

// Lanes are summed apart so that the compiler can use vector registers without reordering anything.
template <class T>
double sum_of_squares(const T* values, std::int64_t count) {
  float lanes[lane_count] = {};
  std::int64_t i = 0;
  for (; i + lane_count <= count; i += lane_count)
    for (std::int64_t lane = 0; lane < lane_count; ++lane) {
      const float value = static_cast<float>(values[i + lane]);
      lanes[lane] += value * value;
    }
  double sum = 0;
  for (const float lane : lanes) sum += lane;
  for (; i < count; ++i) {
    const double value = static_cast<float>(values[i]);
    sum += value * value;
  }
  return sum;
}

// Matrices between hidden features. What reads tokens, places or pixels and what writes pixels has no such geometry.
bool is_hidden(const std::string& name, const torch::Tensor& parameter) {
  static const char* const edges[] = {"embedding.", "positions", "stem.", "denoiser.in.", "denoiser.out."};
  const bool edge = std::any_of(std::begin(edges), std::end(edges),
                                [&](const char* part) { return name.find(part) != std::string::npos; });
  return !edge && parameter.dim() > 1;
}

constexpr double momentum = 0.95;

// What a marked range touches, for `cigli tax`: so many times `values` values of each type.
std::vector<c10::IValue> marked_values(const std::vector<std::pair<std::int64_t, torch::ScalarType>>& times,
                                       std::int64_t values) {
  std::vector<c10::IValue> inputs;
  for (const auto& [count, type] : times)
    inputs.push_back(torch::empty({count, values}, torch::TensorOptions(torch::kMeta).dtype(type)));
  return inputs;
}

}  // namespace

void OptimizerOptions::visit(Fields& f) {
  f("optimizer", kind, "adamw, or muon for the weights of hidden layers and adamw for the rest",
    Choices{{"adamw", "muon"}});
  f("beta1", beta1, "AdamW: decay of the first moment", Range{0, 0.9999});
  f("beta2", beta2, "AdamW: decay of the second moment", Range{0, 0.99999});
  f("epsilon", epsilon, "AdamW: added to the root of the second moment", Range{1e-12, 1});
  f("weight_decay", weight_decay, "decoupled weight decay", Range{0, 1});
  f("clip", clip, "largest norm of the gradient; 0 = no clipping", Range{0});
  f("ema", ema, "decay of the moving average of the weights, which is what the model file holds", Range{0, 0.999999});
}

Optimizer::Optimizer(const torch::OrderedDict<std::string, torch::Tensor>& parameters, const OptimizerOptions& options)
    : options_(options) {
  TORCH_CHECK(!parameters.is_empty(), "an optimizer needs parameters");
  std::int64_t total = 0;
  for (const auto& item : parameters) {
    const torch::Tensor& parameter = item.value();
    TORCH_CHECK(parameter.is_non_overlapping_and_dense(), "parameter ", item.key(), " is not dense in memory");
    for (std::int64_t begin = 0; begin < parameter.numel(); begin += chunk_size)
      chunks_.push_back({slots_.size(), begin, std::min(begin + chunk_size, parameter.numel())});
    slots_.push_back({item.key(), parameter, total, parameter.dim() > 1,
                      options.kind == "muon" && is_hidden(item.key(), parameter)});
    total += (parameter.numel() + lane_count - 1) / lane_count * lane_count;
  }
  for (torch::Tensor& buffer : flat_)
    buffer = torch::zeros({total}, slots_[0].parameter.options().dtype(torch::kFloat32));
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < slots_.size(); ++i) view(master, i).copy_(slots_[i].parameter);
  flat_[average].copy_(flat_[master]);
}

torch::Tensor Optimizer::view(Buffer buffer, std::size_t i) const {
  const torch::Tensor& parameter = slots_[i].parameter;
  return flat_[buffer].as_strided(parameter.sizes(), parameter.strides(), slots_[i].offset);
}

float* Optimizer::values(Buffer buffer, const Chunk& chunk) {
  return flat_[buffer].data_ptr<float>() + slots_[chunk.slot].offset + chunk.begin;
}

std::vector<torch::Tensor> Optimizer::gradients() const {
  std::vector<torch::Tensor> result;
  for (const Slot& slot : slots_) {
    torch::Tensor gradient = slot.parameter.grad();
    if (gradient.defined() && !(gradient.is_non_overlapping_and_dense() && same_layout(gradient, slot.parameter)))
      gradient = torch::empty_like(slot.parameter).copy_(gradient);
    if (gradient.defined() && !on_cpu()) gradient = gradient.to(torch::kFloat32);
    result.push_back(gradient);
  }
  return result;
}

double Optimizer::norm(const std::vector<torch::Tensor>& gradients) const {
  if (!on_cpu()) {
    std::vector<torch::Tensor> all;
    std::copy_if(gradients.begin(), gradients.end(), std::back_inserter(all), std::mem_fn(&torch::Tensor::defined));
    return all.empty() ? 0 : torch::stack(at::_foreach_norm(all)).norm().item<double>();
  }
  const auto gradient_values = [&] {
    std::int64_t count = 0;
    for (const torch::Tensor& gradient : gradients) count += gradient.defined() ? gradient.numel() : 0;
    return count;
  };
  RECORD_FUNCTION("cigli::gradient_norm", marked_values({{1, slots_[0].parameter.scalar_type()}}, gradient_values()));
  std::vector<double> sums(chunks_.size(), 0);
  at::parallel_for(0, static_cast<std::int64_t>(chunks_.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      const Chunk& chunk = chunks_[c];
      const torch::Tensor& gradient = gradients[chunk.slot];
      if (!gradient.defined()) continue;
      const std::int64_t count = chunk.end - chunk.begin;
      sums[c] = gradient.scalar_type() == torch::kBFloat16
                    ? sum_of_squares(gradient.data_ptr<at::BFloat16>() + chunk.begin, count)
                    : sum_of_squares(gradient.data_ptr<float>() + chunk.begin, count);
    }
  });
  double sum = 0;
  for (const double s : sums) sum += s;
  return std::sqrt(sum);
}

double Optimizer::step(std::int64_t step, double learning_rate) {
  const torch::NoGradGuard no_grad;
  const std::vector<torch::Tensor> grads = gradients();
  const double length = norm(grads);
  if (!std::isfinite(length)) return length;

  const double count = static_cast<double>(step);
  AdamwScalars scalars;
  scalars.gradient_scale =
      static_cast<float>(options_.clip > 0 && length > options_.clip ? options_.clip / length : 1.0);
  scalars.beta1 = static_cast<float>(options_.beta1);
  scalars.beta2 = static_cast<float>(options_.beta2);
  scalars.rest1 = static_cast<float>(1 - options_.beta1);
  scalars.rest2 = static_cast<float>(1 - options_.beta2);
  scalars.step_size = static_cast<float>(learning_rate / (1 - std::pow(options_.beta1, count + 1)));
  scalars.root_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, count + 1)));
  scalars.epsilon = static_cast<float>(options_.epsilon);
  scalars.average_rest = static_cast<float>(1 - std::min(options_.ema, (1 + count) / (10 + count)));
  const float shrink = static_cast<float>(1 - learning_rate * options_.weight_decay);

  if (on_cpu())
    step_adamw(grads, scalars, shrink);
  else
    step_adamw_lists(grads, scalars, shrink);
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].hidden && grads[i].defined())
      step_hidden(i, grads[i], scalars.gradient_scale, learning_rate, scalars.average_rest);
  return length;
}

void Optimizer::step_adamw(const std::vector<torch::Tensor>& grads, const AdamwScalars& scalars, float shrink) {
  const auto adamw_values = [&] {
    std::int64_t count = 0;
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (grads[i].defined() && !slots_[i].hidden) count += slots_[i].parameter.numel();
    return count;
  };
  // The gradient and the parameter once, and each of the buffers read and written.
  RECORD_FUNCTION(
      "cigli::adamw",
      marked_values({{2, slots_[0].parameter.scalar_type()}, {2 * buffers, torch::kFloat32}}, adamw_values()));
  at::parallel_for(0, static_cast<std::int64_t>(chunks_.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      const Chunk& chunk = chunks_[c];
      const Slot& slot = slots_[chunk.slot];
      if (!grads[chunk.slot].defined() || slot.hidden) continue;
      AdamwScalars own = scalars;
      own.shrink = slot.decay ? shrink : 1.0f;
      const AdamwBuffers buffers_of_chunk{values(master, chunk), values(first_moment, chunk),
                                          values(second_moment, chunk), values(average, chunk)};
      const std::int64_t size = chunk.end - chunk.begin;
      if (slot.parameter.scalar_type() == torch::kBFloat16)
        adamw_update_bf16(static_cast<std::uint16_t*>(slot.parameter.data_ptr()) + chunk.begin,
                          static_cast<const std::uint16_t*>(grads[chunk.slot].data_ptr()) + chunk.begin,
                          buffers_of_chunk, size, own);
      else
        adamw_update(slot.parameter.data_ptr<float>() + chunk.begin, grads[chunk.slot].data_ptr<float>() + chunk.begin,
                     buffers_of_chunk, size, own);
    }
  });
  for (std::size_t i = 0; i < slots_.size(); ++i)  // what is derived from parameters must be made again
    if (grads[i].defined() && !slots_[i].hidden) slots_[i].parameter.unsafeGetTensorImpl()->bump_version();
}

void Optimizer::step_adamw_lists(const std::vector<torch::Tensor>& grads, const AdamwScalars& s, float shrink) {
  std::vector<torch::Tensor> masters, firsts, seconds, averages, g;
  std::vector<at::Scalar> shrinks;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!grads[i].defined() || slots_[i].hidden) continue;
    masters.push_back(view(master, i));
    firsts.push_back(view(first_moment, i));
    seconds.push_back(view(second_moment, i));
    averages.push_back(view(average, i));
    g.push_back(grads[i]);
    shrinks.emplace_back(slots_[i].decay ? shrink : 1.0f);
  }
  if (g.empty()) return;
  if (s.gradient_scale != 1) g = at::_foreach_mul(g, s.gradient_scale);
  at::_foreach_mul_(firsts, s.beta1);
  at::_foreach_add_(firsts, g, s.rest1);
  at::_foreach_mul_(seconds, s.beta2);
  at::_foreach_addcmul_(seconds, g, g, s.rest2);
  std::vector<torch::Tensor> roots = at::_foreach_sqrt(seconds);
  at::_foreach_mul_(roots, s.root_scale);
  at::_foreach_add_(roots, s.epsilon);
  at::_foreach_mul_(masters, shrinks);
  at::_foreach_addcdiv_(masters, firsts, roots, -s.step_size);
  at::_foreach_mul_(averages, 1 - s.average_rest);
  at::_foreach_add_(averages, masters, s.average_rest);
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (grads[i].defined() && !slots_[i].hidden) slots_[i].parameter.copy_(view(master, i));
}

void Optimizer::step_hidden(std::size_t i, const torch::Tensor& gradient, double gradient_scale, double learning_rate,
                            double average_rest) {
  const Slot& slot = slots_[i];
  const std::int64_t rows = slot.parameter.size(0), columns = slot.parameter.numel() / rows;
  // The first dimension is the outermost in memory whatever the layout, and the order of columns does not matter.
  const auto matrix = [&](const torch::Tensor& values, std::int64_t offset) {
    return values.as_strided({rows, columns}, {columns, 1}, offset);
  };
  const torch::Tensor g = matrix(gradient, gradient.storage_offset()).to(torch::kFloat32) * gradient_scale;
  const torch::Tensor m = matrix(flat_[first_moment], slot.offset).mul_(momentum).add_(g);
  const torch::Tensor direction = (g + momentum * m).to(slot.parameter.scalar_type());
  const bool blocks = rows > columns && rows % columns == 0;
  const double scale = 0.2 * std::sqrt(static_cast<double>(blocks ? columns : std::max(rows, columns)));
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : direction.split(blocks ? columns : rows)) parts.push_back(orthogonalised(part));
  const torch::Tensor value = matrix(flat_[master], slot.offset);
  value.mul_(1 - learning_rate * options_.weight_decay)
      .sub_(torch::cat(parts).to(torch::kFloat32), learning_rate * scale);
  matrix(flat_[average], slot.offset).lerp_(value, average_rest);
  slot.parameter.copy_(view(master, i));
}

void Optimizer::clear_gradients() {
  for (Slot& slot : slots_) slot.parameter.mutable_grad().reset();
}

void Optimizer::write_parameters(Buffer source) {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].parameter.copy_(view(source, i));
}

}  // namespace cigli
