#include "dataset/shapes/reader.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "dataset/shapes/renderer.h"

namespace cigli {
namespace {

constexpr int largest_side = 64;    // larger images are shrunk first
constexpr double clear_fit = 0.68;  // overlap with the best shape, as a share of the union
constexpr double paint_limit = 85;  // RGB distance of an object's inside from its palette colour
constexpr double speck = 0.3;       // of the smallest object's area: smaller blobs are no objects

// The best reading of one blob.
struct Guess {
  Object object;
  double fit = 0;
  std::string fault;  // why it is no object; "" when it is one
};

class SceneReader {
 public:
  SceneReader(const Image& image, const World& world);
  Reading read();

 private:
  void label_pixels();
  void read_blob(const cv::Mat1b& blob, Reading& reading);
  std::vector<Colour> colours_in(const cv::Mat1b& blob) const;
  std::vector<Guess> read_piece(const cv::Mat1b& piece, Colour colour) const;
  Guess guess(const cv::Mat1b& piece, Colour colour) const;
  std::vector<cv::Mat1b> take_apart(const cv::Mat1b& piece) const;
  std::string fault_of(const Guess& guess, const cv::Mat1b& piece) const;
  double strength(const cv::Vec3b& pixel, Colour colour) const;
  double residual(const cv::Vec3b& pixel, Colour colour) const;
  Colour nearest(const cv::Vec3b& pixel, const std::vector<Colour>& colours) const;
  std::vector<cv::Mat1b> blobs_in(const cv::Mat1b& mask, double least) const;

  const World& world_;
  cv::Mat3b pixels_;
  cv::Mat1b foreground_;  // 255 where a palette colour makes up more than half of the pixel
  Rgb background_{};
  double scale_ = 1;  // pixels a scene unit
  double least_ = 0;  // area of the smallest blob that counts, pixels
};

Rgb median_colour(const cv::Mat3b& pixels) {
  Rgb median{};
  for (int c = 0; c < 3; ++c) {
    std::array<std::size_t, 256> histogram{};
    for (const cv::Vec3b& pixel : pixels) ++histogram[pixel[c]];
    std::size_t below = 0;
    for (int value = 0; value < 256; ++value) {
      below += histogram[static_cast<std::size_t>(value)];
      if (2 * below < pixels.total()) continue;
      median[static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(value);
      break;
    }
  }
  return median;
}

// Share of the union that both have.
double overlap(const cv::Mat1f& a, const cv::Mat1f& b) { return cv::sum(cv::min(a, b))[0] / cv::sum(cv::max(a, b))[0]; }

SceneReader::SceneReader(const Image& image, const World& world) : world_(world) {
  const cv::Mat3b whole(static_cast<int>(image.height), static_cast<int>(image.width),
                        reinterpret_cast<cv::Vec3b*>(const_cast<std::uint8_t*>(image.pixels.data())));
  if (whole.rows > largest_side)
    cv::resize(whole, pixels_, {largest_side, largest_side}, 0, 0, cv::INTER_AREA);
  else
    pixels_ = whole;
  scale_ = pixels_.rows / scene_side;
  double smallest = 1e9;
  for (const Shape shape : world.shapes) smallest = std::min(smallest, area(shape));
  least_ = speck * smallest * std::pow(world.radii.front() * scale_, 2);
  background_ = median_colour(pixels_);
}

// Share of the colour in the pixel when it is a mixture with the background; beyond [0, 1] it is no such mixture.
double SceneReader::strength(const cv::Vec3b& pixel, Colour colour) const {
  const Rgb paint = rgb(colour);
  double dot = 0, square = 0;
  for (int c = 0; c < 3; ++c) {
    const double way = double(paint[c]) - background_[c];
    dot += way * (double(pixel[c]) - background_[c]);
    square += way * way;
  }
  return square > 0 ? dot / square : 0;
}

double SceneReader::residual(const cv::Vec3b& pixel, Colour colour) const {
  const Rgb paint = rgb(colour);
  const double share = std::clamp(strength(pixel, colour), 0.0, 1.0);
  double sum = 0;
  for (int c = 0; c < 3; ++c) {
    const double mixed = background_[c] + share * (double(paint[c]) - background_[c]);
    sum += (pixel[c] - mixed) * (pixel[c] - mixed);
  }
  return sum;
}

Colour SceneReader::nearest(const cv::Vec3b& pixel, const std::vector<Colour>& colours) const {
  return *std::min_element(colours.begin(), colours.end(),
                           [&](Colour a, Colour b) { return residual(pixel, a) < residual(pixel, b); });
}

void SceneReader::label_pixels() {
  foreground_ = cv::Mat1b(pixels_.size(), uchar{0});
  for (int y = 0; y < pixels_.rows; ++y)
    for (int x = 0; x < pixels_.cols; ++x) {
      const cv::Vec3b& pixel = pixels_(y, x);
      if (distance({pixel[0], pixel[1], pixel[2]}, background_) < 40) continue;  // spares most pixels the search
      if (strength(pixel, nearest(pixel, world_.colours)) > 0.5) foreground_(y, x) = 255;
    }
}

// Connected components of at least `least` pixels, each as a mask of the whole image.
std::vector<cv::Mat1b> SceneReader::blobs_in(const cv::Mat1b& mask, double least) const {
  cv::Mat1i labels, stats;
  cv::Mat1d centres;
  const int count = cv::connectedComponentsWithStats(mask, labels, stats, centres, 4);
  std::vector<cv::Mat1b> blobs;
  for (int i = 1; i < count; ++i)
    if (stats(i, cv::CC_STAT_AREA) >= least) blobs.emplace_back(labels == i);
  return blobs;
}

// Colours with a compact part in the blob; a fringe of a wrong colour is thin and doesn't outlive the opening.
std::vector<Colour> SceneReader::colours_in(const cv::Mat1b& blob) const {
  std::vector<Colour> found;
  cv::Mat1b label(blob.size(), uchar{255});
  for (int y = 0; y < blob.rows; ++y)
    for (int x = 0; x < blob.cols; ++x)
      if (blob(y, x)) label(y, x) = static_cast<uchar>(nearest(pixels_(y, x), world_.colours));
  const cv::Mat square = cv::Mat::ones(2, 2, CV_8U);
  int most = 0;
  Colour main = world_.colours.front();
  for (const Colour colour : world_.colours) {
    const cv::Mat1b part = label == static_cast<int>(colour);
    const int size = cv::countNonZero(part);
    if (size > most) {
      most = size;
      main = colour;
    }
    if (size < least_) continue;
    cv::Mat1b opened;
    cv::morphologyEx(part, opened, cv::MORPH_OPEN, square);
    if (cv::countNonZero(opened) >= least_) found.push_back(colour);
  }
  return found.empty() ? std::vector<Colour>{main} : found;
}

Guess SceneReader::guess(const cv::Mat1b& piece, Colour colour) const {
  const int pad = 1 + static_cast<int>(std::lround(scale_));
  const cv::Rect box = cv::boundingRect(piece);
  const cv::Rect window = cv::Rect(box.x - pad, box.y - pad, box.width + 2 * pad, box.height + 2 * pad) &
                          cv::Rect(0, 0, piece.cols, piece.rows);
  cv::Mat1b near;
  cv::dilate(piece(window), near, cv::Mat::ones(2 * pad - 1, 2 * pad - 1, CV_8U));
  cv::Mat1f share(window.size(), 0.0F);
  double sum = 0, sum_x = 0, sum_y = 0;
  for (int y = 0; y < window.height; ++y)
    for (int x = 0; x < window.width; ++x) {
      const bool own = piece(window)(y, x) != 0;
      if (!own && (!near(y, x) || foreground_(window)(y, x))) continue;
      const double part = std::clamp(strength(pixels_(window)(y, x), colour), 0.0, 1.0);
      share(y, x) = static_cast<float>(part);
      sum += part;
      sum_x += part * (window.x + x + 0.5);
      sum_y += part * (window.y + y + 0.5);
    }
  Guess best;
  best.object.colour = colour;
  for (const Shape shape : world_.shapes) {
    const double radius = std::sqrt(sum / area(shape));
    cv::Mat1f ideal = coverage(shape, sum_x / sum, sum_y / sum, radius, window);
    // A blurred square is rounder than a sharp circle: compare like with like.
    double fit = overlap(share, ideal);
    cv::GaussianBlur(ideal, ideal, {0, 0}, 1);
    fit = std::max(fit, overlap(share, ideal));
    if (fit <= best.fit) continue;
    best.fit = fit;
    best.object = {shape, colour, sum_x / sum / scale_, sum_y / sum / scale_, radius / scale_};
  }
  best.fault = fault_of(best, piece);
  return best;
}

std::string SceneReader::fault_of(const Guess& guess, const cv::Mat1b& piece) const {
  const auto at = [&] {
    return " at (" + std::to_string(std::lround(guess.object.x)) + ", " + std::to_string(std::lround(guess.object.y)) +
           ")";
  };
  if (guess.fit < clear_fit) return "a " + name(guess.object.colour) + " blob of no clear shape" + at();
  if (guess.object.radius < 0.65 * world_.radii.front() || guess.object.radius > 1.4 * world_.radii.back())
    return "a " + name(guess.object.colour) + " " + name(guess.object.shape) + " of no likely size" + at();
  cv::Mat1b inside;
  cv::erode(piece, inside, cv::Mat::ones(3, 3, CV_8U));
  const cv::Scalar mean = cv::mean(pixels_, cv::countNonZero(inside) > 3 ? inside : piece);
  const Rgb paint{static_cast<std::uint8_t>(mean[0]), static_cast<std::uint8_t>(mean[1]),
                  static_cast<std::uint8_t>(mean[2])};
  if (distance(paint, rgb(guess.object.colour)) > paint_limit)
    return "a " + name(guess.object.shape) + " of no clear colour" + at();
  return "";
}

// Cuts where the piece is thinnest: its cores are grown back until they meet. Empty when it has one core.
std::vector<cv::Mat1b> SceneReader::take_apart(const cv::Mat1b& piece) const {
  cv::Mat1f depth;
  cv::distanceTransform(piece, depth, cv::DIST_L2, cv::DIST_MASK_PRECISE);
  for (double cut = 1; cut < 4; cut += 0.5) {
    const cv::Mat1b cores = depth > cut * scale_;
    const std::vector<cv::Mat1b> seeds = blobs_in(cores, 1);
    if (seeds.empty()) return {};
    if (seeds.size() == 1) continue;
    cv::Mat1f away;
    cv::Mat1i owner;
    cv::distanceTransform(~cores, away, owner, cv::DIST_L2, cv::DIST_MASK_5, cv::DIST_LABEL_CCOMP);
    std::vector<cv::Mat1b> parts;
    for (const cv::Mat1b& seed : seeds) {
      cv::Point inside;
      cv::minMaxLoc(seed, nullptr, nullptr, nullptr, &inside);
      parts.emplace_back((owner == owner(inside)) & piece);
    }
    return parts;
  }
  return {};
}

// One guess, or several when the piece is two or more objects that touch.
std::vector<Guess> SceneReader::read_piece(const cv::Mat1b& piece, Colour colour) const {
  const Guess whole = guess(piece, colour);
  if (whole.fault.empty()) return {whole};
  std::vector<Guess> parts;
  for (const cv::Mat1b& part : take_apart(piece)) {
    if (cv::countNonZero(part) < least_) return {whole};
    parts.push_back(guess(part, colour));
    if (!parts.back().fault.empty()) return {whole};
  }
  return parts.size() > 1 ? parts : std::vector<Guess>{whole};
}

void SceneReader::read_blob(const cv::Mat1b& blob, Reading& reading) {
  const std::vector<Colour> colours = colours_in(blob);
  for (const Colour colour : colours) {
    cv::Mat1b part = blob;
    if (colours.size() > 1) {
      part = cv::Mat1b(blob.size(), uchar{0});
      for (int y = 0; y < blob.rows; ++y)
        for (int x = 0; x < blob.cols; ++x)
          if (blob(y, x) && nearest(pixels_(y, x), colours) == colour) part(y, x) = 255;
    }
    for (const cv::Mat1b& piece : blobs_in(part, least_))
      for (const Guess& guess : read_piece(piece, colour)) {
        if (guess.fault.empty())
          reading.scene.objects.push_back(guess.object);
        else
          reading.unclear.push_back(guess.fault);
      }
  }
}

Reading SceneReader::read() {
  label_pixels();
  Reading reading;
  reading.scene.background = background_;
  for (const cv::Mat1b& blob : blobs_in(foreground_, least_)) read_blob(blob, reading);
  return reading;
}

}  // namespace

Reading read_scene(const Image& image, const World& world) { return SceneReader(image, world).read(); }

}  // namespace cigli
