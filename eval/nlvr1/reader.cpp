#include "eval/nlvr1/reader.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "eval/nlvr1/fit.h"
#include "runtime/error.h"

namespace cigli {
namespace {

constexpr int smallest_side = 32, largest_side = 100;  // pixels; larger images are shrunk first
constexpr double clear_overlap = 0.7;                  // of a blob with the item it is read as
constexpr double sure_overlap = 0.92;                  // no search for several items
constexpr double better = 0.05;                        // overlap that several items must add to that of one
constexpr double speck = 20;        // square hundredths; a blob below is no item (the smallest has 50)
constexpr double paint_limit = 85;  // RGB distance of an item's inside from its colour
const std::array<cv::Vec3d, 4> paints = {{{0, 0, 0}, {255, 255, 0}, {0, 153, 255}, {211, 211, 211}}};

class Reader {
 public:
  explicit Reader(const Image& image);
  Nlvr1Reading read();

 private:
  void unmix();
  void read_blob(const cv::Mat1b& blob, Nlvr1Colour colour);
  cv::Mat1f amount_of(const cv::Mat1b& blob, Nlvr1Colour colour, const cv::Rect& window) const;
  Nlvr1Box blocks_of_column(const cv::Mat1b& blob) const;
  bool has_colour(const cv::Mat1b& blob, Nlvr1Colour colour) const;
  void find_uncoloured();
  std::vector<cv::Mat1b> blobs_in(const cv::Mat1b& mask) const;
  void add_unclear(const std::string& what, const cv::Mat1b& blob);

  cv::Mat3b pixels_;
  std::array<cv::Mat1f, nlvr1_kinds> amounts_;  // each colour's share of each pixel
  cv::Mat1b read_;                              // pixels of blobs that have been read
  double scale_ = 1;                            // pixels a hundredth
  Nlvr1Reading reading_;
};

Reader::Reader(const Image& image) {
  if (image.width != image.height || image.width < smallest_side)
    throw Error("an image of " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                " pixels, expected a square box of 32 pixels a side or more");
  const int side = static_cast<int>(image.width);
  const cv::Mat3b whole(side, side, reinterpret_cast<cv::Vec3b*>(const_cast<std::uint8_t*>(image.pixels.data())));
  if (side > largest_side)
    cv::resize(whole, pixels_, {largest_side, largest_side}, 0, 0, cv::INTER_AREA);
  else
    pixels_ = whole;
  scale_ = pixels_.rows / 100.0;
  read_ = cv::Mat1b(pixels_.size(), uchar{0});
}

// Four colours and the sum of their shares give four equations for the shares.
void Reader::unmix() {
  cv::Matx44d mix;
  for (int i = 0; i < 4; ++i)
    for (int c = 0; c < 4; ++c) mix(c, i) = c < 3 ? paints[static_cast<std::size_t>(i)][c] : 255;
  const cv::Matx44d shares_of = mix.inv();
  for (cv::Mat1f& amount : amounts_) amount = cv::Mat1f(pixels_.size(), 0.0F);
  for (int y = 0; y < pixels_.rows; ++y)
    for (int x = 0; x < pixels_.cols; ++x) {
      const cv::Vec3b& pixel = pixels_(y, x);
      cv::Vec4d shares = shares_of * cv::Vec4d(pixel[0], pixel[1], pixel[2], 255);
      double sum = 0;
      for (int i = 0; i < 4; ++i) sum += shares[i] = std::max(0.0, shares[i]);
      for (int i = 0; i < nlvr1_kinds; ++i) amounts_[static_cast<std::size_t>(i)](y, x) = float(shares[i] / sum);
    }
}

// Connected parts of the mask that are no specks, from the top.
std::vector<cv::Mat1b> Reader::blobs_in(const cv::Mat1b& mask) const {
  cv::Mat1i labels, stats;
  cv::Mat1d centres;
  const int count = cv::connectedComponentsWithStats(mask, labels, stats, centres, 4);
  std::vector<cv::Mat1b> blobs;
  for (int i = 1; i < count; ++i)
    if (stats(i, cv::CC_STAT_AREA) >= speck * scale_ * scale_) blobs.emplace_back(labels == i);
  return blobs;
}

// The colour's shares in and right around the blob, without other blobs; `window` may reach beyond the image.
cv::Mat1f Reader::amount_of(const cv::Mat1b& blob, Nlvr1Colour colour, const cv::Rect& window) const {
  const cv::Rect inside = window & cv::Rect(0, 0, pixels_.cols, pixels_.rows);
  const cv::Mat1f whole = amounts_[static_cast<std::size_t>(colour)](inside);
  cv::Mat1b near;
  cv::dilate(blob(inside), near, cv::Mat::ones(3, 3, CV_8U));
  cv::Mat1f amount(window.size(), 0.0F);
  whole.copyTo(amount(inside - window.tl()), (near & (whole <= 0.5)) | blob(inside));
  return amount;
}

// A tower's blocks of one colour: 20 wide, 21 from one to the next. Empty when the blob is no such column.
Nlvr1Box Reader::blocks_of_column(const cv::Mat1b& blob) const {
  constexpr double side = 20, step = 21, slack = 3;
  const cv::Rect box = cv::boundingRect(blob);
  const double width = box.width / scale_, height = box.height / scale_, x = box.x / scale_, y = box.y / scale_;
  const int blocks = static_cast<int>(std::lround((height + 1) / step));
  if (blocks < 2 || std::abs(width - side) > slack || std::abs(height + 1 - step * blocks) > slack * 2 ||
      cv::countNonZero(blob) < 0.85 * box.area())
    return {};
  Nlvr1Box column;
  for (int i = 0; i < blocks; ++i)
    column.push_back({x + (width - side) / 2, y + (i + 0.5) * height / blocks - side / 2, side, Nlvr1Shape::square});
  return column;
}

// By the blob's purest pixels: those of the rim are mixtures.
bool Reader::has_colour(const cv::Mat1b& blob, Nlvr1Colour colour) const {
  const cv::Mat1f& amount = amounts_[static_cast<std::size_t>(colour)];
  double most = 0;
  cv::minMaxLoc(amount, nullptr, &most, nullptr, nullptr, blob);
  const cv::Scalar mean = cv::mean(pixels_, blob & (amount >= 0.8 * most));
  return cv::norm(cv::Vec3d(mean[0], mean[1], mean[2]) - paints[static_cast<std::size_t>(colour)]) <= paint_limit;
}

void Reader::add_unclear(const std::string& what, const cv::Mat1b& blob) {
  const cv::Rect box = cv::boundingRect(blob);
  reading_.unclear.push_back(what + " at (" + std::to_string(std::lround((box.x + box.width / 2.0) / scale_)) + ", " +
                             std::to_string(std::lround((box.y + box.height / 2.0) / scale_)) + ")");
}

void Reader::read_blob(const cv::Mat1b& blob, Nlvr1Colour colour) {
  if (!has_colour(blob, colour)) return add_unclear("a blob of no clear colour", blob);
  const auto add = [&](Nlvr1Item item) {
    item.colour = colour;
    reading_.items.push_back(item);
  };
  if (const Nlvr1Box column = blocks_of_column(blob); !column.empty()) {
    std::for_each(column.begin(), column.end(), add);
    return;
  }
  const cv::Rect box = cv::boundingRect(blob);
  const cv::Rect window(box.x - 2, box.y - 2, box.width + 4, box.height + 4);
  const cv::Mat1f amount = amount_of(blob, colour, window);
  const Nlvr1Fit one = fit_item(amount, scale_, window);
  if (one.overlap >= sure_overlap) return add(one.item);
  const std::vector<Nlvr1Fit> several = fit_items(amount, scale_, window);
  const bool apart = several.size() > 1 && several.front().overlap >= std::max(clear_overlap, one.overlap + better);
  if (!apart && one.overlap >= clear_overlap) return add(one.item);
  if (!apart) return add_unclear("a " + name(colour) + " blob of no clear shape", blob);
  for (const Nlvr1Fit& fit : several) add(fit.item);
}

// What is neither grey nor one of the colours, and no rim of a blob.
void Reader::find_uncoloured() {
  cv::dilate(read_, read_, cv::Mat::ones(5, 5, CV_8U));
  cv::Mat1b rest = (amounts_[0] + amounts_[1] + amounts_[2] > 0.3) & ~read_;
  cv::morphologyEx(rest, rest, cv::MORPH_OPEN, cv::Mat::ones(3, 3, CV_8U));
  for (const cv::Mat1b& blob : blobs_in(rest)) add_unclear("a blob of no clear colour", blob);
}

Nlvr1Reading Reader::read() {
  unmix();
  for (int i = 0; i < nlvr1_kinds; ++i)
    for (const cv::Mat1b& blob : blobs_in(amounts_[static_cast<std::size_t>(i)] > 0.5)) {
      read_ |= blob;
      read_blob(blob, static_cast<Nlvr1Colour>(i));
    }
  find_uncoloured();
  return std::move(reading_);
}

}  // namespace

Nlvr1Reading read_nlvr1_box(const Image& image) { return Reader(image).read(); }

}  // namespace cigli
