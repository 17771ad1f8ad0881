#include "eval/efficiency/operator_call.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <unordered_set>

namespace cigli {
namespace {

using Operators = std::unordered_set<std::string>;

// "mm bmm": aten::mm, aten::bmm.
Operators aten_operators(const std::string& words) {
  Operators names;
  std::istringstream in(words);
  for (std::string word; in >> word;) names.insert("aten::" + word);
  return names;
}

const Operators& layer_operators() {
  static const Operators names = aten_operators(
      "convolution convolution_backward mm addmm _addmm_activation bmm baddbmm mv addmv dot native_batch_norm "
      "native_batch_norm_backward native_group_norm native_group_norm_backward native_layer_norm "
      "native_layer_norm_backward _softmax _softmax_backward_data _log_softmax _log_softmax_backward_data "
      "max_pool2d_with_indices max_pool2d_with_indices_backward avg_pool2d avg_pool2d_backward _adaptive_avg_pool2d "
      "_adaptive_avg_pool2d_backward embedding embedding_dense_backward");
  return names;
}

const Operators& movement_operators() {
  static const Operators names = aten_operators(
      "copy_ _to_copy clone contiguous cat _cat stack _stack repeat repeat_interleave index _unsafe_index index_put_ "
      "_index_put_impl_ index_select index_copy_ gather scatter scatter_ masked_select take pixel_shuffle "
      "pixel_unshuffle channel_shuffle constant_pad_nd flip roll im2col col2im item _local_scalar_dense");
  return names;
}

// Those that don't say in their schema that they give a view.
const Operators& idle_operators() {
  static const Operators names = aten_operators(
      "empty empty_strided empty_like new_empty new_empty_strided resize_ set_ _unsafe_view result_type is_same_size");
  return names;
}

bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

bool is_layer(const std::string& name) {
  return layer_operators().count(name) != 0 || starts_with(name, "aten::_scaled_dot_product_") ||
         starts_with(name, "aten::upsample_") || starts_with(name, "aten::_upsample_");
}

std::string type_text(torch::ScalarType type) {
  switch (type) {
    case torch::kFloat32:
      return "f32";
    case torch::kFloat64:
      return "f64";
    case torch::kBFloat16:
      return "bf16";
    case torch::kFloat16:
      return "f16";
    case torch::kInt64:
      return "i64";
    case torch::kInt32:
      return "i32";
    case torch::kUInt8:
      return "u8";
    case torch::kBool:
      return "bool";
    default:
      return c10::toString(type);
  }
}

template <class Numbers>
std::string joined_numbers(const Numbers& numbers) {
  std::string text;
  for (const std::int64_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

std::string tensor_text(const torch::Tensor& tensor) {
  if (!tensor.defined()) return "none";
  std::string text = type_text(tensor.scalar_type()) + "[" + joined_numbers(tensor.sizes()) + "]";
  if (tensor.is_contiguous()) return text;
  if (tensor.dim() == 4 && tensor.is_contiguous(torch::MemoryFormat::ChannelsLast)) return text + "nhwc";
  return text + "/" + joined_numbers(tensor.strides());
}

std::string value_text(const c10::IValue& value) {
  if (value.isNone()) return "none";
  if (value.isTensor()) return tensor_text(value.toTensor());
  std::ostringstream text;
  if (!value.isList()) {
    text << value;
    return text.str();
  }
  std::string inside;
  for (const c10::IValue& element : value.toListRef()) inside += (inside.empty() ? "" : ", ") + value_text(element);
  return "[" + inside + "]";
}

// Calls use(tensor) for every tensor that is there, those in lists included.
template <class Use>
void for_tensors(const c10::IValue& value, const Use& use) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) use(value.toTensor());
  } else if (value.isList()) {
    for (const c10::IValue& element : value.toListRef()) for_tensors(element, use);
  }
}

// Bytes of distinct elements: those of a tensor that is expanded lie on each other.
double tensor_bytes(const torch::Tensor& tensor) {
  std::int64_t elements = 1;
  for (std::int64_t d = 0; d < tensor.dim(); ++d)
    if (tensor.stride(d) != 0) elements *= tensor.size(d);
  return static_cast<double>(elements * (tensor.numel() > 0)) * static_cast<double>(tensor.element_size());
}

}  // namespace

const std::string& name(OperatorKind kind) {
  static const std::array<std::string, 4> names{"layer", "arithmetic", "movement", "view"};
  return names.at(static_cast<std::size_t>(kind));
}

OperatorKind kind_of(const c10::FunctionSchema& schema) {
  if (is_layer(schema.name())) return OperatorKind::layer;
  if (movement_operators().count(schema.name()) != 0) return OperatorKind::movement;
  if (idle_operators().count(schema.name()) != 0) return OperatorKind::view;
  const bool views = !schema.returns().empty() && schema.returns()[0].alias_info() != nullptr &&
                     !schema.returns()[0].alias_info()->isWrite();
  return views ? OperatorKind::view : OperatorKind::arithmetic;
}

std::string input_text(const OperatorCall& call) {
  std::string text;
  for (const c10::IValue& input : call.inputs) text += (text.empty() ? "" : ", ") + value_text(input);
  return text;
}

std::string tensors_text(const OperatorCall& call) {
  OperatorCall tensors;
  for (const c10::IValue& input : call.inputs)
    if (input.isTensor() ? input.toTensor().defined() : input.isTensorList()) tensors.inputs.push_back(input);
  return input_text(tensors);
}

std::string short_name(const OperatorCall& call) {
  return call.name.rfind("aten::", 0) == 0 ? call.name.substr(6) : call.name;
}

double operator_flops(const OperatorCall& call) {
  if (call.name == "cigli::convolution" || call.name == "cigli::convolution_backward") {
    // As many as the sum over the filter takes, which Winograd's spares.
    const torch::Tensor &input = call.inputs.at(0).toTensor(), &weight = call.inputs.at(1).toTensor();
    const bool forward = call.name == "cigli::convolution";  // backward: the gradients by which input are asked for
    const double products = forward ? 1 : call.inputs.at(3).toBool() + call.inputs.at(4).toBool();
    return 2 * products * static_cast<double>(input.numel()) * static_cast<double>(weight.numel()) /
           static_cast<double>(weight.size(1));
  }
  const auto tensor = [&](std::size_t i) -> const torch::Tensor& { return call.inputs.at(i).toTensor(); };
  const auto numel = [](const torch::Tensor& t) { return static_cast<double>(t.numel()); };
  // A filter's multiplications: a place of the output's, or, of a transposed convolution, of the input's.
  const auto convolution = [&](const torch::Tensor& input, const torch::Tensor& weight, const torch::Tensor& output,
                               bool transposed) {
    return 2 * numel(transposed ? input : output) * numel(weight) / static_cast<double>(weight.size(0));
  };
  // Of two products: q [..,N,d] with k [..,M,d], and the scores with v [..,M,e].
  const auto attention = [&](std::size_t q) {
    const double rows = numel(tensor(q)) / static_cast<double>(tensor(q).size(-1));
    return 2 * rows * static_cast<double>(tensor(q + 1).size(-2) * (tensor(q).size(-1) + tensor(q + 2).size(-1)));
  };
  const auto product = [&](std::size_t a) {
    return 2 * numel(tensor(a)) * (tensor(a + 1).dim() > 1 ? static_cast<double>(tensor(a + 1).size(-1)) : 1);
  };
  const std::string& op = call.name;
  if (op == "cigli::attention") return attention(0);
  if (op == "aten::convolution")
    return convolution(tensor(0), tensor(1), call.outputs.at(0).toTensor(), call.inputs.at(6).toBool());
  if (op == "aten::convolution_backward") {
    const auto mask = call.inputs.at(10).toBoolList();
    return convolution(tensor(1), tensor(2), tensor(0), call.inputs.at(7).toBool()) * (mask.get(0) + mask.get(1));
  }
  if (op == "aten::mm" || op == "aten::bmm" || op == "aten::mv" || op == "aten::dot") return product(0);
  if (op == "aten::addmm" || op == "aten::baddbmm" || op == "aten::addmv" || op == "aten::_addmm_activation")
    return product(1);
  if (!starts_with(op, "aten::_scaled_dot_product_")) return 0;
  const bool backward = op.find("_backward") != std::string::npos;
  return backward ? 2.5 * attention(1) : attention(0);
}

double operator_bytes(const OperatorCall& call) {
  if (call.kind == OperatorKind::view) return 0;
  static const Operators overwrite{"aten::copy_", "aten::fill_", "aten::zero_"};
  const bool out = call.overload.find("out") != std::string::npos;
  double bytes = 0;
  const auto add = [&](const torch::Tensor& tensor) { bytes += tensor_bytes(tensor); };
  const std::size_t first = overwrite.count(call.name) != 0 ? 1 : 0;
  // What is only written stands among the outputs, too.
  const std::size_t last = call.inputs.size() - (out ? std::min(call.outputs.size(), call.inputs.size()) : 0);
  for (std::size_t i = first; i < last; ++i) for_tensors(call.inputs[i], add);
  for (const c10::IValue& output : call.outputs) for_tensors(output, add);
  return bytes;
}

torch::ScalarType operator_type(const OperatorCall& call) {
  torch::ScalarType first = torch::ScalarType::Undefined, floating = torch::ScalarType::Undefined;
  const auto look = [&](const torch::Tensor& tensor) {
    const torch::ScalarType type = tensor.scalar_type();
    if (first == torch::ScalarType::Undefined) first = type;
    if (floating == torch::ScalarType::Undefined && torch::isFloatingType(type)) floating = type;
  };
  for (const c10::IValue& input : call.inputs) for_tensors(input, look);
  return floating == torch::ScalarType::Undefined ? first : floating;
}

}  // namespace cigli
