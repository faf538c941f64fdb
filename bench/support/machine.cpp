// SPDX-License-Identifier: BSL-1.0
#include "machine.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "system.hpp"

namespace coir_bench {

namespace {

std::vector<int> read_allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  check(::sched_getaffinity(0, sizeof set, &set), "sched_getaffinity");
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace

std::string kernel_release() {
  utsname names{};
  check(::uname(&names), "uname");
  return std::string(names.sysname) + " " + names.release;
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string compiler_version() {
#if defined(__clang__)
  return "clang++ " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

std::string load_average() {
  std::ifstream file("/proc/loadavg");
  std::string one;
  std::string five;
  std::string fifteen;
  file >> one >> five >> fifteen;
  return one + " " + five + " " + fifteen;
}

void pin_to_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  check(::sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

void pin_to_allowed_cpu(unsigned nth) {
  // Read before the first pinning narrows it; a child thread inherits the narrowed set.
  static const std::vector<int> allowed = read_allowed_cpus();
  pin_to_cpu(allowed.at(nth % allowed.size()));
}

std::int64_t process_cpu_ns(int pid) {
  const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
  std::int64_t total_ns = 0;
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::ifstream file(task.path() / "schedstat");
    std::int64_t run_ns = 0;
    // A thread may end between the listing and the reading.
    if (file >> run_ns) total_ns += run_ns;
  }
  if (total_ns == 0) throw std::runtime_error("no run time in " + tasks.string() + "/*/schedstat");
  return total_ns;
}

void raise_descriptor_limit() {
  rlimit limit{};
  check(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  check(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

long preemption_count() {
  rusage usage{};
  check(::getrusage(RUSAGE_THREAD, &usage), "getrusage");
  return usage.ru_nivcsw;
}

}  // namespace coir_bench
