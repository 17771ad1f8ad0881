#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

#include "dataset/image.h"
#include "dataset/pack.h"
#include "decoder/model_file.h"
#include "runtime/files.h"
#include "runtime/hash.h"
#include "runtime/npy.h"
#include "runtime/safetensors.h"
#include "runtime/text.h"
#include "tools/commands.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct InspectOptions {
  std::string file;
  bool json = false, tensors = false;

  void visit(Fields& f) {
    f("file", file, "model, scorer, checkpoint, run folder, packed dataset, safetensors, .npy or .npz file, or PNG",
      Required{});
    f("json", json, "print JSON (with all tensors and texts)");
    f("tensors", tensors, "list every tensor");
  }
};

// Metadata values that hold JSON come out as JSON, unless nested so deep that copying and printing it would overflow.
Json metadata_value(const std::string& text) {
  constexpr int deepest = 64;
  if (text.empty() || (text[0] != '{' && text[0] != '[')) return text;
  bool deep = false;
  const Json parsed = Json::parse(
      text, [&](int depth, Json::parse_event_t, Json&) { return !(deep |= depth > deepest); }, false);
  return deep || parsed.is_discarded() ? Json(text) : parsed;
}

Json array_kind(const torch::Tensor& array) {
  std::ostringstream type;
  type << array.scalar_type();
  return {{"dtype", type.str()}, {"shape", array.sizes().vec()}};
}

Json inspect_safetensors(const fs::path& file) {
  const TensorFile content = read_safetensors_header(file);
  const auto format = content.metadata.find("cigli.format");
  const bool ours = format != content.metadata.end();
  const bool scorer = ours && format->second.rfind("cigli-scorer", 0) == 0;
  Json json;
  std::int64_t weights = 0, training = 0;
  Json tensors = Json::object();
  for (const auto& [name, tensor] : content.tensors) {
    const bool of_training = name.rfind("training.", 0) == 0;
    (of_training ? training : weights) += tensor.numel();
    tensors[name] = array_kind(tensor);
  }
  json["kind"] = !ours ? "safetensors" : scorer ? "scorer" : training > 0 ? "checkpoint" : "model";
  json["weights"] = weights;
  if (training > 0) json["training_values"] = training;
  json["metadata"] = Json::object();
  for (const auto& [key, value] : content.metadata) json["metadata"][key] = metadata_value(value);
  json["tensors"] = std::move(tensors);
  return json;
}

// Features or statistics as NumPy's files hold them; what says which features they are is shown as text.
Json inspect_arrays(const fs::path& file, bool archive) {
  const auto arrays = archive ? read_npz(file) : std::map<std::string, torch::Tensor>{{file.stem(), read_npy(file)}};
  Json json;
  json["kind"] = !archive ? "array" : arrays.count("mu") != 0 && arrays.count("sigma") != 0 ? "statistics" : "arrays";
  json["arrays"] = Json::object();
  for (const auto& [name, array] : arrays) json["arrays"][name] = array_kind(array);
  if (const auto n = arrays.find("n"); n != arrays.end() && n->second.numel() == 1)
    json["n"] = n->second.to(torch::kInt64).item<std::int64_t>();
  if (const auto text = arrays.find("features"); text != arrays.end() && text->second.scalar_type() == torch::kUInt8) {
    const torch::Tensor bytes = text->second.contiguous();
    const auto* const begin = bytes.data_ptr<std::uint8_t>();
    json["features"] = metadata_value(std::string(begin, begin + bytes.numel()));
  }
  return json;
}

Json inspect_pack(const fs::path& file) {
  const Pack pack(file);
  pack.verify();
  Json json;
  json["kind"] = "pack";
  json["pairs"] = pack.size();
  json["prompt"] = {pack.prompt_height(), pack.prompt_width()};
  json["target"] = {pack.target_height(), pack.target_width()};
  std::map<std::string, std::int64_t> splits;
  for (std::int64_t i = 0; i < pack.size(); ++i) ++splits[std::string(pack.split(i))];
  json["splits"] = splits;
  json["checksum"] = "good";
  return json;
}

Json inspect_png(const fs::path& file) {
  Json json;
  json["kind"] = "png";
  const ImageSize size = read_image_size(file);
  json["size"] = {size.height, size.width};
  json["text"] = Json::object();
  for (const auto& [key, value] : read_png_text(file)) json["text"][key] = metadata_value(value);
  return json;
}

Json inspect(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  char head[8] = {};
  if (!fs::exists(file) || !in) throw Error(file.string() + ": cannot be opened, expected a file to inspect");
  in.read(head, sizeof head);
  const std::string_view magic(head, static_cast<std::size_t>(in.gcount()));
  if (magic.empty()) throw Error(file.string() + ": empty file");
  Json json;
  json["file"] = file.string();
  json["bytes"] = fs::file_size(file);
  const Json content = magic == "\x89PNG\r\n\x1a\n"                          ? inspect_png(file)
                       : magic == "CIGLIPK1"                                 ? inspect_pack(file)
                       : magic.substr(0, 4) == std::string_view("PK\3\4", 4) ? inspect_arrays(file, true)
                       : magic.substr(0, 6) == "\x93NUMPY"                   ? inspect_arrays(file, false)
                                                                             : inspect_safetensors(file);
  json.update(content);
  json["sha256"] = sha256_file(file);
  return json;
}

// "key.of.key: value" lines; long lists of tensors and texts are only counted.
void print(const Json& json, const std::string& key, bool tensors) {
  const bool compact = key == "tensors" && !tensors;
  if (compact) {
    std::cout << key << ": " << json.size() << " (--tensors lists them)\n";
  } else if (json.is_object()) {
    for (const auto& [name, value] : json.items()) print(value, key.empty() ? name : key + "." + name, tensors);
  } else {
    std::string text = json.is_string() ? json.get<std::string>() : json.dump();
    const auto lines = std::count(text.begin(), text.end(), '\n');
    if (lines > 1) text = std::to_string(lines) + " lines";
    std::cout << key << ": " << text << "\n";
  }
}

}  // namespace

int run_inspect(const Arguments& arguments) {
  const auto options = parse<InspectOptions>(arguments);
  const Json json = inspect(find_model(options.file));
  if (options.json)
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  else
    print(json, "", options.tensors);
  return 0;
}

}  // namespace cigli
