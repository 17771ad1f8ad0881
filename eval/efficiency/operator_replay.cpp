#include "eval/efficiency/operator_replay.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <set>
#include <vector>

namespace cigli {
namespace {

// How a call's tensors are made; what is not given is as it was recorded.
struct ReplayCandidate {
  std::optional<torch::ScalarType> type;      // of floating-point tensors
  std::optional<torch::MemoryFormat> format;  // of 4-d tensors

  std::string text() const {
    std::string text = type ? (*type == torch::kBFloat16 ? "bf16" : "f32") : "";
    if (format)
      text += (text.empty() ? "" : " ") + std::string(*format == torch::MemoryFormat::Contiguous ? "nchw" : "nhwc");
    return text.empty() ? "as recorded" : text;
  }
};

using Shapes = std::vector<c10::IValue>;  // a call's inputs, tensors on the meta device

torch::Tensor shape_under(const ReplayCandidate& candidate, const torch::Tensor& recorded) {
  if (!recorded.defined()) return recorded;
  const bool floating = torch::isFloatingType(recorded.scalar_type());
  const auto options = recorded.options().dtype(floating && candidate.type ? *candidate.type : recorded.scalar_type());
  return candidate.format && recorded.dim() == 4
             ? torch::empty(recorded.sizes(), options.memory_format(*candidate.format))
             : torch::empty_strided(recorded.sizes(), recorded.strides(), options);
}

// The value with make(tensor) for every tensor in it.
template <class Make>
c10::IValue with_tensors(const c10::IValue& value, const Make& make) {
  if (value.isTensor()) return make(value.toTensor());
  if (!value.isList()) return value;
  const c10::List<c10::IValue> list = value.toList();
  c10::impl::GenericList result(list.elementType());
  for (std::size_t i = 0; i < list.size(); ++i) result.push_back(with_tensors(list.get(i), make));
  return result;
}

Shapes shapes_under(const ReplayCandidate& candidate, const OperatorCall& call, const c10::FunctionSchema& schema) {
  Shapes shapes;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    shapes.push_back(
        with_tensors(call.inputs[i], [&](const torch::Tensor& recorded) { return shape_under(candidate, recorded); }));
    // Of softmax's gradient: a type that is given as a number must go with the tensors'.
    if (candidate.type && schema.arguments()[i].name() == "input_dtype")
      shapes.back() = static_cast<std::int64_t>(*candidate.type);
  }
  return shapes;
}

torch::Tensor made_tensor(const torch::Tensor& shape) {
  if (!shape.defined()) return shape;
  std::int64_t reach = 1;
  for (std::int64_t d = 0; d < shape.dim(); ++d) reach += (shape.size(d) - 1) * shape.stride(d);
  if (shape.numel() == 0) reach = 0;
  torch::Tensor memory = torch::zeros({reach}, shape.scalar_type());
  if (shape.scalar_type() == torch::kBool) memory.fill_(true);
  if (torch::isFloatingType(shape.scalar_type())) {
    // A generator of its own, so that no draw of the program's changes; repeated, as drawing takes longer than most
    // calls.
    constexpr std::int64_t drawn = 1 << 14;
    const torch::Tensor pattern = torch::empty({std::min(drawn, reach)}, torch::kFloat32);
    pattern.uniform_(-1, 1, at::detail::createCPUGenerator(0));
    for (std::int64_t at = 0; at < reach; at += drawn) {
      const std::int64_t size = std::min(drawn, reach - at);
      memory.narrow(0, at, size).copy_(pattern.narrow(0, 0, size));
    }
  }
  return memory.as_strided(shape.sizes(), shape.strides());
}

// Median of warm runs.
double replayed_seconds(const c10::OperatorHandle& op, const Shapes& shapes, double budget) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t least = 3, most = 100;
  std::vector<c10::IValue> inputs;
  for (const c10::IValue& shape : shapes) inputs.push_back(with_tensors(shape, made_tensor));
  std::vector<double> seconds;
  double spent = 0;
  for (bool warm = false; seconds.size() < least || (spent < budget && seconds.size() < most); warm = true) {
    torch::jit::Stack stack = inputs;
    const auto begin = Clock::now();
    op.callBoxed(stack);
    const double taken = std::chrono::duration<double>(Clock::now() - begin).count();
    if (!warm) continue;
    seconds.push_back(taken);
    spent += taken;
  }
  std::nth_element(seconds.begin(), seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2), seconds.end());
  return seconds[seconds.size() / 2];
}

std::vector<ReplayCandidate> candidates_of(const OperatorCall& call, bool allow_bf16) {
  std::vector<ReplayCandidate> candidates{{}};
  if (call.kind != OperatorKind::layer) return candidates;
  std::vector<std::optional<torch::ScalarType>> types{std::nullopt};
  if (operator_type(call) == torch::kBFloat16) types.push_back(torch::kFloat32);
  if (operator_type(call) == torch::kFloat32 && allow_bf16) types.push_back(torch::kBFloat16);
  candidates.clear();
  for (const auto& type : types)
    for (const std::optional<torch::MemoryFormat> format :
         {std::optional<torch::MemoryFormat>(), std::make_optional(torch::MemoryFormat::Contiguous),
          std::make_optional(torch::MemoryFormat::ChannelsLast)})
      candidates.push_back({type, format});
  return candidates;
}

}  // namespace

std::optional<ReplayedOperator> replay_operator(const OperatorCall& call, const ReplayOptions& options) {
  if (!call.dispatched) return std::nullopt;
  const auto op = c10::Dispatcher::singleton().findSchema({call.name, call.overload});
  if (!op) return std::nullopt;
  const torch::NoGradGuard no_grad;
  std::optional<ReplayedOperator> best;
  std::set<std::string> tried;
  for (const ReplayCandidate& candidate : candidates_of(call, options.allow_bf16)) {
    OperatorCall shaped;
    shaped.inputs = shapes_under(candidate, call, op->schema());
    if (!tried.insert(input_text(shaped)).second) continue;
    try {
      const double seconds = replayed_seconds(*op, shaped.inputs, options.seconds);
      if (!best || seconds < best->seconds) best = ReplayedOperator{seconds, candidate.text()};
    } catch (const std::exception&) {
      // No kernel for this type or layout: the others stand.
      if (tried.size() == 1) return std::nullopt;
    }
  }
  return best;
}

}  // namespace cigli
