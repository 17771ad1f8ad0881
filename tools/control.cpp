#include <algorithm>
#include <filesystem>
#include <iostream>

#include "dataset/contact_sheet.h"
#include "dataset/derangement.h"
#include "dataset/fit.h"
#include "dataset/image.h"
#include "dataset/metadata.h"
#include "dataset/tensor_image.h"
#include "eval/retrieval.h"
#include "eval/rows.h"
#include "runtime/device.h"
#include "runtime/files.h"
#include "tools/commands.h"

namespace cigli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t sheet_rows = 48;

struct ControlOptions {
  std::string kind, data, out, training, split;
  RetrievalOptions retrieval;
  std::int64_t size = 64, seed = 0, threads = 0;

  void visit(Fields& f) {
    f("kind", kind,
      "copy: the prompt; blank: its background alone; swapped-target: another row's target; retrieval: the target of "
      "the nearest training pair",
      Required{}, Choices{{"copy", "blank", "swapped-target", "retrieval"}});
    f("data", data, "dataset folder whose rows are answered", Required{});
    f("out", out, "folder for the images, <id>.png each, and contact.png, the first of them with their prompts",
      Required{});
    f("split", split, "rows of this split alone");
    f("training", training, "pack of the training pairs, for retrieval");
    f("text_weight", retrieval.text_weight, "retrieval: weight of the sentences beside the prompts", Range{0, 1e6});
    f("size", size, "side of the images in pixels", Range{16, 4096});
    f("seed", seed, "seed of the exchange of targets", Range{0, 9e15});
    f("threads", threads, "threads, 0 = all cores", Range{0, 4096});
  }
};

// The median of each channel: what is left of a synthetic image without its objects.
Image blank_like(const Image& image) {
  Image blank(image.width, image.height);
  std::uint8_t colour[3];
  for (std::int64_t c = 0; c < 3; ++c) {
    std::vector<std::uint8_t> values;
    for (std::size_t i = static_cast<std::size_t>(c); i < image.pixels.size(); i += 3)
      values.push_back(image.pixels[i]);
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    colour[c] = values[values.size() / 2];
  }
  for (std::size_t i = 0; i < blank.pixels.size(); ++i) blank.pixels[i] = colour[i % 3];
  return blank;
}

Image pack_target(const Pack& pack, std::int64_t row) {
  Image image(pack.target_width(), pack.target_height());
  std::copy_n(pack.target(row), image.pixels.size(), image.pixels.begin());
  return image;
}

std::vector<Image> retrieve(const ControlOptions& options, const std::vector<Row>& rows) {
  const Pack pack(options.training);
  std::vector<std::int64_t> pairs = pack.indices("train");
  if (pairs.empty()) pairs = pack.indices("");
  if (pairs.empty()) throw Error(options.training + ": no row of split 'train' or without a split");
  std::vector<std::string> texts;
  std::vector<torch::Tensor> prompts;
  for (const Row& row : rows) {
    texts.push_back(row.text);
    prompts.push_back(to_tensor(
        fit(read_image(image_folder(options.data) / row.prompt_file_name), pack.prompt_width(), pack.prompt_height())));
  }
  std::vector<Image> images;
  const Retrieval retrieval(pack, std::move(pairs), options.retrieval);
  for (const std::int64_t found : retrieval.nearest(texts, torch::stack(prompts)))
    images.push_back(pack_target(pack, found));
  return images;
}

std::vector<Image> answers(const ControlOptions& options, const std::vector<Row>& rows) {
  if (options.kind == "retrieval") return retrieve(options, rows);
  std::vector<std::string> targets;
  for (const Row& row : rows) targets.push_back(row.target_file_name);
  const bool swap = options.kind == "swapped-target";
  const std::vector<std::size_t> other =
      swap ? derangement(targets, static_cast<std::uint64_t>(options.seed)) : std::vector<std::size_t>();
  std::vector<Image> images;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Image image = read_image(image_folder(options.data) / (swap ? targets[other[i]] : rows[i].prompt_file_name));
    images.push_back(options.kind == "blank" ? blank_like(image) : image);
  }
  return images;
}

// The prompt as high as the answer beside it.
SheetCard card_of(const ControlOptions& options, const Row& row, const Image& answer) {
  const Image prompt = read_image(image_folder(options.data) / row.prompt_file_name);
  const std::int64_t width = std::max<std::int64_t>(1, options.size * prompt.width / prompt.height);
  return {row.text, {fit(prompt, width, options.size), answer}};
}

}  // namespace

int run_control(const Arguments& arguments) {
  const auto options = parse<ControlOptions>(arguments);
  if ((options.kind == "retrieval") == options.training.empty())
    throw UsageError("control: --training PACK belongs to --kind retrieval, which needs it");
  set_threads(options.threads);
  std::vector<std::string> faults;
  const std::vector<Row> rows = scorable_rows(options.data, options.split, faults);
  if (!faults.empty()) throw Error(faults.front());
  for (const Row& row : rows)
    if (row.id == "contact") throw Error(options.data + ": row \"contact\": contact.png is the contact sheet's name");
  const std::vector<Image> images = answers(options, rows);
  make_folder(options.out);
  std::vector<SheetCard> cards;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Image answer = fit(images[i], options.size, options.size);
    write_png(fs::path(options.out) / (rows[i].id + ".png"), answer,
              {{"Software", "cigli"}, {"control", options.kind}, {"id", rows[i].id}});
    if (i < sheet_rows) cards.push_back(card_of(options, rows[i], answer));
  }
  if (!cards.empty()) write_png(fs::path(options.out) / "contact.png", draw_contact_sheet(cards, 4));
  std::cout << options.out << ": " << rows.size() << " images made\n";
  return 0;
}

}  // namespace cigli
