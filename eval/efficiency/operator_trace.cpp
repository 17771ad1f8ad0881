#include "eval/efficiency/operator_trace.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/record_function.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "runtime/error.h"

namespace cigli {
namespace {

using TraceClock = std::chrono::steady_clock;
using Operators = std::unordered_set<std::string>;

double seconds_between(TraceClock::time_point begin, TraceClock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

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

OperatorKind kind_of_operator(const c10::FunctionSchema& schema) {
  if (is_layer(schema.name())) return OperatorKind::layer;
  if (movement_operators().count(schema.name()) != 0) return OperatorKind::movement;
  if (idle_operators().count(schema.name()) != 0) return OperatorKind::view;
  const bool views = !schema.returns().empty() && schema.returns()[0].alias_info() != nullptr &&
                     !schema.returns()[0].alias_info()->isWrite();
  return views ? OperatorKind::view : OperatorKind::arithmetic;
}

struct OperatorEntry {
  OperatorKind kind;
  bool whole;  // recorded as one call
};

OperatorEntry entry_of(const c10::OperatorName& name) {
  const auto handle = c10::Dispatcher::singleton().findSchema(name);
  if (!handle) return {OperatorKind::arithmetic, false};
  const OperatorKind kind = kind_of_operator(handle->schema());
  return {kind, kind == OperatorKind::layer || handle->hasKernelForDispatchKey(c10::DispatchKey::CPU)};
}

c10::IValue without_data(const c10::IValue& value) {
  if (value.isTensor()) {
    const torch::Tensor& tensor = value.toTensor();
    if (!tensor.defined()) return tensor;
    const auto options = torch::TensorOptions().dtype(tensor.scalar_type()).device(torch::kMeta);
    return tensor.layout() == torch::kStrided ? torch::empty_strided(tensor.sizes(), tensor.strides(), options)
                                              : torch::empty(tensor.sizes(), options);
  }
  if (value.isStorage()) return {};
  if (!value.isList()) return value;
  const c10::List<c10::IValue> list = value.toList();
  c10::impl::GenericList described(list.elementType());
  for (std::size_t i = 0; i < list.size(); ++i) described.push_back(without_data(list.get(i)));
  return described;
}

template <class Values>
std::vector<c10::IValue> all_without_data(const Values& values) {
  std::vector<c10::IValue> described;
  for (const c10::IValue& value : values) described.push_back(without_data(value));
  return described;
}

// RecordFunction::inputs() without its check, which compiled without NDEBUG reads a member that a LibTorch compiled
// with it never sets. An explicit instantiation may name private members.
c10::ArrayRef<const c10::IValue> inputs_of(const at::RecordFunction& function);
template <auto Inputs>
struct RecordedInputs {
  friend c10::ArrayRef<const c10::IValue> inputs_of(const at::RecordFunction& function) { return function.*Inputs; }
};
template struct RecordedInputs<&at::RecordFunction::inputs_>;

// An operator or marked range that ran.
struct TracedRun {
  OperatorCall call;  // its seconds are without what recording took; its tensors are described the first time alone
  bool whole = false, has_children = false;
  double children_seconds = 0;
};

// What is recorded at present; the pass's threads share it.
struct Recording {
  const std::vector<TracedRun>* known = nullptr;  // runs of the same pass, which now are timed alone
  std::vector<TracedRun> runs;                    // in the order in which they began
  std::unordered_map<c10::OperatorName, OperatorEntry> entries;
  double operator_seconds = 0;  // within outermost operators
  double cost = 0;              // that recording took, seconds
  double unseen_cost = 0;       // of one run, that it does not see of itself
  double pass_seconds = 0;
  std::mutex mutex;
};
std::atomic<Recording*> recording{nullptr};

struct OpenRun : at::ObserverContext {
  OpenRun* parent = nullptr;
  std::size_t place = 0;  // among the runs
  bool whole = false;
  double own_cost = 0, cost_within = 0;  // that recording took: of this run, of those within it
  TraceClock::time_point start;
};
thread_local OpenRun* innermost_run = nullptr;

// While it stands, this thread's operators are recording's own.
thread_local bool describing = false;
struct Describing {
  Describing() { describing = true; }
  ~Describing() { describing = false; }
};

TracedRun begun_run(Recording& record, const at::RecordFunction& function, const c10::OperatorName* name) {
  TracedRun run;
  run.call.name = name ? name->name : function.name();
  if (record.known) {
    run.whole = record.runs.size() < record.known->size() && (*record.known)[record.runs.size()].whole;
    return run;
  }
  OperatorEntry entry{OperatorKind::layer, true};  // of a marked range
  if (name) {
    run.call.overload = name->overload_name;
    const auto known = record.entries.find(*name);
    entry =
        known != record.entries.end() ? known->second : record.entries.emplace(*name, entry_of(*name)).first->second;
  }
  run.call.kind = entry.kind;
  run.call.dispatched = name != nullptr;
  run.whole = entry.whole;
  run.call.inputs = all_without_data(inputs_of(function));
  return run;
}

std::unique_ptr<at::ObserverContext> begin_run(const at::RecordFunction& function) {
  const auto entered = TraceClock::now();
  if (describing || (innermost_run && innermost_run->whole)) return nullptr;
  const auto name = function.operator_name();
  if (!name && !starts_with(function.name(), "cigli::")) return nullptr;  // a node of autograd
  auto open = std::make_unique<OpenRun>();
  open->parent = innermost_run;
  {
    const Describing own;
    Recording& record = *recording;
    const std::lock_guard<std::mutex> lock(record.mutex);
    TracedRun run = begun_run(record, function, name ? &*name : nullptr);
    open->whole = run.whole;
    open->place = record.runs.size();
    record.runs.push_back(std::move(run));
    if (open->parent) record.runs[open->parent->place].has_children = true;
  }
  innermost_run = open.get();
  open->start = TraceClock::now();
  open->own_cost = seconds_between(entered, open->start);
  return open;
}

void end_run(const at::RecordFunction& function, at::ObserverContext* context) {
  const auto ended = TraceClock::now();
  if (context == nullptr) return;
  OpenRun& open = *static_cast<OpenRun*>(context);
  innermost_run = open.parent;
  const Describing own;
  Recording& record = *recording;
  const std::lock_guard<std::mutex> lock(record.mutex);
  TracedRun& run = record.runs[open.place];
  if (!record.known) run.call.outputs = all_without_data(function.outputs());
  run.call.seconds = std::max(0.0, seconds_between(open.start, ended) - open.cost_within);
  (open.parent ? record.runs[open.parent->place].children_seconds : record.operator_seconds) += run.call.seconds;
  const double cost = open.own_cost + open.cost_within + record.unseen_cost + seconds_between(ended, TraceClock::now());
  (open.parent ? open.parent->cost_within : record.cost) += cost;
}

// While it stands, operators of this thread, and of those that autograd starts for it, are recorded.
class Recorder {
 public:
  explicit Recorder(Recording& record) {
    Recording* none = nullptr;
    if (!recording.compare_exchange_strong(none, &record)) throw Error("operators are recorded already");
    // Handing inputs and outputs on takes longer than many an operator.
    const bool first = record.known == nullptr;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(begin_run, end_run)
                                             .needsInputs(first)
                                             .needsOutputs(first)
                                             .scopes({at::RecordScope::FUNCTION}));
  }
  ~Recorder() {
    at::removeCallback(handle_);
    recording = nullptr;
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

 private:
  at::CallbackHandle handle_;
};

void record_pass(const std::function<void()>& pass, Recording& record) {
  if (record.known) record.runs.reserve(record.known->size());
  const Recorder recorder(record);
  const auto begin = TraceClock::now();
  pass();
  record.pass_seconds = seconds_between(begin, TraceClock::now());
}

double middle_of_timings(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Seconds that recording adds to an operator outside of the callbacks, which see only themselves.
double unseen_cost() {
  constexpr int operators = 300, repeats = 5;
  const torch::Tensor one = torch::ones({1});
  const auto pass = [&] {
    for (int i = 0; i < operators; ++i) one.add(one);
  };
  Recording described;
  record_pass(pass, described);
  std::vector<double> plain, recorded;
  for (int i = 0; i < repeats; ++i) {
    const auto begin = TraceClock::now();
    pass();
    plain.push_back(seconds_between(begin, TraceClock::now()));
    Recording timed;
    timed.known = &described.runs;
    record_pass(pass, timed);
    recorded.push_back(timed.pass_seconds - timed.cost);
  }
  return std::max(0.0, middle_of_timings(recorded) - middle_of_timings(plain)) / operators;
}

bool same_runs(const Recording& a, const Recording& b) {
  return std::equal(a.runs.begin(), a.runs.end(), b.runs.begin(), b.runs.end(),
                    [](const TracedRun& x, const TracedRun& y) { return x.call.name == y.call.name; });
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

OperatorTrace trace_operators(const std::function<void()>& pass) {
  constexpr int timings = 3;
  const double unseen = unseen_cost();
  std::deque<Recording> recordings(1);
  record_pass(pass, recordings[0]);
  for (int i = 0; i < timings; ++i) {
    recordings.emplace_back().known = &recordings[0].runs;
    recordings.back().unseen_cost = unseen;
    record_pass(pass, recordings.back());
    if (!same_runs(recordings[0], recordings.back())) recordings.pop_back();
  }
  // What describing costs shows in the first one's times: they count only where no other ran the same operators.
  const auto middle = [&](const auto& value) {
    std::vector<double> values;
    for (std::size_t i = recordings.size() > 1 ? 1 : 0; i < recordings.size(); ++i)
      values.push_back(value(recordings[i]));
    return middle_of_timings(std::move(values));
  };
  OperatorTrace trace;
  trace.outside_seconds =
      middle([](const Recording& r) { return std::max(0.0, r.pass_seconds - r.cost - r.operator_seconds); });
  for (std::size_t i = 0; i < recordings[0].runs.size(); ++i) {
    TracedRun& run = recordings[0].runs[i];
    trace.operators += run.call.dispatched;
    const double own = middle([i](const Recording& r) { return r.runs[i].call.seconds - r.runs[i].children_seconds; });
    trace.seconds += own;
    if (run.has_children) {
      trace.composite_seconds += own;
      continue;
    }
    run.call.seconds = own;
    trace.calls.push_back(std::move(run.call));
  }
  trace.seconds += trace.outside_seconds;
  return trace;
}

std::string input_text(const OperatorCall& call) {
  std::string text;
  for (const c10::IValue& input : call.inputs) text += (text.empty() ? "" : ", ") + value_text(input);
  return text;
}

double operator_flops(const OperatorCall& call) {
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
