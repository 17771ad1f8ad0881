#include "eval/candidates.h"

#include <algorithm>
#include <utility>

#include "runtime/hash.h"
#include "runtime/philox.h"

namespace cigli {

Alike find_alike(const Pack& pack) {
  Alike alike;
  const auto image = [](const std::uint8_t* pixels, std::int64_t height, std::int64_t width) {
    return stable_hash({reinterpret_cast<const char*>(pixels), static_cast<std::size_t>(3 * height * width)});
  };
  for (std::int64_t i = 0; i < pack.size(); ++i) {
    alike.prompt.push_back(image(pack.prompt(i), pack.prompt_height(), pack.prompt_width()));
    alike.text.push_back(stable_hash(pack.text(i)));
    alike.target.push_back(image(pack.target(i), pack.target_height(), pack.target_width()));
  }
  return alike;
}

Candidates::Candidates(const Alike& alike, std::vector<std::int64_t> rows) : alike_(alike), rows_(std::move(rows)) {
  for (std::int64_t place = 0; place < static_cast<std::int64_t>(rows_.size()); ++place) {
    const auto [group, added] = prompt_group_.emplace(alike.prompt[row_at(place)], by_prompt_.size());
    if (added) by_prompt_.emplace_back();
    by_prompt_[group->second].push_back(place);
    by_text_[alike.text[row_at(place)]].push_back(place);
  }
}

const std::vector<std::int64_t>& Candidates::with_text_of(std::int64_t place) const {
  return by_text_.at(alike_.text[row_at(place)]);
}

const std::vector<std::int64_t>& Candidates::with_prompt_of(std::int64_t place) const {
  return by_prompt_[prompt_group_.at(alike_.prompt[row_at(place)])];
}

bool Candidates::same_target(std::int64_t a, std::int64_t b) const {
  return alike_.target[row_at(a)] == alike_.target[row_at(b)];
}

std::vector<std::int64_t> Candidates::draw(std::int64_t place, std::int64_t count, std::uint64_t seed,
                                           std::uint64_t stream) const {
  Philox random(seed, (stream << 40) + static_cast<std::uint64_t>(place));
  std::vector<std::int64_t> drawn{place};
  const auto take = [&](std::int64_t other) {
    const bool fits =
        std::none_of(drawn.begin(), drawn.end(), [&](std::int64_t taken) { return same_target(taken, other); });
    if (fits) drawn.push_back(other);
  };
  const auto take_some = [&](const std::vector<std::int64_t>& group, std::int64_t most) {
    const std::size_t enough = drawn.size() + static_cast<std::size_t>(most);
    if (static_cast<std::int64_t>(group.size()) <= most + 1) {
      for (const std::int64_t other : group) take(other);
      return;
    }
    for (std::int64_t tries = 0; tries < 8 * most && drawn.size() < enough; ++tries)
      take(group[random.below(group.size())]);
  };
  take_some(with_prompt_of(place), count / 4);
  take_some(with_text_of(place), count / 4);
  for (std::int64_t tries = 0; tries < 8 * count && static_cast<std::int64_t>(drawn.size()) < count; ++tries)
    take(static_cast<std::int64_t>(random.below(rows_.size())));
  return drawn;
}

}  // namespace cigli
