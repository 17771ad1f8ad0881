#include "dataset/pack.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "dataset/tensor_image.h"
#include "runtime/error.h"
#include "runtime/hash.h"

namespace cigli {
namespace {

constexpr std::uint64_t kTrailer = 8 + 8 + 64;
constexpr std::uint64_t kLongestHeader = 4096;
constexpr std::int64_t kLongestSide = 16384;

ImageSize shape_member(const nlohmann::json& object, const char* key, const std::string& name) {
  const auto found = object.find(key);
  const auto is_side = [](const nlohmann::json& value) {
    return value.is_number_unsigned() && value.get<std::uint64_t>() >= 1 && value.get<std::uint64_t>() <= kLongestSide;
  };
  if (found == object.end() || !found->is_array() || found->size() != 2 || !is_side((*found)[0]) ||
      !is_side((*found)[1]))
    throw Error(name + ": damaged pack header, expected \"" + key + "\": [height, width]");
  return {(*found)[1].get<std::int64_t>(), (*found)[0].get<std::int64_t>()};
}

}  // namespace

Pack::Pack(const std::filesystem::path& file) : name_(file.string()), file_(file) {
  check_header();
  check_index();
  nlohmann::json splits = nlohmann::json::object();
  for (std::int64_t i = 0; i < size_; ++i) {
    nlohmann::json& count = splits[std::string(split(i))];
    count = count.is_null() ? 1 : count.get<std::int64_t>() + 1;
  }
  description_["pairs"] = size_;
  description_["splits"] = std::move(splits);
}

void Pack::check_header() {
  const std::uint64_t bytes = file_.size();
  if (bytes < 16 || file_.bytes().substr(0, 8) != "CIGLIPK1")
    throw Error(name_ + ": not a packed dataset, expected a file made by `cigli data pack`");
  const std::uint64_t length = number(8);
  if (length > kLongestHeader || 16 + length + kTrailer > bytes)
    throw Error(name_ + ": truncated or damaged pack (header of " + std::to_string(length) + " bytes)");
  description_ = nlohmann::json::parse(file_.bytes().substr(16, length), nullptr, false);
  if (!description_.is_object()) throw Error(name_ + ": damaged pack header, expected a JSON object");
  const auto version = description_.find("version");
  if (version == description_.end() || *version != 1)
    throw Error(name_ + ": pack of another version, expected version 1; pack the dataset again");
  prompt_ = shape_member(description_, "prompt", name_);
  target_ = shape_member(description_, "target", name_);
  images_at_ = 16 + length;
}

void Pack::check_index() {
  const std::uint64_t end = file_.size() - kTrailer;  // of the strings
  const std::uint64_t count = number(end);
  strings_at_ = number(end + 8);
  if (count > file_.size() / pair_bytes() || strings_at_ != images_at_ + count * pair_bytes() ||
      strings_at_ + 8 * (3 * count + 1) > end)
    throw Error(name_ + ": truncated or damaged pack (" + std::to_string(file_.size()) + " bytes do not fit its " +
                std::to_string(count) + " pairs)");
  size_ = static_cast<std::int64_t>(count);
  const std::uint64_t room = end - strings_at_ - 8 * (3 * count + 1);
  std::uint64_t before = 0;
  for (std::uint64_t i = 0; i <= 3 * count; ++i) {
    const std::uint64_t offset = number(strings_at_ + 8 * i);
    if (offset < before || offset > room || (i == 0 && offset != 0) || (i == 3 * count && offset != room))
      throw Error(name_ + ": damaged pack (text offset " + std::to_string(i) + " is out of order)");
    before = offset;
  }
}

void Pack::verify() const {
  const std::size_t end = file_.size() - 64;
  const std::string found = sha256(file_.bytes().substr(0, end));
  if (file_.bytes().substr(end) != found) throw Error(name_ + ": damaged pack (its SHA-256 is now " + found + ")");
}

std::uint64_t Pack::number(std::uint64_t at) const {
  std::uint64_t value;
  std::memcpy(&value, file_.data() + at, sizeof value);
  return value;
}

std::string_view Pack::string(std::int64_t which) const {
  if (which < 0 || which >= 3 * size_) throw std::out_of_range("no such pair in the pack");
  const std::uint64_t at = strings_at_ + 8 * static_cast<std::uint64_t>(which);
  const std::uint64_t blob = strings_at_ + 8 * (3 * static_cast<std::uint64_t>(size_) + 1);
  return file_.bytes().substr(blob + number(at), number(at + 8) - number(at));
}

const std::uint8_t* Pack::pair(std::int64_t i) const {
  if (i < 0 || i >= size_) throw std::out_of_range("no such pair in the pack");
  return file_.data() + images_at_ + static_cast<std::uint64_t>(i) * pair_bytes();
}

std::string_view Pack::id(std::int64_t i) const { return string(3 * i); }
std::string_view Pack::text(std::int64_t i) const { return string(3 * i + 1); }
std::string_view Pack::split(std::int64_t i) const { return string(3 * i + 2); }
const std::uint8_t* Pack::prompt(std::int64_t i) const { return pair(i); }
const std::uint8_t* Pack::target(std::int64_t i) const { return pair(i) + prompt_bytes(); }

std::vector<std::int64_t> Pack::indices(std::string_view split) const {
  std::vector<std::int64_t> found;
  for (std::int64_t i = 0; i < size_; ++i)
    if (this->split(i) == split) found.push_back(i);
  return found;
}

Batch Pack::batch(const std::vector<std::int64_t>& indices, const torch::TensorOptions& options) const {
  Batch batch;
  std::vector<const std::uint8_t*> prompts, targets;
  for (const std::int64_t i : indices) {
    batch.ids.emplace_back(id(i));
    batch.texts.emplace_back(text(i));
    prompts.push_back(prompt(i));
    targets.push_back(target(i));
  }
  batch.prompt = to_batch(prompts, prompt_.height, prompt_.width, options);
  batch.target = to_batch(targets, target_.height, target_.width, options);
  return batch;
}

}  // namespace cigli
