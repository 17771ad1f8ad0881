#include "eval/study/agreement.h"

#include <gtest/gtest.h>

#include "runtime/error.h"

namespace cigli {
namespace {

TEST(Agreement, AlphaIsThatOfKrippendorffsExample) {
  // Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: four observers, twelve units.
  const auto no = std::nullopt;
  const Ratings ratings{{1, 1, no, 1}, {2, 2, 3, 2}, {3, 3, 3, 3}, {3, 3, 3, 3},  {2, 2, 2, 2},   {1, 2, 3, 4},
                        {4, 4, 4, 4},  {1, 1, 2, 1}, {2, 2, 2, 2}, {no, 5, 5, 5}, {no, no, 1, 1}, {no, 3, no, no}};
  EXPECT_NEAR(krippendorff_alpha(ratings, Scale::nominal).value(), 0.743, 5e-4);
  EXPECT_NEAR(krippendorff_alpha(ratings, Scale::ordinal).value(), 0.815, 5e-4);
  Ratings stretched = ratings;  // order alone counts
  for (auto& unit : stretched)
    for (auto& rating : unit)
      if (rating) rating = *rating * *rating * *rating - 7;
  EXPECT_EQ(krippendorff_alpha(stretched, Scale::ordinal), krippendorff_alpha(ratings, Scale::ordinal));
}

TEST(Agreement, AlphaIsOneWithoutDisagreementAndBelowZeroWithNothingElse) {
  EXPECT_EQ(krippendorff_alpha({{1, 1}, {0, 0}, {0.5, 0.5}}, Scale::ordinal), 1);
  EXPECT_NEAR(krippendorff_alpha({{1, 0}, {1, 0}}, Scale::nominal).value(), -0.5, 1e-12);  // 1 - 3 * 4 / (2 * 2 * 2)
}

TEST(Agreement, AlphaIsUndefinedWithoutPairsOrVariation) {
  EXPECT_FALSE(krippendorff_alpha({}, Scale::nominal));
  EXPECT_FALSE(krippendorff_alpha({{1, std::nullopt}, {2}, {}}, Scale::nominal));
  EXPECT_FALSE(krippendorff_alpha({{1, 1}, {1, 1}, {2}}, Scale::ordinal));
}

TEST(Agreement, KappaIsThatOfFleissDiagnoses) {
  // Fleiss (1971), table 1: thirty patients, six psychiatrists each; depression, personality disorder, schizophrenia,
  // neurosis, other.
  EXPECT_NEAR(fleiss_kappa({{0, 0, 0, 6, 0}, {0, 3, 0, 0, 3}, {0, 1, 4, 0, 1}, {0, 0, 0, 0, 6}, {0, 3, 0, 3, 0},
                            {2, 0, 4, 0, 0}, {0, 0, 4, 0, 2}, {2, 0, 3, 1, 0}, {2, 0, 0, 4, 0}, {0, 0, 0, 0, 6},
                            {1, 0, 0, 5, 0}, {1, 1, 0, 4, 0}, {0, 3, 3, 0, 0}, {1, 0, 0, 5, 0}, {0, 2, 0, 3, 1},
                            {0, 0, 5, 0, 1}, {3, 0, 0, 1, 2}, {5, 1, 0, 0, 0}, {0, 2, 0, 4, 0}, {1, 0, 2, 0, 3},
                            {0, 0, 0, 0, 6}, {0, 1, 0, 5, 0}, {0, 2, 0, 1, 3}, {2, 0, 0, 4, 0}, {1, 0, 0, 4, 1},
                            {0, 5, 0, 1, 0}, {4, 0, 0, 0, 2}, {0, 2, 0, 4, 0}, {1, 0, 5, 0, 0}, {0, 0, 0, 0, 6}})
                  .value(),
              0.430, 5e-4);
}

TEST(Agreement, KappaIsThatOfTenSubjectsAndFourteenRaters) {
  // The worked example of Wikipedia's "Fleiss' kappa": ten subjects, five categories, fourteen raters.
  EXPECT_NEAR(fleiss_kappa({{0, 0, 0, 0, 14},
                            {0, 2, 6, 4, 2},
                            {0, 0, 3, 5, 6},
                            {0, 3, 9, 2, 0},
                            {2, 2, 8, 1, 1},
                            {7, 7, 0, 0, 0},
                            {3, 2, 6, 3, 0},
                            {2, 5, 3, 2, 2},
                            {6, 5, 2, 1, 0},
                            {0, 2, 2, 3, 7}})
                  .value(),
              0.210, 5e-4);
}

TEST(Agreement, KappaNeedsCountsThatFit) {
  EXPECT_THROW(fleiss_kappa({{2, 1}, {2, 2}}), Error);
  EXPECT_THROW(fleiss_kappa({{2, 1}, {3}}), Error);
  EXPECT_THROW(fleiss_kappa({{1, 0}, {0, 1}}), Error);
  EXPECT_THROW(fleiss_kappa({{4, -1}, {3, 0}}), Error);
  EXPECT_FALSE(fleiss_kappa({}));
  EXPECT_FALSE(fleiss_kappa({{3, 0}, {3, 0}}));
}

}  // namespace
}  // namespace cigli
