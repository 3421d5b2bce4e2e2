#include "metrics/process_usage.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string_view>

namespace starling::metrics {
namespace {

/// A file of /proc, which comes in one read; what is longer is cut.
using Text = std::array<char, 2048>;
std::string_view read_file(const char* path, Text& text) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t count = read(file, text.data(), text.size());
  close(file);
  return {text.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

/// Field `index` (from 0) of fields with one blank between them.
std::uint64_t field(std::string_view text, std::size_t index) {
  for (; index > 0; --index) {
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos) return 0;
    text.remove_prefix(blank + 1);
  }
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double seconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// It does not change, and neither must what is told of it when the wall clock is stepped.
double started_at_s() {
  Text text;
  std::string_view stat = read_file("/proc/self/stat", text);
  const std::size_t name_end = stat.rfind(')');  // the name may have blanks and brackets
  if (name_end == std::string_view::npos) return 0;
  stat.remove_prefix(name_end + 2);
  constexpr std::size_t start_time_field = 19;  // field 22 of proc(5), where the state after the name is 3
  const double after_boot_s =
      static_cast<double>(field(stat, start_time_field)) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) + after_boot_s;
}

std::uint64_t open_files() {
  constexpr const char* path = "/proc/self/fd";
  struct stat told {};
  if (stat(path, &told) == 0 && told.st_size > 0) return static_cast<std::uint64_t>(told.st_size);
  DIR* folder = opendir(path);
  if (folder == nullptr) return 0;
  std::uint64_t count = 0;
  while (const dirent* entry = readdir(folder)) count += entry->d_name[0] != '.';
  closedir(folder);
  return count > 0 ? count - 1 : 0;  // the folder itself was open
}

}  // namespace

ProcessUsage process_usage() {
  static const double started = started_at_s();
  ProcessUsage usage{.started_at_s = started};
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) usage.cpu_s = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  Text text;
  const std::string_view pages = read_file("/proc/self/statm", text);
  const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  usage.virtual_bytes = field(pages, 0) * page_bytes;
  usage.resident_bytes = field(pages, 1) * page_bytes;
  usage.open_fds = open_files();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.max_fds = limit.rlim_cur;
  return usage;
}

}  // namespace starling::metrics
