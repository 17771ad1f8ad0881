#include "eval/study/bradley_terry.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "eval/student_t.h"
#include "eval/study/clustered.h"
#include "runtime/error.h"

namespace cigli {
namespace {

using Vector = std::vector<double>;
using Matrix = std::vector<Vector>;

// Votes on systems `first` and `second`, `weight` of them.
struct Duel {
  std::size_t first = 0, second = 0;
  double won = 0, weight = 1;
};

// Davidson's model as a choice among three: of parameters x, log strengths and last log nu, the first's win has the
// logit x[first], the second's x[second], a tie x.back() + (x[first] + x[second]) / 2. Its likelihood is concave.
struct Choice {
  std::array<double, 3> p{};  // first, tie, second
  double log_chosen = 0;
};

Choice choice_of(const Duel& duel, const Vector& x) {
  const double middle = x.back() + (x[duel.first] + x[duel.second]) / 2;
  Choice choice;
  choice.p = {x[duel.first], middle, x[duel.second]};
  const double chosen = duel.won == 1 ? choice.p[0] : duel.won == 0 ? choice.p[2] : choice.p[1];
  const double top = *std::max_element(choice.p.begin(), choice.p.end());
  double sum = 0;
  for (double& p : choice.p) sum += p = std::exp(p - top);
  for (double& p : choice.p) p /= sum;
  choice.log_chosen = chosen - top - std::log(sum);
  return choice;
}

// The logits' derivatives by x[first], x[second] and x.back().
constexpr std::array<std::array<double, 3>, 3> kSlopes{{{1, 0, 0}, {0.5, 0.5, 1}, {0, 1, 0}}};

struct Slope {
  std::array<double, 3> mean{}, gradient{};
};

Slope slope_of(const Duel& duel, const Choice& choice) {
  const std::size_t chosen = duel.won == 1 ? 0 : duel.won == 0 ? 2 : 1;
  Slope slope;
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t k = 0; k < 3; ++k) slope.mean[a] += choice.p[k] * kSlopes[k][a];
    slope.gradient[a] = kSlopes[chosen][a] - slope.mean[a];
  }
  return slope;
}

// Gauss and Jordan's inverse of a positive definite matrix.
Matrix inverse(Matrix m) {
  const std::size_t n = m.size();
  for (std::size_t k = 0; k < n; ++k) {
    const double pivot = m[k][k];
    m[k][k] = 1;
    for (double& value : m[k]) value /= pivot;
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = m[i][k];
      m[i][k] = 0;
      for (std::size_t j = 0; j < n; ++j) m[i][j] -= factor * m[k][j];
    }
  }
  return m;
}

struct DavidsonFit {
  bool found = false;  // a maximum
  Vector x;
  Matrix covariance;  // the inverse of the information; strengths' mean is held at 0
};

// By Newton's method, steps halved until they gain. Without `ties` nu stays 0.
DavidsonFit fit_davidson(const std::vector<Duel>& duels, std::size_t systems, bool ties) {
  constexpr double never = -700, far = 15;  // log nu of no ties; no maximum lies so far out
  DavidsonFit fit;
  fit.x.assign(systems + 1, 0);
  if (!ties) fit.x.back() = never;
  const auto likelihood = [&](const Vector& x) {
    double sum = 0;
    for (const Duel& duel : duels) sum += duel.weight * choice_of(duel, x).log_chosen;
    return sum;
  };
  double reached = likelihood(fit.x);
  for (int step = 0; step < 100; ++step) {
    Vector gradient(systems + 1);
    Matrix information(systems + 1, Vector(systems + 1));
    for (const Duel& duel : duels) {
      const std::array<std::size_t, 3> at{duel.first, duel.second, systems};
      const Choice choice = choice_of(duel, fit.x);
      const Slope slope = slope_of(duel, choice);
      for (std::size_t a = 0; a < 3; ++a) {
        gradient[at[a]] += duel.weight * slope.gradient[a];
        for (std::size_t b = 0; b < 3; ++b)
          for (std::size_t k = 0; k < 3; ++k)
            information[at[a]][at[b]] +=
                duel.weight * choice.p[k] * (kSlopes[k][a] - slope.mean[a]) * (kSlopes[k][b] - slope.mean[b]);
      }
    }
    // Adding the same to all strengths changes nothing: this makes the matrix definite and leaves steps of mean 0.
    for (std::size_t a = 0; a < systems; ++a)
      for (std::size_t b = 0; b < systems; ++b) information[a][b] += 1;
    if (!ties) {
      gradient[systems] = 0;
      for (std::size_t a = 0; a <= systems; ++a) information[a][systems] = information[systems][a] = 0;
      information[systems][systems] = 1;
    }
    fit.covariance = inverse(std::move(information));
    Vector move(systems + 1);
    double largest = 0;
    for (std::size_t a = 0; a <= systems; ++a) {
      for (std::size_t b = 0; b <= systems; ++b) move[a] += fit.covariance[a][b] * gradient[b];
      largest = std::max(largest, std::abs(move[a]));
    }
    fit.found = largest < 1e-9;
    if (fit.found || !std::isfinite(largest)) return fit;
    double share = 1;
    Vector next;
    for (double gained = -1; gained < 0 && share > 1e-6; share /= 2) {
      next = fit.x;
      for (std::size_t a = 0; a <= systems; ++a) next[a] += share * move[a];
      gained = likelihood(next) - reached * (1 + 1e-12);  // both are below 0, and rounded
    }
    fit.x = std::move(next);
    reached = likelihood(fit.x);
    for (std::size_t a = 0; a <= systems; ++a)
      if (std::abs(fit.x[a]) > far && (ties || a < systems)) return fit;
  }
  return fit;
}

// Throws unless comparisons lead from the first system to all.
void check_linked(const std::vector<Duel>& duels, const std::vector<std::string>& names) {
  std::vector<bool> linked(names.size());
  linked[0] = true;
  for (std::size_t round = 0; round < names.size(); ++round)
    for (const Duel& duel : duels)
      if (linked[duel.first] || linked[duel.second]) linked[duel.first] = linked[duel.second] = true;
  for (std::size_t s = 0; s < names.size(); ++s)
    if (!linked[s])
      throw Error("strengths can't be compared: no chain of comparisons links '" + names[0] + "' and '" + names[s] +
                  "'");
}

// " ('a' never lost)" and the like, or "".
std::string unbeaten(const std::vector<Duel>& duels, const std::vector<std::string>& names) {
  std::string found;
  for (const double won : {1.0, 0.0})
    for (std::size_t s = 0; s < names.size(); ++s) {
      const bool did = std::any_of(duels.begin(), duels.end(), [&](const Duel& duel) {
        return (duel.first == s && duel.won == won) || (duel.second == s && duel.won == 1 - won);
      });
      if (!did) found += (found.empty() ? "'" : ", '") + names[s] + (won == 1 ? "' never won" : "' never lost");
    }
  return found.empty() ? "" : " (" + found + ")";
}

}  // namespace

BradleyTerry bradley_terry(const std::vector<Comparison>& comparisons, double level) {
  if (comparisons.empty()) throw Error("strengths of systems need at least one comparison");
  if (!(level > 0 && level < 1)) throw Error("an interval needs a level inside (0, 1)");
  std::map<std::string, std::size_t> places;
  for (const Comparison& comparison : comparisons) {
    if (comparison.first == comparison.second)
      throw Error("found a comparison of system '" + comparison.first + "' with itself");
    if (comparison.won != 0 && comparison.won != 0.5 && comparison.won != 1)
      throw Error("found a vote of " + std::to_string(comparison.won) + ", expected 0, 0.5 or 1");
    places[comparison.first] = places[comparison.second] = 0;
  }
  std::vector<std::string> names;
  for (auto& [name, place] : places) {
    place = names.size();
    names.push_back(name);
  }
  std::vector<Duel> duels;
  std::vector<std::int64_t> items, raters;
  bool ties = false;
  for (const Comparison& comparison : comparisons) {
    duels.push_back({places[comparison.first], places[comparison.second], comparison.won});
    items.push_back(comparison.item);
    raters.push_back(comparison.rater);
    ties = ties || comparison.won == 0.5;
  }
  check_linked(duels, names);

  BradleyTerry result;
  const auto warn = [&](const std::string& why) { result.warning += (result.warning.empty() ? "" : "; ") + why; };
  std::map<std::tuple<std::size_t, std::size_t, double>, double> alike;
  for (const Duel& duel : duels) alike[{duel.first, duel.second, duel.won}] += 1;
  std::vector<Duel> counted;
  for (const auto& [duel, votes] : alike)
    counted.push_back({std::get<0>(duel), std::get<1>(duel), std::get<2>(duel), votes});
  DavidsonFit fit = fit_davidson(counted, names.size(), ties);
  if (!fit.found) {
    warn("no finite strengths fit the votes best, or they are not found" + unbeaten(duels, names) +
         ": half a win either way was added to each pair of systems that met");
    std::map<std::pair<std::size_t, std::size_t>, bool> met;
    for (const Duel& duel : counted) met[std::minmax(duel.first, duel.second)] = true;
    for (const auto& entry : met)
      for (const double won : {0.0, 1.0}) counted.push_back({entry.first.first, entry.first.second, won, 0.5});
    fit = fit_davidson(counted, names.size(), ties);
    if (!fit.found) throw Error("no strengths fit the comparisons");
  }
  result.tie = ties ? std::exp(fit.x.back()) : 0;

  // What a vote contributes to each strength, to first order: the inverse information times its gradient.
  Matrix contributions(names.size(), Vector(duels.size()));
  for (std::size_t v = 0; v < duels.size(); ++v) {
    const std::array<std::size_t, 3> at{duels[v].first, duels[v].second, names.size()};
    const Slope slope = slope_of(duels[v], choice_of(duels[v], fit.x));
    for (std::size_t s = 0; s < names.size(); ++s)
      for (std::size_t a = 0; a < (ties ? 3U : 2U); ++a)
        contributions[s][v] += fit.covariance[s][at[a]] * slope.gradient[a];
  }
  // What pseudo-votes take from the sum of 0 is shared out.
  for (Vector& contribution : contributions) {
    double mean = 0;
    for (const double value : contribution) mean += value / static_cast<double>(contribution.size());
    for (double& value : contribution) value -= mean;
  }
  // A system that never lost has gradients near 0: no variance is below the model's own, of independent votes.
  const double held = 1 / (static_cast<double>(names.size()) * static_cast<double>(names.size()));  // for the mean
  ClusteredVariance spread;
  for (std::size_t s = 0; s < names.size(); ++s) {
    spread = clustered_variance(contributions[s], items, raters);
    const double half = student_t_quantile((1 + level) / 2, spread.degrees_of_freedom) *
                        std::sqrt(std::max(spread.variance, fit.covariance[s][s] - held));
    result.strengths.push_back({names[s], fit.x[s], {fit.x[s] - half, fit.x[s] + half}});
  }
  const std::string few = few_clusters(spread.items, spread.raters);
  if (!few.empty()) warn(few);
  return result;
}

}  // namespace cigli
