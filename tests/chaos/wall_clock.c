// Preloaded into a node (LD_PRELOAD): its wall clock goes wrong by what a file says, while it runs.
//
// The file named by STARLING_CHAOS_CLOCK holds one signed number of nanoseconds, 8 bytes in the machine's
// order. It is mapped: whoever writes it steps the clock of the process that very moment. Only the wall clock
// is shifted. A monotonic clock that jumps would be another fault, one that no kernel has.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t ns_per_s = 1000000000;
static _Atomic int64_t* offset_ns;
static int (*real_clock_gettime)(clockid_t, struct timespec*);

__attribute__((constructor)) static void map_offset(void) {
  *(void**)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");  // as POSIX has it in dlsym()
  const char* path = getenv("STARLING_CHAOS_CLOCK");
  const int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void* mapped = mmap(NULL, sizeof *offset_ns, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) offset_ns = mapped;
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  if (real_clock_gettime == NULL) map_offset();
  const int result = real_clock_gettime(clock, now);
  if (result == 0 && offset_ns != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    const int64_t sum_ns = (int64_t)now->tv_sec * ns_per_s + now->tv_nsec + atomic_load(offset_ns);
    now->tv_sec = sum_ns / ns_per_s;
    now->tv_nsec = sum_ns % ns_per_s;
  }
  return result;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  (void)zone;
  struct timespec precise;
  if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return -1;
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* now) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (now != NULL) *now = precise.tv_sec;
  return precise.tv_sec;
}
