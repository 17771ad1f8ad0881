#include "training/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <set>

#include "decoder/model_file.h"
#include "runtime/device.h"
#include "runtime/device_choice.h"
#include "runtime/error.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "runtime/interrupt.h"
#include "runtime/progress.h"
#include "runtime/text.h"
#include "training/channels_last.h"
#include "training/distillation.h"
#include "training/fitting_step.h"
#include "training/sample_grid.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t default_steps = 20000;

// The part of the options that the weights depend on, one value a key.
nlohmann::json architecture(ModelOptions options) {
  nlohmann::json object = write_json(fields_of(options));
  object.erase("sampling");
  return object.flatten();
}

void check_architecture(const fs::path& file, const ModelOptions& found, const ModelOptions& expected) {
  const nlohmann::json theirs = architecture(found), ours = architecture(expected);
  for (const auto& [key, value] : ours.items())
    if (!theirs.contains(key) || theirs[key] != value)
      throw Error(file.string() + ": checkpoint of another architecture: its model" + key + " is " +
                  (theirs.contains(key) ? theirs[key].dump() : "absent") + ", this training's is " + value.dump());
  if (theirs.size() != ours.size()) throw Error(file.string() + ": checkpoint of another architecture");
}

template <class T>
void check_unchanged(const fs::path& file, const char* what, const T& found, const T& expected) {
  if (found == expected) return;
  throw Error(file.string() + ": its training has " + what + " " + nlohmann::json(found).dump() + ", this one has " +
              nlohmann::json(expected).dump() + ": a resumed training must go on as it began");
}

// Calls `use` with the path, /KEY/KEY..., of each value that is no object.
template <class Use>
void for_each_value(const nlohmann::json& object, const std::string& path, const Use& use) {
  for (const auto& [key, value] : object.items())
    if (value.is_object())
      for_each_value(value, path + '/' + key, use);
    else
      use(path + '/' + key, value);
}

// Everything that a step's outcome depends on but how long the training is.
void check_options(const Checkpoint& checkpoint, const nlohmann::json& options) {
  const auto stored = checkpoint.content.metadata.find("training.options");
  if (stored == checkpoint.content.metadata.end()) return;
  const nlohmann::json theirs = nlohmann::json::parse(stored->second, nullptr, false);
  static const std::set<std::string> free{"/data",    "/out",          "/resume",    "/steps",   "/minutes",
                                          "/size",    "/save_every",   "/keep_last", "/samples", "/log_every",
                                          "/threads", "/sample_every", "/init",      "/teacher", "/device"};
  for_each_value(options, "", [&](const std::string& path, const nlohmann::json& value) {
    const nlohmann::json::json_pointer place(path);
    if (!free.count(path) && path.rfind("/model/", 0) != 0 && theirs.contains(place))
      check_unchanged(checkpoint.file, path.substr(1).c_str(), theirs[place], value);
  });
}

TrainOptions resolved(TrainOptions options) {
  if (options.model.decoder.flow_map && options.teacher.empty())
    throw Error("model.decoder.flow_map: a flow map is not trained but made of a flow, by `cigli distill`");
  if (!options.teacher.empty() && !options.init.empty())
    throw Error("init: a distilled model begins with its teacher's weights, not with those of " + options.init);
  if (!options.teacher.empty()) options.teacher = find_model(options.teacher).string();
  if (!options.steps && options.minutes == 0) options.steps = default_steps;
  set_threads(options.threads);
  if (options.precision == "auto")
    options.precision = computes_in_bf16(find_device(options.device.device)) ? "bf16" : "fp32";
  make_folder(options.out);
  const fs::path out = options.out;
  remove_stale_temporaries(out);
  remove_stale_temporaries(out / "checkpoints");
  const bool goes_on = options.resume == "latest" ||
                       fs::weakly_canonical(options.resume).parent_path() == fs::weakly_canonical(out / "checkpoints");
  if (!goes_on && (!list_checkpoints(out).empty() || fs::exists(out / "model.safetensors")))
    throw Error(options.out + ": holds a training already; --resume latest continues it, or choose another --out");
  return options;
}

}  // namespace

Trainer::Trainer(const TrainOptions& options)
    : options_(resolved(options)),
      data_(open_training_data(options.data, options.out, options.size, options.samples)),
      order_(data_.train, static_cast<std::uint64_t>(options.seed)) {
  options_.model.height = data_.pack.target_height();
  options_.model.width = data_.pack.target_width();
  options_.model.prompt_height = data_.pack.prompt_height();
  options_.model.prompt_width = data_.pack.prompt_width();
  state_.seed = options_.seed;
  state_.batch_size = options_.batch_size;
  state_.data = data_.checksum;
  if (!options_.teacher.empty()) state_.teacher = sha256_file(options_.teacher);

  const fs::path out = options_.out;
  std::optional<Checkpoint> checkpoint;
  if (options_.resume == "latest")
    checkpoint = read_newest_checkpoint(out);
  else if (!options_.resume.empty())
    checkpoint = read_checkpoint(options_.resume);
  if (checkpoint)
    resume(*checkpoint);
  else if (fs::exists(out / "model.safetensors"))
    throw Error(options_.out + ": holds a model but no checkpoint to go on from; choose another --out");
  else
    start();
  keep_pack(data_);
  elapsed_before_ = logged_elapsed_ = state_.elapsed;
  logged_step_ = saved_step_ = state_.step;
  started_ = std::chrono::steady_clock::now();

  TrainOptions record = options_;
  record.resume.clear();
  const std::string settings = write_toml(fields_of(record));
  const fs::path file = out / "config.toml";
  if (!checkpoint && fs::exists(file) && read_file(file) != settings) {  // someone's own, perhaps what --config names
    std::cerr << "cigli: warning: " << file.string() << " is now config.toml.old\n";
    fs::rename(file, out / "config.toml.old");
  }
  write_file(file, settings);
  log_ = std::make_unique<RunLog>(out / "log.jsonl", state_.step);
}

void Trainer::start() {
  torch::manual_seed(static_cast<std::uint64_t>(options_.seed));
  const std::vector<std::string> texts = data_.texts();
  Generator model = first_model(texts);
  if (options_.teacher.empty()) model->remember_words(texts);
  const std::set<std::string> distinct(texts.begin(), texts.end());
  std::vector<std::string> cut;
  std::copy_if(distinct.begin(), distinct.end(), std::back_inserter(cut), [&](const std::string& text) {
    return static_cast<std::int64_t>(model->tokenizer.encode(text).size()) + 2 > options_.model.text.context;
  });
  if (!cut.empty())
    std::cerr << "cigli: warning: " << options_.data << ": " << cut.size() << " of " << distinct.size()
              << " training texts have more than " << options_.model.text.context
              << " tokens (model.text.context) and are cut, as \"" << clipped(cut.front(), 60) << "\"\n";
  adopt(model);
}

Generator Trainer::first_model(const std::vector<std::string>& texts) const {
  const std::string& teacher = options_.teacher;
  const std::string& source = teacher.empty() ? options_.init : teacher;
  if (source.empty()) return Generator(options_.model, Tokenizer::train(texts, options_.model.text.vocabulary));
  Generator model = teacher.empty() ? load_model(source) : flow_map_of(load_model(source));
  check_architecture(source, model->options, options_.model);
  model->options.sampling = options_.model.sampling;
  return model;
}

void Trainer::resume(const Checkpoint& checkpoint) {
  Generator model = build_model(checkpoint.content, checkpoint.file);
  check_architecture(checkpoint.file, model->options, options_.model);
  check_unchanged(checkpoint.file, "seed", checkpoint.state.seed, state_.seed);
  check_unchanged(checkpoint.file, "batch size", checkpoint.state.batch_size, state_.batch_size);
  check_unchanged(checkpoint.file, "data of checksum", checkpoint.state.data, state_.data);
  check_unchanged(checkpoint.file, "a teacher of checksum", checkpoint.state.teacher, state_.teacher);
  check_options(checkpoint, write_json(fields_of(options_)));
  model->options.sampling = options_.model.sampling;
  adopt(model);
  restore_optimizer(checkpoint, *optimizer_);
  for (const auto& [name, optimizer] : objective_->networks()) restore_optimizer(checkpoint, *optimizer, name);
  state_ = checkpoint.state;
}

void Trainer::adopt(Generator model) {
  use_channels_last(*model);
  model->to(find_device(options_.device.device));
  optimizer_ = std::make_unique<Optimizer>(model->named_parameters(), options_.optimizer);
  model->to(options_.precision == "bf16" ? torch::kBFloat16 : torch::kFloat32);
  model_ = model;
  objective_ = make_objective(options_, model_, *optimizer_);
}

Batch Trainer::next_batch() {
  const auto read = [this](std::int64_t step) {
    const torch::Device device = model_->device();
    const std::vector<std::int64_t> pairs = order_.batch(step * options_.batch_size, options_.batch_size);
    return Upload([&] { return data_.pack.batch(pairs, device); }, device);
  };
  const Upload upload = next_.valid() && next_step_ == state_.step ? next_.get() : read(state_.step);
  next_step_ = state_.step + 1;
  next_ = std::async(std::launch::async, read, next_step_);
  return upload.get();
}

double Trainer::step() {
  const Batch pairs = next_batch();
  last_ = step_if_it_fits(*objective_, pairs, state_.step, progress());
  const bool finite = std::isfinite(last_.loss);
  if (!finite || !std::isfinite(last_.gradient_norm))
    throw Error(options_.out + ": step " + std::to_string(state_.step + 1) + ": the " + (finite ? "gradient" : "loss") +
                " is " + std::to_string(finite ? last_.gradient_norm : last_.loss) +
                ", expected a finite number; stopped, checkpoints stay as they were (try a lower learning rate)");
  ++state_.step;
  state_.loss_sum += last_.loss;
  state_.norm_sum += last_.gradient_norm;
  for (const auto& [name, value] : last_.more) state_.more_sums[name] += value;
  ++state_.summed;
  if (state_.step % options_.log_every == 0) log();
  return last_.loss;
}

double Trainer::elapsed() const {
  return elapsed_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

double Trainer::progress() const {
  const double by_steps = options_.steps ? static_cast<double>(state_.step) / static_cast<double>(*options_.steps) : 0;
  const double by_time = options_.minutes > 0 ? elapsed() / (60 * options_.minutes) : 0;
  return std::min(1.0, std::max(by_steps, by_time));
}

void Trainer::log() {
  const double now = elapsed(), summed = static_cast<double>(state_.summed);
  images_per_second_ =
      static_cast<double>((state_.step - logged_step_) * options_.batch_size) / std::max(1e-9, now - logged_elapsed_);
  NamedValues more;
  for (const auto& [name, sum] : state_.more_sums) more.emplace_back(name, sum / summed);
  log_->append({state_.step, state_.step * options_.batch_size, state_.loss_sum / summed, last_.learning_rate,
                state_.norm_sum / summed, images_per_second_, now, more});
  logged_step_ = state_.step;
  logged_elapsed_ = now;
  state_.loss_sum = state_.norm_sum = 0;
  state_.more_sums.clear();
  state_.summed = 0;
}

void Trainer::write_samples() {
  optimizer_->write_parameters(Optimizer::average);
  const std::vector<SheetCard> cards =
      sample_cards(model_, data_.pack, data_.shown, static_cast<std::uint64_t>(options_.seed));
  optimizer_->write_parameters(Optimizer::master);
  const fs::path folder = fs::path(options_.out) / "samples";
  make_folder(folder);
  char name[32];
  std::snprintf(name, sizeof name, "step-%08lld.png", static_cast<long long>(state_.step));
  write_png(folder / name, draw_contact_sheet(cards, 2));
}

void Trainer::save() {
  state_.elapsed = elapsed();
  const std::map<std::string, Optimizer*> networks = objective_->networks();
  save_checkpoint(options_.out,
                  {*model_, *optimizer_, state_, write_json(fields_of(options_)), {networks.begin(), networks.end()}});
  prune_checkpoints(options_.out, options_.keep_last, state_.step);
  saved_step_ = state_.step;
}

std::string Trainer::note() const {
  char text[96];
  std::snprintf(text, sizeof text, "step %lld · loss %.4f · %.1f images/s", static_cast<long long>(state_.step),
                last_.loss, images_per_second_);
  return text;
}

bool Trainer::run() {
  const InterruptGuard guard;
  const auto every = [this](std::int64_t period) { return period > 0 && state_.step % period == 0; };
  const bool by_time = options_.minutes > 0;
  const std::int64_t first = state_.step;
  Progress bar("train", by_time ? static_cast<std::int64_t>(std::ceil(60 * options_.minutes)) : *options_.steps);
  while (!finished() && !InterruptGuard::requested()) {
    step();
    if (every(options_.save_every)) save();
    if (every(options_.sample_every)) write_samples();
    bar.update(by_time ? static_cast<std::int64_t>(elapsed()) : state_.step, note());
  }
  state_.elapsed = elapsed();
  const bool unlogged = finished() && state_.summed > 0;
  if (unlogged) log();
  if (unlogged || saved_step_ != state_.step) save();
  save_averaged_model(fs::path(options_.out) / "model.safetensors", *model_, *optimizer_, state_.step);
  if (finished() && state_.step > first && options_.sample_every > 0 && !every(options_.sample_every)) write_samples();
  bar.finish(note());
  return finished();
}

}  // namespace cigli
