#include "eval/efficiency/latency.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "runtime/error.h"
#include "runtime/philox.h"

namespace cigli {
namespace {

constexpr std::size_t kFewestCalls = 10;  // behind an interval

std::size_t count_calls(const std::vector<TimedRound>& rounds) {
  std::size_t calls = 0;
  for (const TimedRound& round : rounds) calls += round.size();
  if (calls == 0) throw Error("a latency needs at least one call");
  return calls;
}

std::vector<double> seconds_of(const std::vector<TimedRound>& rounds) {
  std::vector<double> seconds;
  for (const TimedRound& round : rounds)
    for (const CallTiming& call : round) seconds.push_back(call.seconds);
  return seconds;
}

double rate_of(const std::vector<TimedRound>& rounds) {
  double images = 0, seconds = 0;
  for (const TimedRound& round : rounds) {
    for (const CallTiming& call : round) {
      images += static_cast<double>(call.images);
      seconds += call.seconds;
    }
  }
  return images / seconds;
}

TimedRound drawn_calls(const TimedRound& round, Philox& random) {
  const std::size_t n = round.size();
  const auto block = static_cast<std::size_t>(std::ceil(std::cbrt(static_cast<double>(n)) - 1e-9));
  TimedRound drawn;
  drawn.reserve(n + block);
  while (drawn.size() < n) {
    const std::size_t begin = random.below(n);
    for (std::size_t i = 0; i < block; ++i) drawn.push_back(round[(begin + i) % n]);
  }
  drawn.resize(n);
  return drawn;
}

std::vector<std::size_t> drawn_places(std::size_t n, Philox& random) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < n; ++i) places.push_back(random.below(n));
  return places;
}

std::vector<TimedRound> drawn_rounds(const std::vector<TimedRound>& rounds, const std::vector<std::size_t>& places,
                                     Philox& random) {
  std::vector<TimedRound> drawn;
  for (const std::size_t place : places) drawn.push_back(drawn_calls(rounds[place], random));
  return drawn;
}

Interval bootstrapped(const std::function<double(Philox&)>& draw, const BootstrapOptions& options) {
  std::vector<double> values;
  for (std::int64_t r = 0; r < options.resamples; ++r) {
    Philox random(options.seed, static_cast<std::uint64_t>(r));
    values.push_back(draw(random));
  }
  return middle_of(std::move(values), options.level);
}

MeasuredFigure figure_of(const std::vector<TimedRound>& rounds, const BootstrapOptions& options,
                         const std::function<double(const std::vector<TimedRound>&)>& statistic) {
  MeasuredFigure figure{statistic(rounds), std::nullopt};
  if (count_calls(rounds) < kFewestCalls) return figure;
  figure.interval = bootstrapped(
      [&](Philox& random) {
        const std::vector<std::size_t> places = drawn_places(rounds.size(), random);
        return statistic(drawn_rounds(rounds, places, random));
      },
      options);
  return figure;
}

}  // namespace

double latency_quantile(std::vector<double> seconds, double share) {
  if (seconds.empty()) throw Error("a latency needs at least one call");
  if (!(share >= 0 && share < 1)) throw Error("a quantile's share must be inside [0, 1)");
  // 0.99 x 100 is 98.99999999999999 in double precision.
  const auto place = static_cast<std::ptrdiff_t>(std::floor(share * static_cast<double>(seconds.size()) + 1e-9));
  std::nth_element(seconds.begin(), seconds.begin() + place, seconds.end());
  return seconds[static_cast<std::size_t>(place)];
}

std::optional<MeasuredFigure> latency_at(const std::vector<TimedRound>& rounds, double share,
                                         const BootstrapOptions& options) {
  if (static_cast<double>(count_calls(rounds)) * (1 - share) < 1 - 1e-9) return std::nullopt;
  return figure_of(rounds, options, [share](const std::vector<TimedRound>& drawn) {
    return latency_quantile(seconds_of(drawn), share);
  });
}

MeasuredFigure throughput(const std::vector<TimedRound>& rounds, const BootstrapOptions& options) {
  count_calls(rounds);
  return figure_of(rounds, options, rate_of);
}

MeasuredFigure throughput_ratio(const std::vector<TimedRound>& rounds, const std::vector<TimedRound>& reference,
                                const BootstrapOptions& options) {
  MeasuredFigure figure{rate_of(rounds) / rate_of(reference), std::nullopt};
  if (std::min(count_calls(rounds), count_calls(reference)) < kFewestCalls) return figure;
  figure.interval = bootstrapped(
      [&](Philox& random) {
        const std::vector<std::size_t> places = drawn_places(rounds.size(), random);
        const std::vector<std::size_t> others =
            rounds.size() == reference.size() ? places : drawn_places(reference.size(), random);
        return rate_of(drawn_rounds(rounds, places, random)) / rate_of(drawn_rounds(reference, others, random));
      },
      options);
  return figure;
}

}  // namespace cigli
