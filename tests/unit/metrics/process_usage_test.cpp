#include "metrics/process_usage.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <vector>

namespace starling::metrics {

TEST_SUITE("metrics.process_usage") {
  TEST_CASE("this process: memory, time, and files as they are opened") {
    const ProcessUsage before = process_usage();
    CHECK(before.resident_bytes > 0);
    CHECK(before.virtual_bytes >= before.resident_bytes);
    CHECK(before.max_fds >= before.open_fds);
    const double now_s =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    CHECK(before.started_at_s <= now_s + 1);
    CHECK(before.started_at_s > now_s - 24 * 3600);
    std::vector<int> files;
    for (int i = 0; i < 10; ++i) files.push_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK(process_usage().open_fds == before.open_fds + 10);
    for (const int file : files) close(file);
    CHECK(process_usage().open_fds == before.open_fds);
    const double cpu_s = process_usage().cpu_s;
    CHECK(cpu_s >= before.cpu_s);
    volatile std::uint64_t work = 0;
    while (process_usage().cpu_s == cpu_s) work = work + 1;  // it goes on
    CHECK(process_usage().started_at_s == before.started_at_s);
  }
}

}  // namespace starling::metrics
