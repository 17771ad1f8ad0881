#pragma once

#include <cstdint>
#include <functional>

namespace cigli {

// Calls `work(i)` for i = 0 .. count-1 on `workers` threads (0 = all cores this process may use) and waits for all. If
// calls throw, the exception of the smallest i comes out, so that it does not depend on timing.
void for_each_parallel(std::int64_t count, std::int64_t workers, const std::function<void(std::int64_t)>& work);

}  // namespace cigli
