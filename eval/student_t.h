#pragma once

namespace cigli {

// Student's t distribution, degrees of freedom above 0, of infinity the normal distribution: P(|T| > t) for t of at
// least 0, and the quantile of p inside (0, 1).
double student_t_tails(double t, double degrees);
double student_t_quantile(double p, double degrees);

}  // namespace cigli
